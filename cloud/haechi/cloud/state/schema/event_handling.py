"""Events, what shows them, and the situations that are made of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    true,
)

from haechi.cloud.state.schema.tables import NAME, metadata, only_where

situations = Table(
    "situations",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("tenant", NAME, nullable=False),
    Column("place", NAME, nullable=False),
    Column("matter", NAME, nullable=False),
    Column("open", Boolean, nullable=False, server_default=true()),
    Column("active", Boolean, nullable=False, server_default=true()),  # ISA-18.2: independent bits
    Column("acknowledged", Boolean, nullable=False, server_default=false()),
    Column("shelved_until_us", BigInteger),
    Column("severity", String(16), nullable=False),  # of what is active now
    Column("severity_max", String(16), nullable=False),  # the worst it ever was
    Column("headline", String(64), nullable=False),  # type of the event that weighs most now
    Column("place_name", Text, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("gateway", NAME, nullable=False),  # of the event that opened it
    Column("datastream", String(160), nullable=False, server_default=""),  # shows it best
    Column("opened_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("cleared_us", BigInteger),
    Column("quiet_at_us", BigInteger),  # things that merely happen: it ends then, unless more of them come
    Column("event_count", Integer, nullable=False),
    Index(
        "situations_one_open",
        "tenant",
        "place",
        "matter",
        unique=True,
        **only_where('"open"'),
    ),
    Index("situations_by_time", "tenant", "opened_us"),
    Index("situations_by_place", "tenant", "place", "matter", "open", "cleared_us"),
    Index("situations_by_quiet", "quiet_at_us", **only_where("quiet_at_us IS NOT NULL")),
    Index("situations_by_update", "open", "updated_us"),
)

events = Table(
    "events",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("id", NAME, primary_key=True),
    Column("gateway", NAME, nullable=False),
    Column("type", String(64), nullable=False),
    Column("source", NAME, nullable=False),
    Column("subject", NAME, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("condition", String(160), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),  # Event as JSON
    Column("epoch_order", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),  # came from backlog
    Column("stored_at_us", BigInteger, nullable=False),
    Column("situation", NAME),
    Column("clip_missed", Text),  # why a clip of it is not to come; NULL where nobody said so
    Index("events_by_time", "tenant", "time_us"),
    Index("events_by_situation", "situation"),
    Index("events_by_storing", "stored_at_us"),
)

conditions = Table(
    "conditions",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("gateway", NAME, primary_key=True),
    Column("condition", String(160), primary_key=True),
    Column("epoch_order", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("type", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("situation", NAME),
    Index("conditions_by_situation", "situation", "active", "severity", "gateway", "condition"),
    Index("conditions_by_name", "condition", "active"),
    comment="The newest word on each condition by (epoch order, seq); older events are history.",
)

evidence = Table(
    "evidence",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("id", NAME, primary_key=True),
    Column("event", NAME, nullable=False),
    Column("gateway", NAME, nullable=False),
    Column("source", NAME, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("object", String(200), nullable=False),  # key in the object store; empty for what comes in pieces
    Column("pieces", Integer, nullable=False, server_default="1"),
    Column("stored_at_us", BigInteger),  # NULL where an earlier version wrote it
    Index("evidence_by_event", "tenant", "event"),
    Index("evidence_by_storing", "stored_at_us", "time_us"),
    Index("evidence_by_object", "object"),
)

evidence_pieces = Table(
    "evidence_pieces",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("evidence", NAME, primary_key=True),
    Column("piece", Integer, primary_key=True),  # from 1
    Column("bytes", Integer, nullable=False),
    Column("object", String(200), nullable=False),
    Index("evidence_pieces_by_object", "object"),
    comment="What has come of a clip; its pieces in their order are the clip.",
)
