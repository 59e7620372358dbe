"""Several workers on one shared subscription, one state and one store give the same result as one."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from haechi.cloud.state.engine import open_state, writing
from haechi.cloud.state.schema import metadata
from haechi.contract.events import Phase
from support.cloud import CloudProcess
from support.mosquitto import Mosquitto
from support.postgres import postgres
from support.sender import Sender, alarm, flood, level, now_us

pytestmark = pytest.mark.servers

PARCELS, VALUES = 250, 3
AFTERWARDS = 40
"""Parcels that are sent when the worker that was killed is back: it takes its turns again."""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def workers(
    request: pytest.FixtureRequest, tmp_path: Path, broker: Mosquitto
) -> AsyncIterator[tuple[CloudProcess, CloudProcess]]:
    state = f"sqlite:///{tmp_path}/state.db" if request.param == "sqlite" else request.getfixturevalue("server")
    engine = open_state(state)
    with writing(engine) as connection:
        metadata.drop_all(connection)
    engine.dispose()
    shared = {"broker": broker.url, "share": "workers", "state": state}
    shared |= {"store": f"sqlite:///{tmp_path}/points.db", "objects": str(tmp_path / "objects")}
    options = [word for name, value in shared.items() for word in (f"--{name}", value)]
    first, second = (CloudProcess(tmp_path / name, *options) for name in ("first", "second"))
    async with contextlib.AsyncExitStack() as running:
        for one in (first, second):
            running.push_async_exit(one)
        await asyncio.gather(first.start(), second.start())
        yield first, second


class Screen:
    """A browser that follows the changes of one worker."""

    def __init__(self, cloud: CloudProcess, after: int | None = None) -> None:
        self._cloud, self._after = cloud, after
        self.seen: dict[int, tuple[str, str]] = {}
        """Id of the message → kind and id of the object."""
        self.order: list[int] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> "Screen":
        self._following = asyncio.create_task(self._follow())
        await self._until(lambda: self._ready)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._following

    async def until(self, *objects: str) -> None:
        """Wait until these objects were shown."""
        await self._until(lambda: set(objects) <= {id_ for _kind, id_ in self.seen.values()})

    @property
    def events(self) -> set[str]:
        return {id_ for kind, id_ in self.seen.values() if kind == "event"}

    _ready = False

    async def _until(self, true: Any) -> None:
        async with asyncio.timeout(20):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def _follow(self) -> None:
        headers = {} if self._after is None else {"Last-Event-ID": str(self._after)}
        number = kind = ""
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream("GET", f"{self._cloud.http}/api/v1/changes", headers=headers) as answer,
        ):
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    self._ready = True
                    assert kind != "reset"
                    if number and kind != "ready":
                        self.order.append(int(number))
                        self.seen[int(number)] = (kind, str(json.loads(value)["id"]))
                    number = ""
                    self._news.set()


async def test_two_workers_store_once_what_comes_repeated_and_reordered_while_one_is_killed(
    workers: tuple[CloudProcess, CloudProcess], broker: Mosquitto
) -> None:
    first = workers[0]
    start_us = now_us() - 3_000_000_000
    parcels = {seq: level(start_us + seq * 10_000_000, *[float(seq)] * VALUES) for seq in range(1, PARCELS + 1)}
    for seq in range(10, PARCELS + 1, 10):
        parcels[seq] = alarm(flood(f"event-{seq:04d}", Phase.CLEARED if seq % 20 == 0 else Phase.RAISED))
    numbers = list(range(1, PARCELS - AFTERWARDS + 1)) * 2
    random.Random(1).shuffle(numbers)
    async with Sender(broker.port) as sender:
        for index, seq in enumerate(numbers):
            sender.send(seq, parcels[seq], "urgent" if parcels[seq].events else "live")
            if index == len(numbers) // 3:
                await asyncio.sleep(0.1)  # in the middle of the work, wherever that is
                first.kill()
        await first.start()
        async with asyncio.timeout(60):
            while (await first.get("/api/v1/health"))["state"] != "ok":  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.1)
            for seq in range(PARCELS - AFTERWARDS + 1, PARCELS + 1):
                sender.send(seq, parcels[seq], "urgent" if parcels[seq].events else "live")
            while missing := set(parcels) - set(sender.settled()):
                for seq in missing:  # as a gateway does with what is not acknowledged in time
                    sender.send(seq, parcels[seq], "urgent" if parcels[seq].events else "live")
                with contextlib.suppress(TimeoutError):
                    await sender.until_settled(*missing, timeout_s=3)
        for cloud in workers:
            (gateway,) = (await cloud.get("/api/v1/gateways"))["items"]
            assert gateway["observations"] == (PARCELS - PARCELS // 10) * VALUES
            series = await cloud.get(
                "/api/v1/observations", gateway="cabinet-1", datastream="river-1.level", points=5000
            )
            assert len(series["items"]) == (PARCELS - PARCELS // 10) * VALUES
            assert len((await cloud.get("/api/v1/events", limit=500))["items"]) == PARCELS // 10
            (situation,) = (await cloud.get("/api/v1/situations"))["items"]
            assert (situation["open"], situation["severity"]) == (True, "severe"), "the last word was that it stands"
            assert (await cloud.get("/api/v1/dead-letters"))["items"] == []
            assert (await cloud.get("/api/v1/health"))["state"] == "ok"
        taken = [
            float(line.rpartition(" ")[2]) for cloud in workers for line in await counted(cloud, "haechi_parcels_total")
        ]
        assert all(taken), "both had a share"
        sender.ask("before", 1, PARCELS + 1)
        await sender.answer_to("before")
        for cloud in workers:
            cloud.kill()
        sender.acknowledgements.clear()
        await first.start()
        answer = await sender.answer_to("before")
        assert answer.epochs[0].settled == ((1, PARCELS),), "who comes back answers what was asked before"


async def counted(cloud: CloudProcess, name: str) -> list[str]:
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"{cloud.http}/metrics")).text
    return [line for line in page.splitlines() if line.startswith(f"{name} ")]


@pytest.mark.parametrize("workers", ["postgresql"], indirect=True)
async def test_every_screen_sees_what_any_worker_committed_in_one_order_and_resumes_at_the_other(
    workers: tuple[CloudProcess, CloudProcess], broker: Mosquitto
) -> None:
    first, second = workers
    names = [f"event-{seq:04d}" for seq in range(1, 61)]
    async with Screen(first) as one, Screen(second) as other, Sender(broker.port) as sender:
        for seq, name in enumerate(names[:40], 1):
            sender.send(seq, alarm(flood(name)), "urgent")
        await asyncio.gather(one.until(*names[:40]), other.until(*names[:40]))
        async with Screen(second, after=one.order[len(one.order) // 2]) as resumed:
            for seq, name in enumerate(names[40:], 41):
                sender.send(seq, alarm(flood(name)), "urgent")
            await asyncio.gather(one.until(*names), other.until(*names), resumed.until(*names[40:]))
    for screen in (one, other, resumed):
        assert screen.order == sorted(set(screen.order)), "each change once, in the order of the commits"
    assert one.events == other.events == set(names)
    half = one.order[len(one.order) // 2]
    assert resumed.events >= {id_ for number, (kind, id_) in one.seen.items() if kind == "event" and number > half}
