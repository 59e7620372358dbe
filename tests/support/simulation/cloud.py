"""The cloud: its own intake, transaction, situations, state and point store on a simulated disk and link."""

import asyncio
import atexit
import random
import tempfile
from collections.abc import Awaitable, Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine

from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.event_broker.arrivals import Arrival
from haechi.cloud.event_broker.intake import Intake
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.event_broker.store_watch import Pace, StoreWatch
from haechi.cloud.event_handler import handler, seen
from haechi.cloud.objects import FolderObjects
from haechi.cloud.state import changes
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.engine import open_state
from haechi.cloud.state.writer import StateUnavailable, StateWriter, Turn
from haechi.cloud.store import Batch, RefusedPoint, StoreUnavailable
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from support.simulation import images
from support.simulation.broker import Broker, Message, Subscription
from support.simulation.gateway import NOW_US, TENANT
from support.simulation.loop import VirtualLoop
from support.simulation.process import Process

STATE, POINTS = "state.sqlite", "points.sqlite"
_LANES = {"urgent": 128, "status": 128, "bulk": 512}
_SWEEP_S = 3.0
_PACE = Pace(look_s=0.5, confirm_s=0.2, mark_us=700_000, apart_us=3_000_000)
"""Schedules last seconds, where a city lasts years."""
_LOST_AFTER_S = 8.0
_BACK_OFF_S = 1.0
_STATEMENTS: dict[Any, Any] = {}
"""SQL that SQLAlchemy has compiled before; every life of a cloud would do it again."""
_NEW_STATE: list[bytes] = []
"""An empty state database, once one was made."""
Result = TypeVar("Result")


class _Writer(StateWriter):
    """Transactions on the simulated disk instead of in a thread."""

    def __init__(self, loop: VirtualLoop, state: Engine, cloud: "Cloud") -> None:
        self._engine = state
        self._loop, self._cloud = loop, cloud

    async def run(self, turn: Turn, work: Callable[[Connection], Result]) -> Result:
        """Run a transaction; see :class:`haechi.cloud.state.writer.StateWriter`."""
        if self._cloud.state_refuses:
            raise StateUnavailable("database is locked")
        result: Result = await self._loop.run_in_executor(self, partial(self._transact, work))
        return result


class _Points(SqlitePoints):
    """The embedded store, which can be out of order."""

    cloud: "Cloud"

    def write(self, batches: Any) -> list[RefusedPoint]:
        """Write; see :class:`haechi.cloud.store.PointStore`."""
        some: list[Batch] = list(batches)
        if self.cloud.points_refuse:
            raise StoreUnavailable("timed out")
        return super().write(some)


class Cloud:
    """One cloud, life after life."""

    def __init__(self, loop: VirtualLoop, chance: random.Random, broker: Broker, folder: Path) -> None:
        self._loop, self._chance, self._broker, self._folder = loop, chance, broker, folder
        self.points_refuse = self.state_refuses = False
        self._lives = 0
        self.process: Process | None = None
        self.state: Engine | None = None
        self.points: SqlitePoints | None = None
        self.objects = FolderObjects(folder / "objects")

    def now_us(self) -> int:
        """Return the cloud's time, which is right."""
        return NOW_US + round(self._loop.time() * 1e6)

    @property
    def is_up(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.alive

    def start(self, image: images.Image) -> None:
        """Boot from what is on its disk."""
        self._lives += 1
        folder = self._folder / f"cloud-{self._lives}"
        images.lay(image, folder)
        self.process = Process(self._loop, self._chance, folder, lambda: None)
        self.process.boot_image = image
        self.process.start(self._live(self.process))

    async def _live(self, process: Process) -> None:
        await self._loop.run_in_executor(None, self._open, process)
        assert self.state is not None
        assert self.points is not None
        writer = _Writer(self._loop, self.state, self)
        acknowledger = Acknowledger(self._publish, self.now_us)
        meters = Meters(CollectorRegistry())
        intake = Intake(
            tenants=[TENANT],
            home=TENANT,
            state=self.state,
            writer=writer,
            points=self.points,
            objects=self.objects,
            bell=ChangeBell(),
            acknowledger=acknowledger,
            meters=meters,
            clock_us=self.now_us,
        )
        process.start(intake.run())
        process.start(StoreWatch(self.points, self.state, writer, meters, self.now_us, pace=_PACE).run())
        process.start(acknowledger.run())
        process.start(self._sweep(writer))
        for lane, window in _LANES.items():
            process.start(self._listen(process, intake, lane, window))

    def _open(self, process: Process) -> None:
        self.state = _state(process.folder, process.boot_image)
        points = self.points = _Points(process.folder / POINTS, Limits(self.now_us))
        points.cloud = self
        process.watch(POINTS, points._writer)
        pages = self._chance.choice((16, 64, 1000))
        points._writer.execute(f"PRAGMA wal_autocheckpoint = {pages}")
        with self.state.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            process.watch(STATE, driver)
            connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {pages}")
        process.closers += [self.state.dispose, points.close]

    async def _publish(self, topic: str, payload: bytes) -> None:
        await asyncio.sleep(self._chance.random() * 0.01)
        if self._broker.up and not self._broker.frozen:
            self._broker.speak(Message(topic, payload))

    async def _sweep(self, writer: _Writer) -> None:
        def sweep(connection: Connection) -> None:
            at_us = self.now_us()
            for tenant, change in (*handler.sweep(connection, at_us), *seen.watch(connection, at_us)):
                changes.append(connection, tenant, [change], at_us)

        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await writer.run(Turn.KEEPING, sweep)
            except StateUnavailable:
                continue

    async def _listen(self, process: Process, intake: Intake, lane: str, window: int) -> None:
        async def take(message: Message) -> None:
            await intake.take(lane, Arrival(message.topic, message.payload, self.now_us(), message.retained))

        taking: set[asyncio.Task[None]] = set()

        def start(work: Awaitable[None]) -> None:
            if process.alive:
                task = process.start(_done(work))
                taking.add(task)
                task.add_done_callback(taking.discard)

        while True:
            await asyncio.sleep(self._chance.random() * _BACK_OFF_S)
            if not self._broker.up or self._broker.frozen:
                continue
            subscription = Subscription(lane, window, take, start)
            process.on_death.append(partial(self._broker.unsubscribe, subscription))
            self._broker.subscribe(subscription)
            frozen_s = 0.0
            while not subscription.over and frozen_s < _LOST_AFTER_S:
                await asyncio.sleep(0.5)
                frozen_s = frozen_s + 0.5 if self._broker.frozen else 0.0
            self._broker.unsubscribe(subscription)
            for task in tuple(taking):
                task.cancel()  # as the link does with what a lost connection brought


async def _done(work: Awaitable[None]) -> None:
    await work


def _state(folder: Path, image: images.Image) -> Engine:
    """Open the state of a folder that was laid from ``image``; a new one begins from a copy, for speed."""
    if STATE not in image and _NEW_STATE:
        (folder / STATE).write_bytes(_NEW_STATE[0])
    engine = open_state(f"sqlite:///{folder / STATE}")
    engine._compiled_cache = _STATEMENTS
    if not _NEW_STATE:
        engine.dispose()
        _NEW_STATE.append((folder / STATE).read_bytes())
    return engine


@cache
def reference_state() -> Engine:
    """Return an empty state for this process; who uses it rolls back."""
    folder = tempfile.TemporaryDirectory(prefix="haechi-reference-")
    engine = _state(Path(folder.name), {})
    atexit.register(folder.cleanup)
    atexit.register(engine.dispose)
    return engine
