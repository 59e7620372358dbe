"""The tables of the state database (SQLAlchemy Core; SQLite and PostgreSQL).

Times are microseconds since 1970 UTC. Every row belongs to a tenant. Unique indexes, not code, hold the promises:
an event id exists once, and one situation is open per place and matter.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
    true,
)

metadata = MetaData()

_Id = String(64)
_EPOCH = LargeBinary(16)
_BigKey = BigInteger().with_variant(Integer, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Return what makes an index hold only some of the rows."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


gateways = Table(
    "gateways",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("online", Boolean, nullable=False, server_default=false()),
    Column("status", LargeBinary),  # GatewayStatus as JSON, as it came
    Column("status_at_us", BigInteger),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("observations", BigInteger, nullable=False, server_default="0"),  # stored, counted with their parcels
    Column("repeats", BigInteger, nullable=False, server_default="0"),  # parcels that came again and were not applied
    Column("current_epoch", _EPOCH),  # the one it commits in, as it last said
    Column("said_at_us", BigInteger),  # its own time of the newest status that said "online"
    Column("fenced", Text),  # why intake from this gateway is refused; NULL when it is not
    Index("gateways_by_presence", "online", "status_at_us"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("epoch", _EPOCH, primary_key=True),
    Column("epoch_order", BigInteger, nullable=False),
    Column("first_seen_us", BigInteger, nullable=False),
    Column("next_seq", BigInteger),  # as the gateway last announced it
    Column("closed", Boolean, nullable=False, server_default=false()),
    Column(
        "final", Boolean, nullable=False, server_default=false()
    ),  # a later one is current: next_seq stands for ever
    Column("missing_since_us", BigInteger),  # something of it has been missing, or all of it unlisted, since then
    Column("asks", Integer, nullable=False, server_default="0"),  # how often it was asked for since
    Column("superseded", Boolean, nullable=False, server_default=false()),  # a later one became current after it
    Column("superseded_at_us", BigInteger),  # since when
    Index("epochs_by_first_seen", "first_seen_us"),
)

settled = Table(
    "settled",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("epoch", _EPOCH, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
    comment="Stored ranges, closed, disjoint, not adjacent.",
)

lost = Table(
    "lost",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("epoch", _EPOCH, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
    comment="Ranges reported as lost and not stored; disjoint from settled, a late parcel takes its number out.",
)

losses = Table(
    "losses",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("gateway", _Id, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("record", LargeBinary, nullable=False),  # LossRecord as JSON
    Column("first_us", BigInteger),
    Column("last_us", BigInteger),
    Column("reported_us", BigInteger, nullable=False),
    comment="What operators see of losses.",
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("tenant", _Id, nullable=False),
    Column("gateway", _Id, nullable=False),
    Column("epoch", _EPOCH, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("stored_at_us", BigInteger, nullable=False),
    Column("marker", BigInteger, nullable=False, server_default="0"),  # the last one issued when it was begun
    Column("observations", BigInteger, nullable=False, server_default="0"),  # as the gateway's row counts them
    Index("receipts_by_time", "stored_at_us"),
    Index("receipts_by_end", "tenant", "gateway", "epoch", "last"),
    comment="What was stored from then on, for ten minutes at most: lets a restored time-series store be filled again.",
)

markers = Table(
    "markers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("name", String(32), nullable=False),  # random: under this name this state's markers stand in the store
    Column("issued", BigInteger, nullable=False, server_default="0"),  # the highest number that was ever given
    Column("number", BigInteger, nullable=False, server_default="0"),  # known to stand in the store; 0: none
    Column("at_us", BigInteger, nullable=False, server_default="0"),  # when that one was written
    Column("restored_at_us", BigInteger),  # when the store was last seen to have gone back
    Column("restored_to_us", BigInteger),  # to when; NULL where it has no marker at all
    Column("asked_again", BigInteger, nullable=False, server_default="0"),  # parcels that were withdrawn then
    Column("withdrawals", BigInteger, nullable=False, server_default="0"),  # how often receipts began to be withdrawn
    comment="One row: what the newest marker in the time-series store must be at least.",
)

places = Table(
    "places",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
)

things = Table(
    "things",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", _Id, nullable=False),
    Column("place", _Id, nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("adapter", Text, nullable=False),
    Column("epoch_order", BigInteger, nullable=False, server_default="0"),  # with seq: which description is newer
    Column("seq", BigInteger, nullable=False, server_default="0"),
)

datastreams = Table(
    "datastreams",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("id", String(160), primary_key=True),
    Column("thing", _Id, nullable=False),
    Column("observed_property", _Id, nullable=False),
    Column("unit", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("period_s", Float),
    Column("device_time", Boolean, nullable=False),
    Column("device_zone", String(64)),  # in which the device keeps its time; NULL where nobody says
    Column("device_clock", String(16)),  # synchronised, free
    Column("counter", String(16)),  # total, increment; NULL for what is no count
    Column("rolls_over_at", Float),
    Column("epoch_order", BigInteger, nullable=False, server_default="0"),  # with seq: which description is newer
    Column("seq", BigInteger, nullable=False, server_default="0"),
)

latest = Table(
    "latest",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("thing", _Id, primary_key=True),
    Column(
        "values", LargeBinary, nullable=False
    ),  # MessagePack: datastream → [epoch_order, seq, time_us, value, quality]
    comment="The newest value of each datastream by (epoch order, seq), a row for each thing.",
)

situations = Table(
    "situations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, nullable=False),
    Column("place", _Id, nullable=False),
    Column("matter", _Id, nullable=False),
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
    Column("gateway", _Id, nullable=False),  # of the event that opened it
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
        **_where('"open"'),
    ),
    Index("situations_by_time", "tenant", "opened_us"),
    Index("situations_by_place", "tenant", "place", "matter", "open", "cleared_us"),
    Index("situations_by_quiet", "quiet_at_us", **_where("quiet_at_us IS NOT NULL")),
    Index("situations_by_update", "open", "updated_us"),
)

events = Table(
    "events",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("gateway", _Id, nullable=False),
    Column("type", String(64), nullable=False),
    Column("source", _Id, nullable=False),
    Column("subject", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("condition", String(160), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),  # Event as JSON
    Column("epoch_order", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),  # came from backlog
    Column("stored_at_us", BigInteger, nullable=False),
    Column("situation", _Id),
    Column("clip_missed", Text),  # why a clip of it is not to come; NULL where nobody said so
    Index("events_by_time", "tenant", "time_us"),
    Index("events_by_situation", "situation"),
    Index("events_by_storing", "stored_at_us"),
)

conditions = Table(
    "conditions",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("gateway", _Id, primary_key=True),
    Column("condition", String(160), primary_key=True),
    Column("epoch_order", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("type", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("situation", _Id),
    Index("conditions_by_situation", "situation", "active", "severity", "gateway", "condition"),
    Index("conditions_by_name", "condition", "active"),
    comment="The newest word on each condition by (epoch order, seq); older events are history.",
)

evidence = Table(
    "evidence",
    metadata,
    Column("tenant", _Id, primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("event", _Id, nullable=False),
    Column("gateway", _Id, nullable=False),
    Column("source", _Id, nullable=False),
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
    Column("tenant", _Id, primary_key=True),
    Column("evidence", _Id, primary_key=True),
    Column("piece", Integer, primary_key=True),  # from 1
    Column("bytes", Integer, nullable=False),
    Column("object", String(200), nullable=False),
    Index("evidence_pieces_by_object", "object"),
    comment="What has come of a clip; its pieces in their order are the clip.",
)

commands = Table(
    "commands",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("tenant", _Id, nullable=False),
    Column("gateway", _Id, nullable=False),
    Column("name", String(16), nullable=False, server_default="actuate"),  # or clip
    Column("device", _Id, nullable=False),  # or the camera
    Column("actuator", _Id, nullable=False),  # empty for a clip
    Column("value", Text, nullable=False),  # as JSON; null for a clip
    Column("event", _Id),  # of which a clip is wanted
    Column("on_s", Float),
    Column("given_by", String(128), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),  # why, in that person's words
    Column("given_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # sent, done, refused, expired, unknown
    Column("detail", Text, nullable=False),
    Column("told_us", BigInteger),  # when it became so, by the gateway's clock; NULL while the gateway has said nothing
    Column("settled_us", BigInteger),
    Index("commands_by_gateway", "tenant", "gateway", "given_us"),
    Index("commands_open", "state", "expires_us"),
    Index("commands_by_event", "tenant", "event", **_where("event IS NOT NULL")),
    comment="Everything that a gateway was ever told to do, and what became of it.",
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", _Id, primary_key=True),
    Column("role", String(16), nullable=False),  # viewer, operator, commander, admin
    Column("tenants", Text),  # JSON list of cities; NULL: all
    Column("gateways", Text),  # JSON list of those that may be commanded; NULL: all
    Column("password", Text),  # its scrypt sum; NULL for a program's account
    Column("token", LargeBinary(32)),  # SHA-256 of a program's token
    Column("wrong", Integer, nullable=False, server_default="0"),  # wrong passwords in a row
    Column("wrong_us", BigInteger),  # when the last of them came
    Column("changed_us", BigInteger, nullable=False),
    Index("accounts_by_token", "token", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", LargeBinary(32), primary_key=True),  # SHA-256 of the secret in the browser's cookie
    Column("account", _Id, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Index("sessions_by_account", "account", "expires_us"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("tenant", _Id, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("who", _Id, nullable=False),  # an account's name; empty where there are no accounts
    Column("action", String(16), nullable=False),
    Column("key", _Id, nullable=False),  # of what: a situation, a command, an event, an account
    Column("command", _Id),  # by which a gateway was told so
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_time", "tenant", "id"),
    Index("audit_by_key", "tenant", "key", "id"),
    comment="Who did what, when and why. Rows are never changed nor deleted.",
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("key", String(160), nullable=False, unique=True),  # idempotency key
    Column("tenant", _Id, nullable=False),
    Column("situation", _Id, nullable=False),
    Column("reason", String(16), nullable=False),  # opened, reopened, worsened, cleared
    Column("created_us", BigInteger, nullable=False),
    Column("sent_us", BigInteger),
    ForeignKeyConstraint(["situation"], ["situations.id"]),
    Index("notifications_by_situation", "situation"),
    Index("notifications_by_time", "created_us"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("tenant", _Id, nullable=False),
    Column("gateway", _Id, nullable=False),
    Column("topic", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # parcel, point, event, control
    Column("reason", Text, nullable=False),
    Column("epoch", _EPOCH),
    Column("seq", BigInteger),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    Index("dead_letters_once", "tenant", "gateway", "sha256", unique=True),
    Index("dead_letters_by_size", "tenant", "gateway", "id", "bytes"),
    Index("dead_letters_by_time", "received_us"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("tenant", _Id, nullable=False),
    Column("kind", String(16), nullable=False),  # situation, event, evidence, gateway, command, audit, …
    Column("key", String(160), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    comment="The change feed: what changed, in commit order; bounded. Its id is the SSE event id.",
    sqlite_autoincrement=True,
)
