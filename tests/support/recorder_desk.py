"""A recorder over a real outbox, with one gauge, one rule and clocks that stand."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from haechi.contract.codec import decode
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.places import Datastream, Place, Thing
from haechi.contract.ranges import RangeSet
from haechi.edge.builder import Builder
from haechi.edge.clock import BUILD_US, WallClock
from haechi.edge.derivations.chain import Chain
from haechi.edge.normalise import Normaliser
from haechi.edge.outbox import Rank
from haechi.edge.outbox.queue import Outbox
from haechi.edge.recorder import Descriptions, Recorder
from haechi.edge.rules.engine import Engine, Rule
from haechi.edge.rules.threshold import Threshold

PLACE = Place(id="bridge", name="Bridge", latitude=36.0, longitude=127.0)
THING = Thing(id="river-1", name="River", kind="river_gauge", place="bridge", latitude=36.0, longitude=127.0)
LEVEL = Datastream(id="river-1.level", thing="river-1", observed_property="water_level", unit="m")
NAMES = ("river-1.level",)
RAW = "river-1.raw"
HOUR_US = 3_600_000_000


@dataclass
class Desk:
    """A recorder over a real outbox, and the clocks that it sees."""

    outbox: Outbox
    recorder: Recorder
    now_us: int
    now_s: float
    link_is_up: bool
    committed: asyncio.Event
    synchronised: bool = False

    async def parcels(self) -> list[tuple[ParcelName, Parcel]]:
        """Return everything that waits, in the order of committing."""
        held = [held for rank in Rank for held in await self.outbox.waiting(rank, 0, None, 1000)]
        found = []
        for each in sorted(held, key=lambda one: one.id):
            content = await self.outbox.read(each.id)
            assert content is not None
            found.append(decode(content))
        return found

    async def commits(self) -> None:
        """Wait for the next commit."""
        async with asyncio.timeout(10):
            await self.committed.wait()
        self.committed.clear()


@contextlib.asynccontextmanager
async def opened(
    folder: Path,
    *,
    seal_s: float = 1000.0,
    chain: Chain | None = None,
    cursors: dict[str, str] | None = None,
    on_found: Callable[[Collection[str]], None] = lambda _conditions: None,
    datastream: Datastream = LEVEL,
) -> AsyncIterator[Desk]:
    outbox = await Outbox.open(folder, 10**7, lambda newest_us: max(newest_us, BUILD_US))
    desk = Desk(outbox, None, BUILD_US + HOUR_US, 0.0, False, asyncio.Event())  # type: ignore[arg-type]
    ids = (f"event-{number:05d}" for number in itertools.count())
    rule = Rule("river-1.alarm", Threshold(3.0), LEVEL.id, "m", 3.0, "flood.level_high", "river-1", PLACE)
    desk.recorder = Recorder(
        outbox,
        Builder({}),
        Normaliser([*NAMES, RAW]),
        Engine([rule], 0.0, lambda: next(ids)),
        WallClock(0, lambda: desk.now_us, lambda: desk.synchronised),
        Descriptions([PLACE], [THING], [datastream]),
        now_s=lambda: desk.now_s,
        seal_s=seal_s,
        link_is_up=lambda: desk.link_is_up,
        on_commit=desk.committed.set,
        on_found=on_found,
        chain=chain,
        cursors=cursors,
    )
    try:
        yield desk
    finally:
        await outbox.close()


async def settle_everything(desk: Desk) -> None:
    for name, _ in await desk.parcels():
        await desk.outbox.settle(name.epoch, RangeSet([(name.seq, name.seq)]))
