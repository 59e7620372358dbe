"""A gateway: its own recorder, rules, builder, outbox and uplink on a simulated disk, clock and link.

Its device is a river gauge with a level and a counter that gives every reading a value of its own; now and then
somebody presses an emergency button, which comes with a picture.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from haechi.contract.events import Event, Evidence, Phase, Severity
from haechi.contract.parcel import ParcelName
from haechi.contract.places import Datastream, Place, Thing
from haechi.edge.builder import Builder
from haechi.edge.clock import WallClock
from haechi.edge.health import Health
from haechi.edge.normalise import Normaliser
from haechi.edge.outbox import Batch, OutboxFailed
from haechi.edge.outbox.opening import FILE, ShelteredOpening, open_sheltered
from haechi.edge.outbox.queue import Outbox
from haechi.edge.outbox.shelter import Shelter
from haechi.edge.outbox.store import Store
from haechi.edge.recorder import Descriptions, Recorder
from haechi.edge.rules.engine import Engine, Rule
from haechi.edge.rules.stale import Stale
from haechi.edge.rules.threshold import Threshold
from haechi.edge.uplink.link import Broker as Address
from haechi.edge.uplink.session import Face
from haechi.edge.uplink.uplink import Uplink
from haechi.sdk.sample import Sample
from support.simulation import images
from support.simulation.broker import Broker
from support.simulation.link import Wire
from support.simulation.loop import VirtualLoop
from support.simulation.process import Process
from support.simulation.truth import BrokenPromise, Ledger

NOW_US = 1_795_000_000_000_000
"""2026-11-18: what honest clocks show at second 0 of a simulation."""
TENANT = "city"
LEVEL, COUNT = "river.level", "river.count"
LOW_M, HIGH_M, FLOOD_M = 1.0, 2.5, 3.5
_WATCH_M, _ALARM_M = 2.0, 3.0
_STALE_S = 6.0
SEAL_S = 1.0


class Gateway:
    """One cabinet in the street, life after life."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: random.Random,
        broker: Broker,
        folder: Path,
        name: str,
        place: str,
        bytes_max: int,
        wires: dict[Process, Wire] | None = None,
    ) -> None:
        self._loop, self._chance, self._folder = loop, chance, folder
        self.name, self._bytes_max = name, bytes_max
        self.place = place
        self._place = Place(id=place, name=place.title(), latitude=36.0, longitude=127.0)
        self.ledger = Ledger()
        self.wire = Wire(loop, broker)
        self._wires = wires if wires is not None else {}
        self.offset_us = 0
        """How far its machine's clock is wrong."""
        self.synchronised = False
        self.level_m = LOW_M
        self.reading = True
        self.disk_refuses = False
        self._silent = False
        self._window_bytes = chance.choice((8, 64, 256)) * 1024
        self.readings_since_mending = 0
        self._lives = 0
        self._count = chance.randrange(1_000) * 1_000_000
        self._stop = asyncio.Event()
        self.process: Process | None = None
        self.outbox: Outbox | None = None

    @property
    def is_up(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.alive

    def start(self, image: images.Image) -> None:
        """Boot from what is on its disk."""
        self._lives += 1
        folder = self._folder / f"{self.name}-{self._lives}"
        images.lay(image, folder)
        self._stop = asyncio.Event()
        self.process = Process(self._loop, self._chance, folder, self._died)
        self._wires[self.process] = self.wire
        self.process.boot_image = image
        self.process.start(self._live(self.process))

    def stop(self) -> None:
        """Ask it to stop in order."""
        self._stop.set()

    def read_wall_us(self) -> int:
        """Return what its machine's clock shows."""
        return NOW_US + round(self._loop.time() * 1e6) + self.offset_us

    @property
    def conditions(self) -> dict[str, bool]:
        """What its rules must have said about the level by now."""
        return {"river.watch": self.level_m >= _WATCH_M, "river.alarm": self.level_m >= _ALARM_M}

    @property
    def is_settled(self) -> bool:
        """Whether its disk is in use and everything that was committed is settled, loss records included."""
        outbox = self.outbox
        return outbox is not None and not outbox.trouble and not self.figures() and not outbox._store.losses()

    def figures(self) -> int:
        """Return how many parcels wait to be settled; -1 while it is dead."""
        return -1 if self.outbox is None else self.outbox._store.figures().parcels

    def stop_reading(self) -> None:
        """Let its devices say nothing more; what they said will be committed."""
        self._silent = True

    def go_on_reading(self) -> None:
        """Let its devices speak again."""
        self._silent = False

    def _died(self) -> None:
        assert self.process is not None
        self.outbox, self.readings_since_mending = None, 0
        self.ledger.died(self._loop.time(), self.process.cut_step)

    async def _live(self, process: Process) -> None:
        clock = WallClock(0, self.read_wall_us, lambda: self.synchronised)

        def set_clock(newest_us: int) -> int:
            nonlocal clock
            clock = WallClock(newest_us, self.read_wall_us, lambda: self.synchronised)
            return clock.now_us()

        opening: ShelteredOpening = await self._loop.run_in_executor(None, self._open, process, set_clock)
        outbox = Outbox(opening, ThreadPoolExecutor(max_workers=1))
        recorder, uplink = self._assemble(outbox, clock)
        self.outbox = outbox
        self.refuse_disk(self.disk_refuses)
        await recorder.begin()
        recording, sending = process.start(recorder.run()), process.start(uplink.run())
        devices = [process.start(self._read(recorder)), process.start(self._press(recorder))]
        await self._stop.wait()
        for device in devices:
            device.cancel()
        recorder.finish()
        await recording
        await uplink.finish(3.0)
        sending.cancel()
        await asyncio.wait([sending])
        with contextlib.suppress(OutboxFailed):
            await outbox.close()
        process.retire()

    def refuse_disk(self, refuses: bool) -> None:
        """Let the disk take nothing that is written, or everything again."""
        self.disk_refuses = refuses

        def change(database: sqlite3.Connection) -> None:
            database.set_progress_handler(None, 1)
            database.execute(f"PRAGMA query_only = {int(refuses)}")

        self._on_disk(change)

    def fail_disk(self, fails: bool) -> None:
        """Let the disk neither take nor give anything, or be sound again; whoever boots finds it sound."""
        self._on_disk(lambda database: database.set_progress_handler((lambda: 1) if fails else None, 1))

    def _on_disk(self, change: Callable[[sqlite3.Connection], object]) -> None:
        store = None if self.outbox is None else self.outbox._store
        if isinstance(store, Shelter) and store._disk is not None:
            with contextlib.suppress(sqlite3.ProgrammingError):  # it is being closed
                change(store._disk._database)

    def _open(self, process: Process, set_clock: Callable[[int], int]) -> ShelteredOpening:
        def clock_at_opening(newest_us: int) -> int:
            if self.disk_refuses and newest_us:  # 0 is asked for memory, which needs no disk
                raise OutboxFailed("no space left on device")
            return set_clock(newest_us)

        opening = open_sheltered(
            process.folder,
            self._bytes_max,
            clock_at_opening,
            random_bytes=self._chance.randbytes,
            now_s=self._loop.time,
        )
        shelter = opening.store

        def close() -> None:
            if shelter._disk is not None:
                shelter._disk._database.close()
            opening.lock.close()

        process.closers.append(close)
        if opening.opened.set_aside:
            raise BrokenPromise(f"the outbox of {self.name} does not open after a crash: {opening.opened}")
        if shelter._disk is not None:
            self._adopt_disk(process, shelter._disk._database)
        commit, tend, open_disk = shelter.commit, shelter.tend, shelter._open_disk

        def watched_commit(batch: Batch, now_us: int) -> list[ParcelName]:
            names = commit(batch, now_us)
            kept = shelter._memory is None
            self.ledger.committed(process.steps, names, batch.drafts, self._loop.time(), kept=kept)
            return names

        def watched_tend(now_us: int) -> bool:
            returned = tend(now_us)
            if returned:
                self.ledger.moved_to_disk(process.steps)
            return returned

        def watched_open() -> Store:
            disk = open_disk()
            self._adopt_disk(process, disk._database)
            return disk

        shelter._open_disk = watched_open
        shelter.commit, shelter.tend = watched_commit, watched_tend  # type: ignore[method-assign]
        return opening

    def _adopt_disk(self, process: Process, database: sqlite3.Connection) -> None:
        process.watch(FILE, database)
        self.ledger.confirm(dict(database.execute("SELECT epoch, next_seq FROM epochs").fetchall()))
        # Often, so that a power cut meets checkpoints as well.
        database.execute(f"PRAGMA wal_autocheckpoint = {self._chance.choice((4, 16, 1000))}")

    def _assemble(self, outbox: Outbox, clock: WallClock) -> tuple[Recorder, Uplink]:
        health = Health()
        place = self._place
        rules = [
            Rule(name, Threshold(limit_m, hysteresis=0.2), LEVEL, "m", limit_m, kind, "river", place)
            for name, limit_m, kind in (
                ("river.watch", _WATCH_M, "flood.level_rising"),
                ("river.alarm", _ALARM_M, "flood.level_high"),
            )
        ]
        rules.append(Rule("river.stale", Stale(_STALE_S), COUNT, "s", _STALE_S, "device.stale", "river", place))
        face = Face(
            tenant=TENANT,
            gateway=self.name,
            software="haechi",
            now_us=lambda: clock.now_us(),
            clock_quality=lambda: clock.quality,
            new_id=self._new_id,
            obey=lambda _command: None,
            heed=lambda order, doubts: recorder.heed(order, doubts),
            parcel_bytes_max=lambda _size: None,
        )
        uplink = Uplink(
            Address("broker", 8883, f"haechi.{TENANT}.{self.name}", keepalive_s=4),
            face,
            outbox,
            health,
            window_bytes=self._window_bytes,
            status_s=10.0,
            freeze_s=10.0,
            chance=self._chance.random,
        )
        streams = [
            Datastream(id=LEVEL, thing="river", observed_property="water_level", unit="m"),
            Datastream(id=COUNT, thing="river", observed_property="count", unit="1"),
        ]
        thing = Thing(id="river", name="River", kind="river_gauge", place=place.id, latitude=36.0, longitude=127.0)
        recorder = Recorder(
            outbox,
            Builder({}),
            Normaliser([LEVEL, COUNT]),
            Engine(rules, self._loop.time(), self._new_id),
            clock,
            Descriptions([place], [thing], streams),
            now_s=self._loop.time,
            seal_s=SEAL_S,
            link_is_up=lambda: uplink.is_up,
            on_commit=uplink.wake,
        )
        health.on_change = uplink.report
        outbox.on_move = uplink.moved
        return recorder, uplink

    async def _read(self, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(0.3 + self._chance.random() * 1.2)
            if self.reading and not self._silent:
                self._count += 1
                count = self._count
                await recorder.sample(Sample((LEVEL, COUNT), (self.level_m + count % 100_000 * 1e-6, count)))
                self.ledger.counts_read[count] = self._loop.time()
                self.readings_since_mending += 1

    async def _press(self, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(1.0 + self._chance.random() * 15.0)
            if self.reading and not self._silent:
                event = self._call(max(0, self.read_wall_us()))
                recorder.event(event, self._pictures(event))

    def _call(self, time_us: int) -> Event:
        return Event(
            id=self._new_id(),
            type="security.emergency_call",
            source="river",
            subject=self._place.id,
            time_us=time_us,
            phase=Phase.OCCURRED,
            severity=Severity.EXTREME,
        )

    def _pictures(self, event: Event) -> Sequence[Evidence]:
        content = self._chance.randbytes(200 + self._chance.randrange(2_000))
        return [
            Evidence(
                id=self._new_id(),
                event=event.id,
                source="river",
                time_us=event.time_us,
                width_px=64,
                height_px=48,
                content=content,
            )
        ]

    def _new_id(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"
