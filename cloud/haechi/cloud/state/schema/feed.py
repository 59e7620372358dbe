"""What is to be told: notifications of situations, and the feed of what has changed."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, String, Table

from haechi.cloud.state.schema.tables import NAME, ROW_NUMBER, metadata

notifications = Table(
    "notifications",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("key", String(160), nullable=False, unique=True),  # idempotency key
    Column("tenant", NAME, nullable=False),
    Column("situation", NAME, nullable=False),
    Column("reason", String(16), nullable=False),  # opened, reopened, worsened, cleared
    Column("created_us", BigInteger, nullable=False),
    Column("sent_us", BigInteger),
    ForeignKeyConstraint(["situation"], ["situations.id"]),
    Index("notifications_by_situation", "situation"),
    Index("notifications_by_time", "created_us"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("tenant", NAME, nullable=False),
    Column("kind", String(16), nullable=False),  # situation, event, evidence, gateway, command, audit, …
    Column("key", String(160), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    comment="The change feed: what changed, in commit order; bounded. Its id is the SSE event id.",
    sqlite_autoincrement=True,
)
