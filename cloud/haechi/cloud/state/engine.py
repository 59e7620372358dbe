"""Opening the state database, and the two ways to use it: reading, and writing.

SQLite: WAL, ``synchronous=FULL`` (what is committed survives a power cut), foreign keys, a busy timeout; a writing
transaction begins with ``BEGIN IMMEDIATE``, so that what it read cannot change before it writes. PostgreSQL:
transactions commit synchronously, and writers lock the rows that they depend on.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateColumn

from haechi.cloud.state.schema import metadata
from haechi.command import UsageError
from haechi.text import _

BUSY_TIMEOUT_S = 10.0
_WRITES = "haechi_writes"


def open_state(url: str) -> Engine:
    """Open the state database; create the tables and columns that an earlier version did not have.

    Raises:
        UsageError: the URL is wrong, its driver is missing, or the database cannot be opened.
    """
    engine = _engine(_parse(url))
    try:
        with writing(engine) as connection:
            metadata.create_all(connection)
            _add_columns(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise UsageError(
            _("state: {url} cannot be opened: {reason}").format(url=engine.url.render_as_string(), reason=reason)
        ) from error
    return engine


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


def _add_columns(connection: Connection) -> None:
    """Add what later versions added. Columns are only ever added, nullable or with a default, never changed."""
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                definition = str(CreateColumn(column).compile(dialect=connection.dialect))
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError(_("state: this is not a database URL; expected sqlite:///PATH or postgresql://…")) from error
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise UsageError(
            _("state: {backend} is not supported; expected sqlite:///PATH or postgresql://…").format(backend=backend)
        )
    if backend == "postgresql" and parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UsageError(_("state: sqlite needs a file, as in sqlite:////var/lib/haechi/state.db"))
    return parsed


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
        folder = Path(url.database or "").parent
        folder.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})
    except ModuleNotFoundError as error:
        raise UsageError(
            _("state: {url} needs the package {package}: pip install {package}").format(
                url=url.render_as_string(), package=error.name
            )
        ) from error
    except OSError as error:
        raise UsageError(_("state: {url} cannot be opened: {reason}").format(url=url, reason=error)) from error
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
