"""What all tables are made of: one set of metadata, and the kinds of columns that mean the same everywhere."""

from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, String, text

metadata = MetaData()

NAME = String(64)
"""The id of anything: a city, a gateway, a place, an event, an account."""
EPOCH = LargeBinary(16)
ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives; SQLite counts only in what it calls INTEGER."""


def only_where(condition: str) -> dict[str, Any]:
    """Return what makes an index hold only some of the rows."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
