"""What the gateways describe, and the newest value of each datastream."""

from sqlalchemy import BigInteger, Boolean, Column, Float, LargeBinary, String, Table, Text

from haechi.cloud.state.schema.tables import NAME, metadata

places = Table(
    "places",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("id", NAME, primary_key=True),
    Column("name", Text, nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
)

things = Table(
    "things",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("gateway", NAME, primary_key=True),
    Column("id", NAME, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("place", NAME, nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("adapter", Text, nullable=False),
    Column("epoch_order", BigInteger, nullable=False, server_default="0"),  # with seq: which description is newer
    Column("seq", BigInteger, nullable=False, server_default="0"),
)

datastreams = Table(
    "datastreams",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("gateway", NAME, primary_key=True),
    Column("id", String(160), primary_key=True),
    Column("thing", NAME, nullable=False),
    Column("observed_property", NAME, nullable=False),
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
    Column("tenant", NAME, primary_key=True),
    Column("gateway", NAME, primary_key=True),
    Column("thing", NAME, primary_key=True),
    Column(
        "values", LargeBinary, nullable=False
    ),  # MessagePack: datastream → [epoch_order, seq, time_us, value, quality]
    comment="The newest value of each datastream by (epoch order, seq), a row for each thing.",
)
