"""The change feed: no gap, no repeat, nothing that is not committed; and it says so when it cannot go on."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, insert
from sqlalchemy.exc import OperationalError
from starlette.types import Message as Sent
from unit.cloud.monitor.conftest import OTHER

from haechi.cloud.event_monitor import feed as feed_module
from haechi.cloud.event_monitor.feed import ChangeFeed
from haechi.cloud.event_monitor.stream import EventStream
from haechi.cloud.state import schema
from haechi.cloud.state.engine import writing
from haechi.contract.events import Severity
from support.city import GATEWAY, LEVEL, TENANT, City

LIMIT_S = 5.0


class Said(NamedTuple):
    """One message as a browser reads it."""

    event: str
    id: int | None
    data: Any


def parse(part: bytes) -> Said | None:
    fields = dict(line.split(": ", 1) for line in part.decode().strip().splitlines())
    if "event" not in fields:
        return None
    return Said(fields["event"], int(fields["id"]) if "id" in fields else None, json.loads(fields["data"]))


class Ear:
    """Reads a feed's messages, with a limit on how long it waits."""

    def __init__(self, messages: AsyncIterator[bytes]) -> None:
        self._messages = messages

    async def next(self, *kinds: str) -> Said:
        """Return the next message of these kinds; of any but heartbeats and hints where none is named."""
        async with asyncio.timeout(LIMIT_S):
            async for part in self._messages:
                said = parse(part)
                if said and (said.event in kinds if kinds else said.event not in ("heartbeat", "observations")):
                    return said
        raise AssertionError("the stream ended")


@asynccontextmanager
async def listening(feed: ChangeFeed, after: int | None = None, tenant: str = TENANT) -> AsyncIterator[Ear]:
    async with feed.subscribe(after, tenant) as messages:
        yield Ear(messages)


@pytest.fixture
def feed(app: FastAPI) -> ChangeFeed:
    opened: ChangeFeed = app.state.feed
    return opened


async def test_a_change_arrives_with_the_object_as_it_is_now(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as ear:
        assert (await ear.next()).event == "ready"
        city.situation("s-1", Severity.SEVERE)
        opened = await ear.next()
        assert (opened.event, opened.data["id"], opened.data["severity"]) == ("situation", "s-1", "severe")
        city.situation("s-1", Severity.EXTREME)
        worse = await ear.next()
        assert worse.data["severity"] == "extreme"
        assert opened.id is not None
        assert worse.id == opened.id + 1


async def test_every_kind_is_told(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as ear:
        await ear.next()
        city.gateway()
        city.event("event-0001", "s-1")
        city.evidence("picture-01", "event-0001")
        city.loss()
        city.dead_letter()
        said = [await ear.next() for _ in range(5)]
    assert [(one.event, one.data["id"]) for one in said] == [
        ("gateway", GATEWAY), ("event", "event-0001"), ("evidence", "picture-01"), ("loss", "loss-0001"),
        ("dead_letter", 1),
    ]  # fmt: skip


async def test_who_comes_back_gets_what_was_missed_once(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as ear:
        await ear.next()
        city.situation("s-1")
        last = (await ear.next()).id
    city.situation("s-2", Severity.MINOR)
    city.situation("s-2", Severity.EXTREME)
    city.event("event-0001")
    async with listening(feed, last) as ear:
        missed = [await ear.next(), await ear.next()]
        assert [(one.event, one.data["id"]) for one in missed] == [("situation", "s-2"), ("event", "event-0001")]
        assert missed[0].data["severity"] == "extreme"
        city.situation("s-3")
        assert (await ear.next()).data["id"] == "s-3"


async def test_who_missed_more_than_is_kept_is_told_to_load_anew(city: City, feed: ChangeFeed) -> None:
    for number in range(5):
        city.situation(f"s-{number}")
    with city.state.begin() as connection:
        connection.execute(delete(schema.changes).where(schema.changes.c.id <= 3))
    async with listening(feed, 1) as ear:
        said = await ear.next()
        assert (said.event, said.id) == ("reset", 5)
    async with listening(feed, 3) as ear:
        assert (await ear.next()).data["id"] == "s-3"


async def test_who_knows_a_future_that_was_undone_is_told_to_load_anew(city: City, feed: ChangeFeed) -> None:
    city.situation("s-1")
    async with listening(feed, 4_000) as ear:
        assert (await ear.next()).event == "reset"


async def test_too_much_to_repeat_is_loaded_anew(city: City, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "REPLAY_MAX", 3)
    for number in range(5):
        city.situation(f"s-{number}")
    async with listening(feed, 0) as ear:
        assert (await ear.next()).event == "reset"
    async with listening(feed, 2) as ear:
        assert (await ear.next()).data["id"] == "s-2"


async def test_nothing_is_told_before_it_is_committed(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as ear:
        await ear.next()
        with city.state.connect() as connection:
            transaction = connection.begin()
            connection.execute(
                insert(schema.changes), {"tenant": TENANT, "kind": "situation", "key": "s-1", "at_us": 1}
            )
            city.bell.ring()
            waiting = asyncio.create_task(ear.next())
            await ear_is_idle(feed)
            assert not waiting.done()
            transaction.rollback()
        city.situation("s-2")
        assert (await waiting).data["id"] == "s-2"


async def ear_is_idle(feed: ChangeFeed) -> None:
    """Wait until the feed has read the table once more and found nothing."""
    read = asyncio.Event()
    original = feed._rows_after

    def noted(tail: int) -> Any:
        rows = original(tail)
        loop.call_soon_threadsafe(read.set)
        return rows

    loop = asyncio.get_running_loop()
    feed._rows_after = noted  # type: ignore[method-assign]
    async with asyncio.timeout(LIMIT_S):
        await read.wait()
    feed._rows_after = original  # type: ignore[method-assign]


async def test_two_screens_hear_the_same(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as one, listening(feed) as other:
        assert (await one.next()).event == (await other.next()).event == "ready"
        city.situation("s-1")
        assert await one.next() == await other.next()


async def test_heartbeat_says_when_data_last_came(city: City, feed: ChangeFeed) -> None:
    city.gateway()
    async with listening(feed) as ear:
        beat = (await ear.next("heartbeat")).data
    assert beat == {"at": "2026-05-28T20:26:40Z", "data_at": "2026-05-28T20:26:40Z", "state": "ok"}


async def test_no_heartbeat_while_the_table_cannot_be_read(
    city: City, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "POLL_S", 0.01)
    monkeypatch.setattr(feed_module, "HEARTBEAT_S", 0.0)
    asked = asyncio.Queue[int]()
    sent: list[bytes] = []
    loop = asyncio.get_running_loop()
    read, send = feed._rows_after, feed._send
    broken = False

    def rows_after(tail: int) -> Any:
        loop.call_soon_threadsafe(asked.put_nowait, tail)
        if broken:
            raise OperationalError("SELECT", {}, Exception("disk I/O error"))
        return read(tail)

    def noted(tenant: str, news: Any) -> None:
        sent.extend(message.content for message in news)
        send(tenant, news)

    monkeypatch.setattr(feed, "_rows_after", rows_after)
    monkeypatch.setattr(feed, "_send", noted)
    async with listening(feed) as ear, asyncio.timeout(LIMIT_S):
        await ear.next("heartbeat")
        broken = True
        for _ in range(asked.qsize() + 2):
            await asked.get()
        sent.clear()
        for _ in range(5):
            await asked.get()
        assert sent == []
        broken = False
        while not sent:
            await asked.get()


async def test_hints_name_the_gateways_that_stored_something(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as ear:
        await ear.next()
        city.observe(LEVEL, 1.0)
        assert (await ear.next("observations")).data == {"gateways": [GATEWAY], "more": False}


async def test_who_does_not_read_is_dropped_and_the_others_hear_on(
    city: City, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "QUEUE_MAX", 5)
    async with feed.subscribe(None, TENANT) as slow, listening(feed) as quick:
        await anext(slow)
        await quick.next()
        for number in range(12):
            city.situation(f"s-{number}")
            assert (await quick.next()).data["id"] == f"s-{number}"
        parts = [part async for part in slow]
    assert 0 < len(parts) <= 8


async def test_closing_ends_every_stream(feed: ChangeFeed) -> None:
    async with feed.subscribe(None, TENANT) as messages:
        await anext(messages)
        feed.close()
        async with asyncio.timeout(LIMIT_S):
            assert [part async for part in messages]


async def test_each_screen_hears_its_own_city(city: City, feed: ChangeFeed) -> None:
    async with listening(feed) as here, listening(feed, tenant=OTHER) as there:
        await here.next()
        await there.next()
        city.situation("s-1")
        city.tenant = OTHER
        city.situation("s-2")
        city.gateway()
        city.observe(LEVEL, 1.0)
        assert (await there.next()).data["id"] == "s-2"
        assert (await there.next()).event == "gateway"
        assert (await there.next("observations")).data["gateways"] == [GATEWAY]
        city.tenant = TENANT
        city.situation("s-3")
        assert [(await here.next()).data["id"] for _ in range(2)] == ["s-1", "s-3"]


async def test_who_comes_while_another_city_is_told_misses_nothing(
    city: City, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, reached, go_on = feed._resolve, asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(tenant: str, rows: Any) -> Any:
        loop.call_soon_threadsafe(reached.set)
        go_on.wait(LIMIT_S)
        return resolve(tenant, rows)

    async with listening(feed) as here:
        await here.next()
        monkeypatch.setattr(feed, "_resolve", slowly)
        with writing(city.state) as connection:
            news = [{"tenant": tenant, "kind": "situation", "key": "s-2", "at_us": 1} for tenant in (TENANT, OTHER)]
            connection.execute(insert(schema.changes), news)
        city.tenant = OTHER
        city.situation("s-2")
        await reached.wait()
        async with listening(feed, tenant=OTHER) as there:
            assert (await there.next()).event == "ready"
            go_on.set()
            assert (await there.next()).data["id"] == "s-2"


async def test_what_other_cities_do_is_read_once(city: City, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet city beside a busy one: its feed moves on behind the other's rows instead of reading them for ever."""
    read, asked, loop = feed._rows_after, asyncio.Queue[int](), asyncio.get_running_loop()

    def rows_after(tail: int) -> Any:
        loop.call_soon_threadsafe(asked.put_nowait, tail)
        return read(tail)

    monkeypatch.setattr(feed, "_rows_after", rows_after)
    async with listening(feed) as ear, asyncio.timeout(LIMIT_S):
        await ear.next()
        city.tenant = OTHER
        for number in range(3):
            city.situation(f"s-{number}")
        while await asked.get() < 3:
            pass


async def test_only_so_many_screens(feed: ChangeFeed, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "CLIENTS_MAX", 1)
    async with listening(feed):
        refused = await client.get("/api/v1/changes")
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers


async def test_on_the_wire_a_client_that_leaves_is_let_go(app: FastAPI, feed: ChangeFeed, city: City) -> None:
    sent: asyncio.Queue[Sent] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> Sent:
        await gone.wait()
        return {"type": "http.disconnect"}

    stream = EventStream(lambda: feed.subscribe(None, TENANT))
    serving = asyncio.create_task(stream({"type": "http"}, receive, sent.put))
    async with asyncio.timeout(LIMIT_S):
        start = await sent.get()
        assert dict(start["headers"])[b"content-type"].startswith(b"text/event-stream")
        assert b"retry" in (await sent.get())["body"]
        gone.set()
        await serving
    assert not feed.full
    assert not feed._clients


async def test_on_the_wire_a_client_that_hangs_is_let_go(feed: ChangeFeed) -> None:
    async def receive() -> Sent:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Sent) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    stream = EventStream(lambda: feed.subscribe(None, TENANT), send_timeout_s=0.05)
    async with asyncio.timeout(LIMIT_S):
        await stream({"type": "http"}, receive, send)
    assert not feed._clients
