"""The change feed: what changed, in commit order, and a bell that rings after each commit.

A row is written in the transaction that made the change, so nobody is ever told of something that did not happen. On
SQLite there is one writer, so ids are committed in order; on PostgreSQL a transaction takes an advisory lock before
its first row, so that the feed never passes an id that is not committed yet. The table keeps the newest ``KEPT``
rows; a reader whose last id is older must load everything anew.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, text

from haechi.cloud.state.schema import changes

ChangeKind = Literal[
    "situation", "event", "evidence", "gateway", "described", "loss", "dead_letter", "command", "audit"
]
KEPT = 50_000
_ADVISORY_LOCK = 0x6861656368690001  # "haechi", 1
_TAKE_TURNS = text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
_APPEND = insert(changes)
_OBSERVED_MAX = 20_000


class Change(NamedTuple):
    """One row of the feed."""

    kind: ChangeKind
    key: str
    """Id of the object; for a gateway its name."""


def append(connection: Connection, tenant: str, news: Iterable[Change], now_us: int) -> None:
    """Write rows of one city to the feed; see :func:`append_all`."""
    append_all(connection, ((tenant, change) for change in news), now_us)


def append_all(connection: Connection, news: Iterable[tuple[str, Change]], now_us: int) -> None:
    """Write rows (tenant, change) to the feed, once for each object, within the caller's transaction.

    Call it last: whoever waited for another lock while holding that of the feed could wait in a circle.
    """
    rows = [
        {"tenant": tenant, "kind": change.kind, "key": change.key, "at_us": now_us}
        for tenant, change in dict.fromkeys(news)
    ]
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_TAKE_TURNS)
    connection.execute(_APPEND, rows)


def trim(connection: Connection, kept: int = KEPT) -> int:
    """Drop all but the newest ``kept`` rows; return how many went."""
    newest = connection.execute(select(func.max(changes.c.id))).scalar()
    if newest is None or newest <= kept:
        return 0
    return connection.execute(delete(changes).where(changes.c.id <= newest - kept)).rowcount


@dataclass(slots=True, eq=False)
class Listener:
    """One who waits for the bell; belongs to one event loop."""

    _loop: asyncio.AbstractEventLoop
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _observed: set[tuple[str, str]] = field(default_factory=set)

    async def wait(self, timeout_s: float) -> frozenset[tuple[str, str]]:
        """Wait for the next ring, at most ``timeout_s``; return the (tenant, gateway) that stored observations.

        Rings while nobody waits are kept as one. After a time-out read the feed as well: another process may have
        written to it, and its bell is not heard here.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()
        observed, self._observed = frozenset(self._observed), set()
        return observed

    def wake(self, observed: Collection[tuple[str, str]]) -> None:
        """Wake the one who waits, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._note, observed)
        except RuntimeError:
            return  # its loop has ended: nobody waits there any more

    def _note(self, observed: Collection[tuple[str, str]]) -> None:
        if len(self._observed) < _OBSERVED_MAX:
            self._observed.update(observed)
        self._rung.set()


class ChangeBell:
    """Wakes the listeners of this process after a commit. Rung from any thread; heard on each listener's own loop."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._lock = Lock()

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Listen on the running event loop for as long as the context lasts."""
        listener = Listener(asyncio.get_running_loop())
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def ring(self, observed: Collection[tuple[str, str]] = ()) -> None:
        """Say that the feed has grown, and which (tenant, gateway) have new observations."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.wake(observed)
