"""Who may what, what they did, and what gateways were told."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table, Text

from haechi.cloud.state.schema.tables import NAME, ROW_NUMBER, metadata, only_where

commands = Table(
    "commands",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("tenant", NAME, nullable=False),
    Column("gateway", NAME, nullable=False),
    Column("name", String(16), nullable=False, server_default="actuate"),  # or clip
    Column("device", NAME, nullable=False),  # or the camera
    Column("actuator", NAME, nullable=False),  # empty for a clip
    Column("value", Text, nullable=False),  # as JSON; null for a clip
    Column("event", NAME),  # of which a clip is wanted
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
    Index("commands_by_event", "tenant", "event", **only_where("event IS NOT NULL")),
    comment="Everything that a gateway was ever told to do, and what became of it.",
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", NAME, primary_key=True),
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
    Column("account", NAME, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Index("sessions_by_account", "account", "expires_us"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("tenant", NAME, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("who", NAME, nullable=False),  # an account's name; empty where there are no accounts
    Column("action", String(16), nullable=False),
    Column("key", NAME, nullable=False),  # of what: a situation, a command, an event, an account
    Column("command", NAME),  # by which a gateway was told so
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_time", "tenant", "id"),
    Index("audit_by_key", "tenant", "key", "id"),
    comment="Who did what, when and why. Rows are never changed nor deleted.",
)
