"""Rules that are tried with faults on the wire between adapter and device: see :mod:`.interference`."""

# ruff: noqa: S101, D102 - this is a test suite: asserts are its business, and the names of the tests say what they test

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from haechi.sdk import Adapter, NotConnected
from haechi.sdk.testing.interference import Interference
from haechi.sdk.testing.suite import PATIENCE_S, Ledger, Peer, Restarting, Run, Suite, is_one_line
from haechi.sdk.wire import attached

_SEED = 20261122
_PAUSE_S_MAX = 0.2
_GREETING = b"\x00\xff\r\nBoot v1.02 (c) ready 0012 R0000\r\n>"
_NOISE_BYTES_MAX = 24


class WireRules(Suite):
    """What an adapter does while the way to its device is bad."""

    @pytest.mark.asyncio
    async def test_cable_cut_and_back(self) -> None:
        if self.skips("cable_cut_and_back"):
            return
        async with self._on_the_wire() as (wire, peer, ledger):
            adapter = self.make(peer)
            await _until_all_came(adapter, ledger)
            with pytest.raises(NotConnected) as caught:  # noqa: PT012 - the error comes at an unknown draw
                async with aclosing(adapter.samples()) as samples, asyncio.timeout(PATIENCE_S):
                    ledger.holds(await anext(samples))
                    wire.is_cut = True
                    async for sample in samples:
                        ledger.holds(sample)
            is_one_line(caught.value)
            wire.mend()
            await _until_all_came(adapter, self._show_last(ledger))

    @pytest.mark.asyncio
    async def test_power_cycle_is_survived(self) -> None:
        if self.skips("power_cycle_is_survived"):
            return
        async with self._on_the_wire() as (wire, peer, ledger):
            adapter = self.make(peer)
            for _time in range(2):
                await _until_all_came(adapter, ledger)

                async def lose_power() -> None:
                    wire.is_cut = True
                    if isinstance(peer, Restarting):
                        peer.restart()
                    await asyncio.sleep(_PAUSE_S_MAX)
                    wire.mend()
                    wire.say(_GREETING)
                    await asyncio.sleep(_PAUSE_S_MAX)

                trouble = asyncio.create_task(lose_power())
                await _meanwhile(adapter, ledger, trouble)
            await _until_all_came(adapter, self._show_last(ledger))

    @pytest.mark.asyncio
    async def test_slow_device_is_read(self) -> None:
        if self.skips("slow_device_is_read"):
            return
        async with self._on_the_wire() as (wire, peer, ledger):
            wire.piece_bytes = 1
            await _until_all_came(self.make(peer), ledger)
            await _until_all_came(self.make(peer), self._show_last(ledger))

    @pytest.mark.asyncio
    async def test_babble_is_never_a_value(self) -> None:
        if self.skips("babble_is_never_a_value"):
            return
        async with self._on_the_wire() as (wire, peer, ledger):
            chance = random.Random(_SEED)

            def noise() -> bytes:
                return chance.randbytes(chance.randrange(_NOISE_BYTES_MAX)) if chance.random() < 0.5 else b""

            wire.before = noise
            adapter = self.make(peer)
            await _meanwhile(
                adapter, ledger, _saying(wire, Run.effort.trouble_s, lambda: chance.randbytes(_NOISE_BYTES_MAX))
            )
            wire.mend()
            await _until_all_came(adapter, self._show_last(ledger))

    @pytest.mark.asyncio
    async def test_late_answers_are_never_values(self) -> None:
        """Answers are late by anything up to twice the patience of the adapter; each stays its own property's."""
        if self.skips("late_answers_are_never_values"):
            return
        async with self._on_the_wire() as (wire, peer, ledger):
            chance = random.Random(_SEED)
            adapter = self.make(peer)
            await _until_all_came(adapter, ledger)
            wire.delay_s = lambda: chance.choice((0.0, 0.05, 0.3, 0.6, 1.0))
            await _meanwhile(adapter, ledger, asyncio.create_task(asyncio.sleep(2 * Run.effort.trouble_s)))
            wire.mend()
            await _until_all_came(adapter, self._show_last(ledger))

    @pytest.mark.asyncio
    async def test_foreign_traffic_is_never_a_value(self) -> None:
        if self.skips("foreign_traffic_is_never_a_value"):
            return
        assert self.foreign, (
            'set foreign = (bytes.fromhex("…"), …) in your class: frames of others on this line; else exempt it'
        )
        async with self._on_the_wire() as (wire, peer, ledger):
            chance = random.Random(_SEED)
            frames: Sequence[bytes] = self.foreign
            wire.before = lambda: chance.choice((b"", *frames))
            adapter = self.make(peer)
            await _meanwhile(adapter, ledger, _saying(wire, Run.effort.trouble_s, lambda: chance.choice(frames)))
            wire.mend()
            await _until_all_came(adapter, self._show_last(ledger))

    @asynccontextmanager
    async def _on_the_wire(self) -> AsyncIterator[tuple[Interference, Peer, Ledger]]:
        """Start a peer behind a wire; afterwards, check that the adapter used it."""
        wire = Interference()
        async with self.peer() as peer:
            with attached(wire):
                yield wire, peer, self.show_first(peer)
        assert wire.passed, "its transport is not on the wire: use haechi.sdk.wire, as those of the SDK do"

    def _show_last(self, ledger: Ledger) -> Ledger:
        for name, values in self.shown.items():
            ledger.show(name, values[-1])
        return ledger


def _saying(wire: Interference, seconds: float, what: Callable[[], bytes]) -> "asyncio.Task[None]":
    """Begin to make ``what`` come from nowhere, again and again."""

    async def say() -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        while loop.time() < end_s:
            wire.say(what())
            await asyncio.sleep(0.013)

    return asyncio.create_task(say())


async def _meanwhile(adapter: Adapter[Any], ledger: Ledger, trouble: "asyncio.Task[None]") -> None:
    """Read as a gateway does, until the trouble is over; all that comes must stand in the ledger."""

    async def read() -> None:
        while True:
            try:
                async with aclosing(adapter.samples()) as samples:
                    async for sample in samples:
                        ledger.holds(sample)
            except NotConnected as error:
                is_one_line(error)
                await asyncio.sleep(min(_PAUSE_S_MAX, error.retry_after_s))

    reading = asyncio.create_task(read())
    done, _running = await asyncio.wait((reading, trouble), return_when=asyncio.FIRST_COMPLETED)
    for task in (reading, trouble):
        task.cancel()
    results = await asyncio.gather(reading, trouble, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
    assert trouble in done


async def _until_all_came(adapter: Adapter[Any], ledger: Ledger) -> None:
    """Read as a gateway does, until everything that is shown at present has come."""
    missing = dict(ledger.now)
    async with asyncio.timeout(PATIENCE_S):
        while missing:
            try:
                async with aclosing(adapter.samples()) as samples:
                    while missing:
                        sample = await anext(samples)
                        ledger.holds(sample)
                        for datastream, value in zip(sample.datastreams, sample.values, strict=True):
                            if missing.get(datastream) == value:
                                del missing[datastream]
            except NotConnected as error:
                await asyncio.sleep(min(_PAUSE_S_MAX, error.retry_after_s))
