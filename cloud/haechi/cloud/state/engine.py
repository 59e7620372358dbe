"""Opening the state database, and the two ways to use it: reading, and writing.

People and the intake never wait for each other's connections: :func:`open_state` gives those of people, which are many
and asked for in bursts, :func:`open_apart` some that nobody else uses.

SQLite: WAL, ``synchronous=FULL`` (what is committed survives a power cut), foreign keys, a busy timeout; a writing
transaction begins with ``BEGIN IMMEDIATE``, so that what it read cannot change before it writes. PostgreSQL:
transactions commit synchronously, and writers lock the rows that they depend on.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateColumn

from haechi.cloud.state import postgresql
from haechi.cloud.state.schema import metadata
from haechi.command import UsageError
from haechi.text import _

BUSY_TIMEOUT_S = 10.0
UNREADABLE = (DBAPIError, PoolTimeoutError)
"""What reading raises when the database cannot be read now; the same may be tried again."""
_PEOPLE_WAIT_S = 5.0
_KEPT, _MORE, _MORE_OF_A_SERVER = 5, 45, 15
"""Connections for people: more than threads serve them, but not all that a server has for several workers."""
_WRITES = "haechi_writes"


def open_state(url: str) -> Engine:
    """Open the state database; create the tables, columns and indexes that an earlier version did not have.

    Raises:
        UsageError: the URL is wrong, its driver is missing, or the database cannot be opened.
    """
    scheme = url.partition(":")[0]
    more = _MORE if scheme == "sqlite" else _MORE_OF_A_SERVER
    engine = _engine(url, {"pool_size": _KEPT, "max_overflow": more, "pool_timeout": _PEOPLE_WAIT_S})
    try:
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                postgresql.verify(connection)
                postgresql.take_turns(connection)
            metadata.create_all(connection)
            _add_what_lacks(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        where = f"{url.partition('?')[0]}"
        raise UsageError(
            _("state: {where} cannot be opened: {reason}").format(where=where, reason=reason(error))
        ) from error
    except UsageError:
        engine.dispose()
        raise
    return engine


@contextmanager
def opened_state(url: str) -> Iterator[Engine]:
    """Open the state database for as long as the context lasts; see :func:`open_state`."""
    engine = open_state(url)
    try:
        yield engine
    finally:
        engine.dispose()


def open_apart(url: str, connections: int) -> Engine:
    """Return another engine for a database that is open, with connections that nobody else uses.

    Raises:
        UsageError: the URL is wrong, or its driver is missing.
    """
    return _engine(url, {"pool_size": connections, "max_overflow": 0})


def reason(error: SQLAlchemyError) -> str:
    """Return what the database said, in one line and without what was being written."""
    said = getattr(error, "orig", None) or error.__cause__ or error
    return str(said).partition("\n")[0]


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Read from one consistent view; blocks no writer."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Write in one transaction: committed and durable when the block ends, undone when it raises."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


def _add_what_lacks(connection: Connection) -> None:
    """Add what later versions added to a table. Columns are only ever added, nullable or with a default."""
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                definition = str(CreateColumn(column).compile(dialect=connection.dialect))
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _engine(url: str, pool: Mapping[str, Any]) -> Engine:
    scheme = url.partition(":")[0]
    if scheme == "postgresql":
        return postgresql.engine_of(url, **pool)
    if scheme != "sqlite":
        shown = scheme if url.partition(":")[1] else url[:40]
        raise UsageError(
            _("state: {shown!r} is not supported; expected sqlite:///PATH or {expected}").format(
                shown=shown, expected=postgresql.EXPECTED
            )
        )
    path = unquote(url.removeprefix("sqlite:///").removeprefix("sqlite://"))
    if path in ("", ":memory:") or not url.startswith("sqlite:///"):
        raise UsageError(_("state: sqlite needs a file, as in sqlite:////var/lib/haechi/state.db"))
    file = Path(path).expanduser()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(_("state: {file} cannot be opened: {reason}").format(file=file, reason=error)) from error
    arguments = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(URL.create("sqlite", database=str(file)), connect_args=arguments, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
