"""INSERT … ON CONFLICT DO UPDATE, which SQLite and PostgreSQL both have and SQLAlchemy spells once for each."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Table, case, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    kept: Collection[str] = (),
    rising: Collection[str] = (),
    newer_by: Sequence[str] = (),
) -> None:
    """Insert rows, or overwrite those that have the same primary key; all rows name the same columns.

    Columns in ``kept`` are written when a row is new and never again, those in ``rising`` keep the higher value. With
    ``newer_by``, a row is overwritten only by one that is not older by these columns.
    """
    if not rows:
        return
    statement = _statement(connection.dialect.name, table, tuple(rows[0]), tuple(kept), tuple(rising), tuple(newer_by))
    connection.execute(statement, [dict(row) for row in rows])


@lru_cache(maxsize=256)
def _statement(
    dialect: str,
    table: Table,
    columns: tuple[str, ...],
    kept: tuple[str, ...],
    rising: tuple[str, ...],
    newer_by: tuple[str, ...],
) -> Insert:
    """Return the statement of an upsert; kept, because building one costs SQLAlchemy more than running it."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    keys = [column.name for column in table.primary_key]
    changed: dict[str, ColumnElement[Any]] = {
        name: statement.excluded[name] for name in columns if name not in keys and name not in kept
    }
    for name in rising:
        changed[name] = case((table.c[name] > statement.excluded[name], table.c[name]), else_=statement.excluded[name])
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    newer = None
    if newer_by:
        newer = tuple_(*(statement.excluded[name] for name in newer_by)) >= tuple_(
            *(table.c[name] for name in newer_by)
        )
    return statement.on_conflict_do_update(index_elements=keys, set_=changed, where=newer)


def insert_or_ignore(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique index has it already; return whether it was inserted."""
    return connection.execute(_insert_or_ignore(connection.dialect.name, table), dict(row)).first() is not None


@lru_cache(maxsize=64)
def _insert_or_ignore(dialect: str, table: Table) -> ReturningInsert[Any]:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().returning(*table.primary_key)
