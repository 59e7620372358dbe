"""What has come of every parcel: stored, reported as lost, or kept whole because nobody could read it."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, false

from haechi.cloud.state.schema.tables import EPOCH, NAME, ROW_NUMBER, metadata

gateways = Table(
    "gateways",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("gateway", NAME, primary_key=True),
    Column("online", Boolean, nullable=False, server_default=false()),
    Column("status", LargeBinary),  # GatewayStatus as JSON, as it came
    Column("status_at_us", BigInteger),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("observations", BigInteger, nullable=False, server_default="0"),  # stored, counted with their parcels
    Column("repeats", BigInteger, nullable=False, server_default="0"),  # parcels that came again and were not applied
    Column("current_epoch", EPOCH),  # the one it commits in, as it last said
    Column("said_at_us", BigInteger),  # its own time of the newest status that said "online"
    Column("fenced", Text),  # why intake from this gateway is refused; NULL when it is not
    Index("gateways_by_presence", "online", "status_at_us"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("gateway", NAME, primary_key=True),
    Column("epoch", EPOCH, primary_key=True),
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


def _ranges(name: str, comment: str) -> Table:
    """Return a table of parcels of an epoch, by their numbers."""
    return Table(
        name,
        metadata,
        Column("tenant", NAME, primary_key=True),
        Column("gateway", NAME, primary_key=True),
        Column("epoch", EPOCH, primary_key=True),
        Column("first", BigInteger, primary_key=True),
        Column("last", BigInteger, nullable=False),
        comment=comment,
    )


settled = _ranges("settled", "Stored ranges, closed, disjoint, not adjacent.")
lost = _ranges(
    "lost", "Ranges reported as lost and not stored; disjoint from settled, a late parcel takes its number out."
)

losses = Table(
    "losses",
    metadata,
    Column("tenant", NAME, primary_key=True),
    Column("id", NAME, primary_key=True),
    Column("gateway", NAME, nullable=False),
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
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("tenant", NAME, nullable=False),
    Column("gateway", NAME, nullable=False),
    Column("epoch", EPOCH, nullable=False),
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

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("tenant", NAME, nullable=False),
    Column("gateway", NAME, nullable=False),
    Column("topic", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # parcel, point, event, control
    Column("reason", Text, nullable=False),
    Column("epoch", EPOCH),
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
