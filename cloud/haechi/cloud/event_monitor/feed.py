"""The change feed: every change of a city once, in commit order, no gap; one reader for all clients and cities.

A message's id is ``changes.id``; its body is the object as it is now, so a client needs no second request. A client
that comes back with ``Last-Event-ID`` gets what it missed, each object once; where that is no longer in the table it
gets ``reset`` and loads everything anew.

``heartbeat`` is sent by the very loop that reads the table and only after it has read, so a feed that hangs falls
silent and the screen can say so. ``observations`` (no id, at most one a second) names the gateways that stored new
values: a hint, good enough to move a chart, cheap enough for any number of gateways.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.custody import find_letters, find_losses
from haechi.cloud.event_monitor.deeds import find_deeds
from haechi.cloud.event_monitor.events import find_events, find_evidence
from haechi.cloud.event_monitor.gateways import find_described, find_gateways
from haechi.cloud.event_monitor.orders import find_commands
from haechi.cloud.event_monitor.situations import find_situations
from haechi.cloud.event_monitor.stream import message
from haechi.cloud.services import Services
from haechi.cloud.state import schema
from haechi.cloud.state.changes import Listener
from haechi.cloud.state.engine import reading
from haechi.contract.observations import utc

log = logging.getLogger(__name__)

CLIENTS_MAX = 64
QUEUE_MAX = 1_000
REPLAY_MAX = 5_000
BATCH_MAX = 500
POLL_S = 1.0
HEARTBEAT_S = 5.0
HINT_GAP_S = 1.0
HINT_GATEWAYS_MAX = 200

_Finder = Callable[[Connection, str, Collection[str]], Mapping[str, views.View]]
_FINDERS: Mapping[str, _Finder] = {
    "situation": find_situations,
    "event": find_events,
    "evidence": find_evidence,
    "gateway": find_gateways,
    "described": find_described,
    "loss": find_losses,
    "dead_letter": find_letters,
    "command": find_commands,
    "audit": find_deeds,
}


class Message(msgspec.Struct, frozen=True):
    """One message, encoded once for all clients; ``id`` 0 where it has none."""

    id: int
    content: bytes


@dataclass(slots=True, eq=False)
class _Client:
    tenant: str
    queue: "asyncio.Queue[Message | None]" = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX + 1))

    def offer(self, news: Message) -> bool:
        """Queue a message; False when it does not read and was told to go."""
        if self.queue.qsize() >= QUEUE_MAX:
            self.queue.put_nowait(None)
            return False
        self.queue.put_nowait(news)
        return True


class ChangeFeed:
    """Reads the table for everybody who listens; sleeps while nobody does. Belongs to one event loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clients: set[_Client] = set()
        self._task: asyncio.Task[None] | None = None
        self._tail = 0
        self._beat_s = 0.0
        self._hint_s = 0.0
        self._observed: dict[str, set[str]] = {}
        self._starting = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether as many clients listen as may."""
        return len(self._clients) >= CLIENTS_MAX

    @asynccontextmanager
    async def subscribe(
        self, after: int | None, tenant: str, may_listen: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Listen to a city from ``after`` (the last id seen) on, or from now. Ask :attr:`full` first.

        ``may_listen`` is asked with every heartbeat, in a thread; where it says no, the stream ends.
        """
        client = _Client(tenant)
        self._clients.add(client)
        try:
            async with self._starting:
                if self._task is None:
                    self._tail = await asyncio.to_thread(self._newest)
                    listens = asyncio.Event()
                    self._task = asyncio.create_task(self._run(listens), name="change feed")
                    self._task.add_done_callback(self._ended)
                    await listens.wait()
            yield self._messages(client, after, may_listen)
        finally:
            self._clients.discard(client)
            if not self._clients:
                self._stop()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for client in tuple(self._clients):
            _dismiss(client)
        self._clients.clear()
        self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _messages(
        self, client: _Client, after: int | None, may_listen: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        tail = self._tail  # from here on the client's queue has everything
        yield b"retry: 1000\n\n"
        missed = None if after is None else await asyncio.to_thread(self._missed, client.tenant, after, tail)
        if after is None or missed is None:
            yield message("ready" if after is None else "reset", b"{}", tail)
            sent = tail
        else:
            sent = after
            for start in range(0, len(missed), BATCH_MAX):
                some = missed[start : start + BATCH_MAX]
                for news in await asyncio.to_thread(self._resolve, client.tenant, some):
                    yield news.content
                    sent = news.id
            sent = max(sent, tail)
        yield (await asyncio.to_thread(self._heartbeat, client.tenant)).content
        while (news_ := await client.queue.get()) is not None:
            if news_.id == 0 and not await asyncio.to_thread(may_listen):
                return
            if news_.id == 0 or news_.id > sent:
                yield news_.content

    async def _run(self, listens: asyncio.Event) -> None:
        with self._services.bell.listen() as listener:
            listens.set()
            troubled = False
            while True:
                try:
                    await self._turn(listener)
                    troubled = False
                except SQLAlchemyError as error:
                    # Clients hear no heartbeat meanwhile, and say so.
                    if not troubled:
                        log.warning("change feed: the state database cannot be read: %s", type(error).__name__)
                    troubled = True
                    await asyncio.sleep(POLL_S)

    async def _turn(self, listener: Listener) -> None:
        loop = asyncio.get_running_loop()
        while rows := await asyncio.to_thread(self._rows_after, self._tail):
            await self._pass_on(rows)
        if self._observed and loop.time() - self._hint_s >= HINT_GAP_S:
            self._hint_s = loop.time()
            for tenant, gateways in self._observed.items():
                self._send(tenant, [_hint(gateways)])
            self._observed = {}
        if loop.time() - self._beat_s >= HEARTBEAT_S:
            beats = {tenant: await asyncio.to_thread(self._heartbeat, tenant) for tenant in self._heard}
            self._beat_s = loop.time()
            for tenant, beat in beats.items():
                self._send(tenant, [beat])
        for tenant, gateway in await listener.wait(POLL_S):
            noted = self._observed.setdefault(tenant, set()) if tenant in self._heard else set()
            if len(noted) <= HINT_GATEWAYS_MAX:
                noted.add(gateway)

    @property
    def _heard(self) -> set[str]:
        """The cities that somebody listens to."""
        return {client.tenant for client in self._clients}

    async def _pass_on(self, rows: Sequence[Any]) -> None:
        """Send rows to those who listen to their city, and move on behind all of them."""
        of: dict[str, list[Any]] = {}
        for row in rows:
            of.setdefault(row.tenant, []).append(row)
        news: dict[str, list[Message]] = {}
        while waiting := self._heard & of.keys() - news.keys():  # somebody may have come meanwhile
            tenant = waiting.pop()
            news[tenant] = await asyncio.to_thread(self._resolve, tenant, _newest_of_each(of[tenant]))
        # No pause from here on: who comes now begins at the new tail, and must have missed nothing before it.
        for tenant, messages in news.items():
            self._send(tenant, messages)
        self._tail = rows[-1].id

    def _send(self, tenant: str, news: Sequence[Message]) -> None:
        for client in tuple(self._clients):
            if client.tenant == tenant and not all(client.offer(one) for one in news):
                self._clients.discard(client)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Let nobody listen to a feed that no longer reads."""
        if self._task is task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("change feed: ended: %r", error)
            self.close()

    def _newest(self) -> int:
        with reading(self._services.state) as connection:
            return connection.execute(select(func.max(schema.changes.c.id))).scalar() or 0

    def _rows_after(self, tail: int) -> Sequence[Any]:
        table = schema.changes
        query = select(table).where(table.c.id > tail).order_by(table.c.id).limit(BATCH_MAX)
        with reading(self._services.state) as connection:
            return connection.execute(query).all()

    def _missed(self, tenant: str, after: int, tail: int) -> list[Any] | None:
        """Return what came in a city after ``after`` up to ``tail``; None where that can no longer be told."""
        table = schema.changes
        with reading(self._services.state) as connection:
            oldest, newest = connection.execute(select(func.min(table.c.id), func.max(table.c.id))).one()
            if after > (newest or 0) or after + 1 < (oldest or 0):
                return None
            rows = connection.execute(
                select(table)
                .where(table.c.id > after, table.c.id <= tail, table.c.tenant == tenant)
                .order_by(table.c.id)
                .limit(REPLAY_MAX + 1)
            ).all()
        return None if len(rows) > REPLAY_MAX else _newest_of_each(rows)

    def _resolve(self, tenant: str, rows: Sequence[Any]) -> list[Message]:
        """Return each row of a city with the object that it names, as it is now."""
        keys: dict[str, list[str]] = {}
        for row in rows:
            keys.setdefault(row.kind, []).append(row.key)
        objects: dict[str, Mapping[str, views.View]] = {}
        with reading(self._services.state) as connection:
            for kind, names in keys.items():
                finder = _FINDERS.get(kind)
                objects[kind] = finder(connection, tenant, names) if finder else {}
        return [
            Message(row.id, message(row.kind, found.model_dump_json().encode(), row.id))
            for row in rows
            if (found := objects[row.kind].get(row.key)) is not None
        ]

    def _heartbeat(self, tenant: str) -> Message:
        table = schema.gateways
        with reading(self._services.state) as connection:
            seen_us = connection.execute(
                select(func.max(table.c.last_seen_us)).where(table.c.tenant == tenant)
            ).scalar()
        beat = {
            "at": utc(self._services.clock_us()),
            "data_at": None if seen_us is None else utc(seen_us),
            "state": max((part.state for part in self._services.health()), key=_RANK.__getitem__, default="ok"),
        }
        return Message(0, message("heartbeat", msgspec.json.encode(beat)))


_RANK = {"ok": 0, "degraded": 1, "down": 2}


def _dismiss(client: _Client) -> None:
    while client.queue.qsize() >= QUEUE_MAX:
        client.queue.get_nowait()
    client.queue.put_nowait(None)


def _newest_of_each(rows: Sequence[Any]) -> list[Any]:
    """Keep the newest row of each object, in order: its body is the object of now, so older ones say nothing more."""
    newest = {(row.kind, row.key): row for row in rows}
    return sorted(newest.values(), key=lambda row: row.id)


def _hint(gateways: set[str]) -> Message:
    body = {"gateways": sorted(gateways)[:HINT_GATEWAYS_MAX], "more": len(gateways) > HINT_GATEWAYS_MAX}
    return Message(0, message("observations", msgspec.json.encode(body)))
