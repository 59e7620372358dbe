"""The embedded time-series store: one SQLite file, no server.

WAL and ``synchronous=FULL``: a batch is one transaction, durable when :meth:`SqlitePoints.write` returns. There is
one writing connection; who reads takes one of his own, of which a few are kept for the next, so charts never wait for
intake and the number of open files is bounded by how many read at once. A value stands in the column
of its type, so that truth, text and numbers come back as what they were (whole numbers as floats). With a retention,
each write also forgets a little of what is older.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, Full, LifoQueue
from threading import Lock

from haechi.cloud.store import Batch, Marker, RefusedPoint, Row, StoreRefused, StoreUnavailable
from haechi.cloud.store.points import Limits, admitted, clean_times_ns
from haechi.contract.observations import Table, Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, gateway TEXT NOT NULL, datastream TEXT NOT NULL,
    UNIQUE (tenant, gateway, datastream));
CREATE TABLE IF NOT EXISTS points (
    series INTEGER NOT NULL, time_ns INTEGER NOT NULL, v REAL, text TEXT, truth INTEGER, quality INTEGER NOT NULL,
    PRIMARY KEY (series, time_ns)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS markers (name TEXT PRIMARY KEY, number INTEGER NOT NULL, at_us INTEGER NOT NULL);
"""
_WRITE = "INSERT OR REPLACE INTO points (series, time_ns, v, text, truth, quality) VALUES (?, ?, ?, ?, ?, ?)"
_MARK = (
    "INSERT INTO markers (name, number, at_us) VALUES (?, ?, ?) ON CONFLICT (name) "
    "DO UPDATE SET number = excluded.number, at_us = excluded.at_us WHERE excluded.number >= markers.number"
)
_SERIES_CACHED_MAX = 200_000
_FORGOTTEN_AT_ONCE = 5_000
_BUSY_TIMEOUT_S = 10.0
_READERS_KEPT = 8
_CORRUPT = ("malformed", "not a database", "unable to open", "readonly")

_PointRow = tuple[int, int, float | None, str | None, int | None, int]


class SqlitePoints:
    """Points in one SQLite file; see :class:`haechi.cloud.store.PointStore`."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Open or make the file.

        Raises:
            StoreRefused: it cannot be opened, or is something else.
        """
        self._path = path
        self._limits = limits
        self._series: dict[tuple[str, str, str], int] = {}
        self._forgot_in = 0
        self._lock = Lock()
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue(_READERS_KEPT)
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._writer.execute("PRAGMA journal_mode=WAL")
            self._writer.execute("PRAGMA synchronous=FULL")
            self._writer.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreRefused(f"{path} cannot be opened as a store of points: {error}") from error

    def write(self, batches: Sequence[Batch]) -> list[RefusedPoint]:
        """Write all batches in one transaction; see :class:`haechi.cloud.store.PointStore`."""
        refused: list[RefusedPoint] = []
        window_us = self._limits.window_us()
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                for batch in batches:
                    for table in batch.tables:
                        self._writer.executemany(_WRITE, self._rows(batch, table, window_us, refused))
                self._forget(window_us[0])
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                with contextlib.suppress(sqlite3.Error):
                    self._writer.rollback()
                self._series.clear()  # numbers given within the transaction that was undone
                raise _translate(self._path, error) from error
        return refused

    def read(
        self, tenant: str, gateway: str, datastream: str, start_us: int, end_us: int, points_max: int
    ) -> list[Row]:
        """Return a series, oldest first; see :class:`haechi.cloud.store.PointStore`."""
        with self._reader() as reader:
            found = reader.execute(
                "SELECT id FROM series WHERE tenant = ? AND gateway = ? AND datastream = ?",
                (tenant, gateway, datastream),
            ).fetchone()
            if found is None:
                return []
            where = (found[0], max(start_us, 0) * 1000, min(end_us, 2**63 // 1000) * 1000)
            return _read(reader, where, max(points_max, 1))

    def count(self, tenant: str, gateway: str | None = None) -> Mapping[str, int]:
        """Return how many points each datastream has; see :class:`haechi.cloud.store.PointStore`."""
        query = (
            "SELECT gateway || '/' || datastream, (SELECT count(*) FROM points WHERE series = series.id) "
            "FROM series WHERE tenant = ? AND (? IS NULL OR gateway = ?)"
        )
        with self._reader() as reader:
            return dict(reader.execute(query, (tenant, gateway, gateway)).fetchall())

    def mark(self, name: str, marker: Marker) -> None:
        """Write a marker; see :class:`haechi.cloud.store.PointStore`."""
        with self._lock:
            try:
                self._writer.execute(_MARK, (name, marker.number, marker.at_us))
            except sqlite3.Error as error:
                raise _translate(self._path, error) from error

    def newest_mark(self, name: str) -> Marker | None:
        """Return the newest marker; see :class:`haechi.cloud.store.PointStore`."""
        with self._reader() as reader:
            found = reader.execute("SELECT number, at_us FROM markers WHERE name = ?", (name,)).fetchone()
        return None if found is None else Marker(*found)

    def check(self) -> None:
        """Raise :class:`haechi.cloud.store.StoreError` when the file cannot be used now."""
        with self._reader() as reader:
            reader.execute("SELECT 1 FROM points LIMIT 1").fetchone()

    def close(self) -> None:
        """Close every connection; one that is read from now is closed when that is done."""
        self._closed = True
        with self._lock:
            self._writer.close()
        self._close_idle()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that nobody else reads from. It waits for no writer: in WAL, reading never does."""
        try:
            try:
                connection = self._readers.get_nowait()
            except Empty:
                connection = self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise _translate(self._path, error) from error
        try:
            self._readers.put_nowait(connection)
        except Full:
            connection.close()
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._readers.get_nowait().close()

    def _rows(
        self, batch: Batch, table: Table, window_us: tuple[int, int], refused: list[RefusedPoint]
    ) -> Iterator[_PointRow]:
        numbers = [self._number(batch.tenant, batch.gateway, datastream) for datastream in table.datastreams]
        times_ns = None if table.qualities else clean_times_ns(batch, table, window_us)
        if times_ns is not None:
            for number, values in zip(numbers, table.columns, strict=True):
                for time_ns, value in zip(times_ns, values, strict=True):
                    if type(value) is float:
                        yield number, time_ns, value, None, None, 0
                    else:
                        yield number, time_ns, *_typed(value), 0
            return
        numbered = dict(zip(table.datastreams, numbers, strict=True))
        for datastream, time_ns, value, quality in admitted(batch, table, window_us, refused):
            yield numbered[datastream], time_ns, *_typed(value), quality

    def _forget(self, oldest_us: int) -> None:
        """Delete some of what is older than the retention, one series at each write: the file stays bounded."""
        if oldest_us <= 0:
            return
        found = self._writer.execute(
            "SELECT id FROM series WHERE id > ? ORDER BY id LIMIT 1", (self._forgot_in,)
        ).fetchone()
        self._forgot_in = 0 if found is None else found[0]
        self._writer.execute(
            "DELETE FROM points WHERE series = ? AND time_ns IN "
            "(SELECT time_ns FROM points WHERE series = ? AND time_ns < ? ORDER BY time_ns LIMIT ?)",
            (self._forgot_in, self._forgot_in, oldest_us * 1000, _FORGOTTEN_AT_ONCE),
        )

    def _number(self, tenant: str, gateway: str, datastream: str) -> int:
        name = (tenant, gateway, datastream)
        number = self._series.get(name)
        if number is None:
            self._writer.execute("INSERT OR IGNORE INTO series (tenant, gateway, datastream) VALUES (?, ?, ?)", name)
            (number,) = self._writer.execute(
                "SELECT id FROM series WHERE tenant = ? AND gateway = ? AND datastream = ?", name
            ).fetchone()
            if len(self._series) >= _SERIES_CACHED_MAX:
                self._series.clear()
            self._series[name] = number
        return int(number)


def _typed(value: Value) -> tuple[float | None, str | None, int | None]:
    """Return the columns ``v``, ``text``, ``truth``."""
    if isinstance(value, bool):
        return None, None, int(value)
    if isinstance(value, str):
        return None, value, None
    return float(value), None, None


def _value(v: float | None, text: str | None, truth: int | None) -> Value:
    if truth is not None:
        return bool(truth)
    return text if text is not None else (0.0 if v is None else v)


def _read(reader: sqlite3.Connection, where: tuple[int, int, int], points_max: int) -> list[Row]:
    within = "FROM points WHERE series = ? AND time_ns >= ? AND time_ns < ?"
    count, first_ns, last_ns, numbers = reader.execute(
        f"SELECT count(*), min(time_ns), max(time_ns), count(v) {within}",
        where,
    ).fetchone()
    if not count:
        return []
    if count <= points_max:
        rows = reader.execute(
            f"SELECT time_ns, v, text, truth, quality {within} ORDER BY time_ns",
            where,
        )
        return [Row(time_ns // 1000, _value(v, text, truth), quality) for time_ns, v, text, truth, quality in rows]
    width_ns = (last_ns - first_ns) // points_max + 1
    if numbers:
        rows = reader.execute(
            "SELECT min(time_ns), avg(v), min(v), max(v), max(quality) "
            f"{within} AND v IS NOT NULL GROUP BY (time_ns - ?) / ? ORDER BY 1",
            (*where, first_ns, width_ns),
        )
        return [Row(time_ns // 1000, mean, quality, low, high) for time_ns, mean, low, high, quality in rows]
    # What is no number cannot be averaged: the last value of each bucket stands for it.
    rows = reader.execute(
        f"SELECT max(time_ns), v, text, truth, quality {within} GROUP BY (time_ns - ?) / ? ORDER BY 1",
        (*where, first_ns, width_ns),
    )
    return [Row(time_ns // 1000, _value(v, text, truth), quality) for time_ns, v, text, truth, quality in rows]


def _translate(path: Path, error: sqlite3.Error) -> StoreUnavailable | StoreRefused:
    text = f"{path}: {error}"
    if isinstance(error, sqlite3.DatabaseError) and any(word in str(error) for word in _CORRUPT):
        return StoreRefused(text)
    return StoreUnavailable(text)
