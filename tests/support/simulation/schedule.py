"""One seed, from the first reading to the verdict.

Gateways read while faults strike; then everything is mended, sensors are read a last time, and once every outbox is
settled the books are checked. Not becoming settled in time is a broken promise too.
"""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from haechi.cloud.state import markers
from haechi.cloud.state.engine import reading
from haechi.edge.outbox import OutboxDamaged, OutboxFailed
from support.simulation import faults, images, promise
from support.simulation.broker import Broker, Weather
from support.simulation.cloud import Cloud, reference_state
from support.simulation.gateway import Gateway
from support.simulation.link import Wire, in_place_of_mqtt
from support.simulation.loop import VirtualLoop
from support.simulation.process import Process
from support.simulation.truth import BrokenPromise

_PLACES = ("bridge", "bridge", "tunnel")
_BOOT_S_MAX = 3.0
_DRAIN_S_MAX = 600.0
_LOOK_EVERY_S, _CALM_LOOKS = 1.0, 3
_LAST_READINGS = 2
_memory = Path("/dev/shm")


class City:
    """Everything that is simulated under one seed."""

    def __init__(self, seed: int, folder: Path, only: Sequence[str]) -> None:
        self.chance = random.Random(seed)
        self._folder, self._only = folder, only
        self.loop = VirtualLoop()
        self.weather = self._draw_weather()
        self.broker = Broker(self.loop, self.chance, self.weather)
        self.cloud = Cloud(self.loop, self.chance, self.broker, folder)
        self.wires: dict[Process, Wire] = {}
        self.gateways = [self._gateway(number) for number in range(self.chance.choice((1, 1, 1, 1, 1, 2, 2, 3)))]
        self.copies: dict[str, images.Image] = {}
        """Backups of disks, by name of gateway or part of the cloud."""
        self.marker_of_copy = 0
        """Number of the newest marker that the cloud remembered at its backup."""
        self._twins: dict[Gateway, Gateway] = {}
        """Second gateway of a name → the first one."""
        self._doubled: set[str] = set()
        self._cloud_restored = False
        self.struck: Counter[str] = Counter()
        """Which faults struck, how often."""
        self._mending: list[Callable[[], None]] = []

    def run(self) -> None:
        """Live through the schedule.

        Raises:
            BrokenPromise: the software did not stand it.
        """
        try:
            with in_place_of_mqtt(self.wires, self.chance.random):
                self.loop.run_until_complete(self._live())
        finally:
            self._end()

    def any_gateway(self) -> Gateway:
        """Return one of the gateways."""
        return self.chance.choice(self.gateways)

    def mend(self, repair: Callable[[], None], after_s: float) -> None:
        """Mend something in a while, or when everything is mended."""

        def once() -> None:
            if repair in self._mending:
                self._mending.remove(repair)
                repair()

        self._mending.append(repair)
        self.loop.call_later(after_s, once)

    def clone(self, original: Gateway) -> None:
        """Run a second gateway from a copy of the first one's disk, until somebody takes it away."""
        if original.process is None or not original.is_up or original in self._twins:
            return
        number = len(self.gateways) + len(self._twins)
        twin = self._gateway(number, original)
        self._twins[twin] = original
        twin.start(images.take(original.process.folder))

    def restore_cloud(self, part: str) -> None:
        """Put back an older copy of one of the cloud's databases."""
        process = self.cloud.process
        copy = self.copies.get("cloud")
        if process is not None and process.alive and copy is not None:
            process.kill()
            self._cloud_restored = True
            process.image = images.without(process.image, [part]) | images.only(copy, [part])

    def marker(self) -> int:
        """Return the number of the newest marker that the cloud's state remembers; 0 when it has none or is dead."""
        if not self.cloud.is_up or self.cloud.state is None:
            return 0
        with reading(self.cloud.state) as connection:
            known = markers.known(connection)
        return 0 if known is None or known.newest is None else known.newest.number

    async def _live(self) -> None:
        self.cloud.start({})
        for gateway in self.gateways:
            gateway.start({})
        self._keeper = self.loop.create_task(self._keep_alive())
        await self._break_things()
        self._mend_everything()
        await self._until(lambda: all(gateway.readings_since_mending >= _LAST_READINGS for gateway in self.gateways))
        await self._come_to_rest()
        while not self._shows_the_street() and (self._truth.memory_was_lost or self.struck["disk_full"]):
            # Old words came last, and only who sees the water can say that they are old.
            for gateway in self.gateways:
                gateway.go_on_reading()
            await self._come_to_rest()
        self._keeper.cancel()
        assert self.cloud.state is not None
        assert self.cloud.process is not None
        promise.check(
            self._truth,
            self.cloud.state,
            self.cloud.process.folder,
            self.broker.acknowledgements,
            reference_state(),
            self.cloud.now_us(),
        )

    async def _come_to_rest(self) -> None:
        await self._until(self._shows_the_street)
        for gateway in self.gateways:
            gateway.stop_reading()
        await self._until_settled()

    @property
    def _truth(self) -> promise.Truth:
        return promise.Truth(
            {gateway.name: gateway.ledger for gateway in self.gateways},
            {gateway.name: gateway.conditions for gateway in self.gateways},
            self._cloud_restored,
            self._doubled,
        )

    def _shows_the_street(self) -> bool:
        """Whether every alarm that stands in the street stands on the screen, and no other."""
        return self.cloud.is_up and self.cloud.state is not None and promise.shows(self._truth, self.cloud.state)

    @property
    def _unaccounted(self) -> str:
        """What the cloud has yet to notice by comparing, as the disk is gone that knew it."""
        truth = self._truth
        if not truth.memory_was_lost or self.cloud.state is None or self.cloud.process is None:
            return ""
        return promise.unaccounted(truth, self.cloud.state, self.cloud.process.folder)

    async def _break_things(self) -> None:
        # Few kinds at a time: with all of them a blow too many hides what two would have shown.
        kinds = self.chance.randint(1, self.chance.choice((2, 3, 5, len(faults.MIX))))
        chosen = self.chance.sample(list(faults.MIX.values()), kinds)
        if self._only:
            chosen = [faults.MIX[name] for name in self._only]
        # Many short schedules find more than few long ones; some faults need longer to show.
        until_s = self.loop.time() + self.chance.choice((2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 6.0, 8.0, 16.0))
        pause_s = self.chance.choice((0.3, 0.6, 1.5))
        while self.loop.time() < until_s:
            await asyncio.sleep(self.chance.expovariate(1 / pause_s))
            if self.chance.random() < 0.3:
                faults.river_moved(self)
            if self.chance.random() < 0.2:
                self._back_up()
            if chosen:
                fault = self.chance.choice(chosen)
                self.struck[fault.__name__] += 1
                fault(self)

    def _back_up(self) -> None:
        for gateway in self.gateways:
            if gateway.process is not None and gateway.is_up:
                self.copies[gateway.name] = images.take(gateway.process.folder)
        if self.cloud.process is not None and self.cloud.is_up:
            self.copies["cloud"] = images.take(self.cloud.process.folder)
            self.marker_of_copy = self.marker()

    def _mend_everything(self) -> None:
        for twin, original in self._twins.items():
            assert twin.process is not None
            twin.process.kill()
            original.ledger.inherit(twin.ledger)
            self._doubled.add(original.name)
        self._twins.clear()
        mending, self._mending = self._mending, []
        for repair in mending:
            repair()
        for process in (self.cloud.process, *(gateway.process for gateway in self.gateways)):
            if process is not None:
                process.spare()
        for gateway in self.gateways:
            gateway.readings_since_mending = 0
        self.weather.loss = self.weather.repeat = self.weather.reorder = 0.0

    async def _keep_alive(self) -> None:
        """Start again what is dead, as systemd and people do."""
        while True:
            await asyncio.sleep(self.chance.random() * _BOOT_S_MAX)
            for one in self._all():
                if one.process is not None and not one.process.alive:
                    self._judge(one.process)
                    one.start(one.process.image)

    def _all(self) -> list[Cloud | Gateway]:
        return [self.cloud, *self.gateways, *self._twins]

    def _judge(self, process: Process) -> None:
        reopens = isinstance(process.failure, OutboxFailed) and not isinstance(process.failure, OutboxDamaged)
        if reopens and self.struck["disk_fails"]:
            return  # the agent opens its outbox again, which is a stop and a start
        if process.failure is not None:
            raise BrokenPromise(f"a process ended by itself: {process.failure!r}") from process.failure

    async def _until_settled(self) -> None:
        calm = 0

        def settled() -> bool:
            nonlocal calm
            at_rest = self.cloud.is_up and all(gateway.is_settled for gateway in self.gateways)
            calm = calm + 1 if at_rest and not self._unaccounted else 0
            return calm >= _CALM_LOOKS

        await self._until(settled)

    async def _until(self, reached: Callable[[], bool]) -> None:
        until_s = self.loop.time() + _DRAIN_S_MAX
        while not reached():
            if self._keeper.done():
                self._keeper.result()
            if self.loop.time() > until_s:
                held = {gateway.name: gateway.figures() for gateway in self.gateways}
                what = self._unaccounted or ("" if self._shows_the_street() else "the screen is not right")
                raise BrokenPromise(f"not settled ten minutes after everything was mended: {held} {what}".rstrip())
            await asyncio.sleep(_LOOK_EVERY_S)

    def _gateway(self, number: int, original: Gateway | None = None) -> Gateway:
        name = f"cabinet-{number}" if original is None else original.name
        bytes_max = self.chance.choice((12_000, 40_000, 10_000_000, 10_000_000))
        folder = self._folder / f"disk-{number}"
        place = _PLACES[number % len(_PLACES)] if original is None else original.place
        return Gateway(self.loop, self.chance, self.broker, folder, name, place, bytes_max, self.wires)

    def _draw_weather(self) -> Weather:
        def some(most: float) -> float:
            return self.chance.random() * most if self.chance.random() < 0.5 else 0.0

        return Weather(some(0.3), some(0.6), some(0.5), self.chance.choice((0.01, 0.1, 0.6)))

    def _end(self) -> None:
        for one in self._all():
            if one.process is not None:
                one.process.kill()
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self.loop.close()


def run(seed: int, only: Sequence[str] = ()) -> Counter[str]:
    """Run one schedule, with only some faults where any are named; return which faults struck.

    Raises:
        BrokenPromise: the software did not stand it; the text names the seed and how to replay it.
    """
    folder = Path(tempfile.mkdtemp(prefix="haechi-fault-", dir=_memory if _memory.is_dir() else None))
    city = City(seed, folder, only)
    try:
        city.run()
    except BrokenPromise as broken:
        flags = "".join(f" --only {name}" for name in only)
        raise BrokenPromise(
            f"seed {seed}: {broken}\nreplay: make torture SCHEDULES=1 SEED={seed}{flags and f' ARGS={flags.strip()!r}'}"
        ) from broken
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return city.struck
