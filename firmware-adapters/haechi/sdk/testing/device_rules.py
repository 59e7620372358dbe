"""Rules that are tried against the simulated device, as it is: values, ports, silence, time and memory."""

# ruff: noqa: S101, D102 - this is a test suite: asserts are its business, and the names of the tests say what they test

import asyncio
import math
import tracemalloc
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from haechi.contract.observations import Quality
from haechi.contract.places import Datastream, Step
from haechi.sdk import ConfigError, NotConnected, Sample
from haechi.sdk.clock import MonotonicClock
from haechi.sdk.testing.suite import (
    DEVICE,
    PATIENCE_S,
    Hurried,
    Ledger,
    Peer,
    Refusing,
    Run,
    Suite,
    Warming,
    is_one_line,
    lets_go,
)
from haechi.sdk.testing.watching import ended, objects, traced_bytes, watched
from haechi.sdk.wire import Wire, attached

_DRAWN = 20
_WATCHED = 6
_GROWTH_BYTES_MAX = 16 * 1024
_GROWTH_S_MAX = 150.0
_TRACED = 40
_OBJECTS_PER_READ_MAX = 0.5
_OBJECTS_ALLOWED = 500
"""Frames that came together and wait to be drawn: what a line holds of the shortest, 4 KiB."""
_REFUSED_MAX = 5
_REFUSES_S = 0.3
_LATE_MAX = 3
"""So many may have been under way when the first refusal was counted."""
SLEPT_S = 3600.0
_WATCHED_S = 0.5


class DeviceRules(Suite):
    """What an adapter does while its device does what it should."""

    @pytest.mark.asyncio
    async def test_emits_what_it_describes(self) -> None:
        if self.skips("emits_what_it_describes"):
            return
        async with self._hurried() as peer, aclosing(self.samples(peer)) as samples:
            described = {one.id: one for one in self.make(peer).describe()}
            assert set(described) == {f"{DEVICE}.{name}" for name in self.shown}
            self.show_first(peer)
            async with asyncio.timeout(PATIENCE_S):
                seen = 0
                async for sample in samples:
                    _agrees(sample, described)
                    seen += 1
                    if seen == _DRAWN:
                        break

    @pytest.mark.asyncio
    async def test_values_are_the_devices_own(self) -> None:
        """Every value emitted was shown, and every value shown arrives."""
        if self.skips("values_are_the_devices_own"):
            return
        for name, values in self.shown.items():
            assert len(set(values)) > 1, f"shown[{name!r}]: two unlike values, or else a constant would do"
        async with self._hurried() as peer:
            ledger = Ledger(peer)
            samples: AsyncGenerator[Sample, None] | None = None
            for number in range(max(len(values) for values in self.shown.values())):
                for name, values in self.shown.items():
                    ledger.show(name, values[min(number, len(values) - 1)])
                samples = samples or self.samples(peer)
                await _arrives(samples, ledger)
            if samples is not None:
                await samples.aclose()

    @pytest.mark.asyncio
    async def test_releases_its_port(self) -> None:
        """Closing the iterator or cancelling the task frees the port, and the same adapter can start again."""
        if self.skips("releases_its_port"):
            return
        async with self._hurried() as peer:
            adapter = self.make(peer)
            tasks = asyncio.all_tasks()
            for _attempt in range(2):
                async with aclosing(adapter.samples()) as samples, asyncio.timeout(PATIENCE_S):
                    await anext(samples)
                    assert peer.is_held()
                await lets_go(peer)

            started = asyncio.Event()

            async def run() -> None:
                async with aclosing(adapter.samples()) as samples:
                    async for _sample in samples:
                        started.set()

            task = asyncio.create_task(run())
            async with asyncio.timeout(PATIENCE_S):
                await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await lets_go(peer)
            await ended(tasks)

    @pytest.mark.asyncio
    async def test_opening_twice_is_harmless(self) -> None:
        """Either both read, or the second one is told in one line that the port is taken."""
        if self.skips("opening_twice_is_harmless"):
            return
        async with self._hurried() as peer:
            async with aclosing(self.samples(peer)) as first, asyncio.timeout(PATIENCE_S):
                ledger = self.show_first(peer)
                await anext(first)
                try:
                    async with aclosing(self.samples(peer)) as second:
                        ledger.holds(await anext(second))
                except (NotConnected, ConfigError) as error:
                    is_one_line(error)
                for _number in range(_DRAWN):
                    ledger.holds(await anext(first))
            await lets_go(peer)

    @pytest.mark.asyncio
    async def test_cancelled_anywhere(self) -> None:
        """Cancelled after any number of steps of the event loop, reading or probing, it lets go of its port."""
        if self.skips("cancelled_anywhere"):
            return
        async with self.peer() as peer:
            adapter = self.make(peer)
            tasks = asyncio.all_tasks()
            for steps in range(Run.effort.cancellations):
                task = asyncio.ensure_future(adapter.probe() if steps % 4 == 3 else _draw(adapter.samples()))
                for _step in range(steps):
                    await asyncio.sleep(0 if steps % 2 else 0.0005)
                task.cancel()
                with suppress(asyncio.CancelledError, NotConnected):
                    await asyncio.wait_for(task, PATIENCE_S)
                await lets_go(peer)
            await ended(tasks)

    @pytest.mark.asyncio
    async def test_lets_others_run(self) -> None:
        """It never keeps the event loop for itself: others read on the same one, alarms among them."""
        if self.skips("lets_others_run"):
            return
        async with self._hurried() as peer:
            self.show_first(peer)
            async with watched() as held, aclosing(self.samples(peer)) as samples, asyncio.timeout(PATIENCE_S):
                for _number in range(_WATCHED):
                    await anext(samples)
                    assert not held, f"it kept the event loop for itself for {held[0]:.2f} s"

    @pytest.mark.asyncio
    async def test_silence_is_not_connected(self) -> None:
        """A device that falls silent ends in one clear line and a delay, and leaves no port behind."""
        if self.skips("silence_is_not_connected"):
            return
        async with self.peer() as peer:
            with pytest.raises(NotConnected) as caught:  # noqa: PT012 - the error comes at an unknown draw
                async with aclosing(self.samples(peer)) as samples, asyncio.timeout(PATIENCE_S):
                    await anext(samples)
                    peer.fall_silent()
                    async for _sample in samples:
                        pass
            is_one_line(caught.value)
            assert caught.value.retry_after_s > 0
            await lets_go(peer)

    @pytest.mark.asyncio
    async def test_probe_says_one_line(self) -> None:
        if self.skips("probe_says_one_line"):
            return
        async with self._hurried() as peer:
            async with asyncio.timeout(PATIENCE_S):
                line = await self.make(peer).probe()
            assert line
            assert "\n" not in line
            await lets_go(peer)

    @pytest.mark.asyncio
    async def test_refusal_is_no_value(self) -> None:
        """A value that the device has not is not emitted, the refusal is counted, and the value comes back."""
        if self.skips("refusal_is_no_value"):
            return
        async with self._hurried() as peer:
            assert isinstance(peer, Refusing), "the peer needs the method refuse (haechi.sdk.testing.Refusing)"
            ledger = self.show_first(peer)
            adapter = self.make(peer)
            clock = MonotonicClock()
            async with aclosing(adapter.samples()) as samples, asyncio.timeout(PATIENCE_S):
                await _arrives(samples, ledger)
                name = next(iter(self.shown))
                counted = Counter(adapter.host.counters)
                peer.refuse(name)
                drawing = asyncio.ensure_future(anext(samples))
                passed = 0
                until_s = None
                while until_s is None or clock.now() < until_s:
                    if until_s is None and adapter.host.counters.total() > counted.total():
                        until_s = clock.now() + _REFUSES_S  # what is due later must not come either
                        passed = 0
                    if drawing.done():
                        ledger.holds(drawing.result())
                        passed += f"{DEVICE}.{name}" in drawing.result().datastreams
                        assert passed < (_REFUSED_MAX if until_s is None else _LATE_MAX), (
                            f"{name} comes, though the device says that it has none"
                        )
                        drawing = asyncio.ensure_future(anext(samples))
                    await asyncio.sleep(0.005)
                ledger.show(name, self.shown[name][-1])
                ledger.holds(await drawing)
                await _arrives(samples, ledger)

    @pytest.mark.asyncio
    async def test_warm_up_is_quality(self) -> None:
        if self.skips("warm_up_is_quality"):
            return
        async with self._hurried() as peer:
            assert isinstance(peer, Warming), "the peer needs the method warm_up (haechi.sdk.testing.Warming)"
            ledger = self.show_first(peer)
            peer.warm_up()
            async with aclosing(self.samples(peer)) as samples, asyncio.timeout(PATIENCE_S):
                for _number in range(3):
                    sample = await anext(samples)
                    ledger.holds(sample)
                    assert sample.qualities is not None, "a value of a device that warms up passes for good"
                    assert Quality.GOOD not in sample.qualities, "a value of a device that warms up passes for good"

    @pytest.mark.asyncio
    async def test_clock_jump_is_no_burst(self) -> None:
        if self.skips("clock_jump_is_no_burst"):
            return
        clock = Leaping()
        async with self.peer() as peer:
            ledger = self.show_first(peer)
            adapter = self.make(peer, clock)
            periods_s = {one.id: one.period_s for one in adapter.describe() if one.period_s}
            async with aclosing(adapter.samples()) as samples, asyncio.timeout(PATIENCE_S):
                await _arrives(samples, ledger)
                clock.leap_s += SLEPT_S
                seen: Counter[str] = Counter()
                end_s = clock.now() + _WATCHED_S
                while clock.now() < end_s:
                    sample = await anext(samples)
                    ledger.holds(sample)
                    seen.update(sample.datastreams)
            for datastream, period_s in periods_s.items():
                expected = _WATCHED_S / period_s + 3
                assert seen[datastream] <= expected, f"{datastream} came {seen[datastream]} times in {_WATCHED_S} s"

    @pytest.mark.asyncio
    async def test_reads_without_growth(self) -> None:
        if self.skips("reads_without_growth"):
            return
        async with self._hurried() as peer:
            if isinstance(peer, Hurried):
                peer.hurry()
            await self._reads_without_growth(peer, max(Run.effort.reads, self.reads_min))

    @asynccontextmanager
    async def _hurried(self) -> AsyncIterator[Peer]:
        """Start a peer on a wire whose silences take no time, for rules that are not about silence."""
        with attached(_HurryingWire()):
            async with self.peer() as peer:
                yield peer

    async def _reads_without_growth(self, peer: Peer, reads: int) -> None:
        async with aclosing(self.make(peer, _Hurrying()).samples()) as samples, asyncio.timeout(_GROWTH_S_MAX):
            await _draw(samples, reads // 10)
            before = objects()
            await _draw(samples, reads - reads // 10 - 2 * (reads // _TRACED))
            left = objects() - before
            # Every allocation is traced for a few of the reads: it tells the bytes, and is slow.
            tracemalloc.start()
            try:
                await _draw(samples, reads // _TRACED)
                traced_before = traced_bytes()
                await _draw(samples, reads // _TRACED)
                grown_bytes = traced_bytes() - traced_before
            finally:
                tracemalloc.stop()
        assert left < max(_OBJECTS_ALLOWED, reads * _OBJECTS_PER_READ_MAX), f"{reads} reads left {left} objects behind"
        assert grown_bytes < _GROWTH_BYTES_MAX, f"{reads // _TRACED} reads took {grown_bytes} bytes for good"


class Leaping(MonotonicClock):
    """Monotonic time of a machine that is put to sleep."""

    leap_s = 0.0
    """For how long it has slept."""

    def now(self) -> float:
        return super().now() + self.leap_s


class _Hurrying:
    """Time that passes as fast as somebody waits for it: an injected clock, so that thousands of reads take seconds."""

    _TICK_S = 0.1

    def __init__(self) -> None:
        self._now_s = 0.0

    def now(self) -> float:
        # Who only looks at the clock, because a device talks by itself, sees it pass too.
        self._now_s += self._TICK_S
        return self._now_s

    async def sleep_until(self, when_s: float) -> None:
        self._now_s = max(self._now_s, when_s)
        await asyncio.sleep(0)

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now_s + seconds)


class _HurryingWire(Wire):
    """Silences and breaks that take no time: a simulator needs none."""

    async def pause(self, seconds: float) -> None:  # noqa: ARG002
        await asyncio.sleep(0)


async def _draw(samples: AsyncGenerator[Sample, None], count: int | None = None) -> None:
    """Take ``count`` samples, or all."""
    while count is None or count > 0:
        await anext(samples)
        count = None if count is None else count - 1


async def _arrives(samples: AsyncGenerator[Sample, None], ledger: Ledger) -> None:
    """Draw until everything that the peer shows at present has come; nothing else may come."""
    missing = dict(ledger.now)
    async with asyncio.timeout(PATIENCE_S):
        while missing:
            sample = await anext(samples)
            ledger.holds(sample)
            for datastream, value in zip(sample.datastreams, sample.values, strict=True):
                if missing.get(datastream) == value:
                    del missing[datastream]


def _agrees(sample: Sample, described: Mapping[str, Datastream]) -> None:
    """Check one sample against the descriptions: ids, kinds, finiteness, and that steps are exact."""
    assert sample.datastreams
    assert len(sample.values) == len(sample.datastreams)
    assert sample.qualities is None or len(sample.qualities) == len(sample.datastreams)
    for datastream, value in zip(sample.datastreams, sample.values, strict=True):
        assert datastream in described, f"{datastream} is not described"
        one = described[datastream]
        kinds: dict[str, tuple[type, ...]] = {"bool": (bool,), "text": (str,), "number": (int, float)}
        assert isinstance(value, kinds[one.kind]), f"{datastream} is {value!r}, not a {one.kind}"
        assert (one.kind == "bool") == isinstance(value, bool)
        if isinstance(value, float):
            assert math.isfinite(value)
            if one.step is not None:
                assert Step(*one.step).count_of(value) is not None, f"{datastream}: {value} is no whole step"
