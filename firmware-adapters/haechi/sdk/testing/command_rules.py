"""Rules for adapters that are told something: bounds, one write, what stands, and the way back to the fail-safe state.

The gateway judges, journals, times and sets back; what an adapter owes to that is tried here, against the simulated
device, with nothing of a gateway around it.
"""

# ruff: noqa: S101, D102 - this is a test suite: asserts are its business, and the names of the tests say what they test

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from haechi.contract.observations import Value
from haechi.sdk import Actuator, Adapter, NotConnected, NotDone
from haechi.sdk.testing.device_rules import SLEPT_S, Leaping
from haechi.sdk.testing.suite import PATIENCE_S, Note, Obeying, Peer, Run, Suite, Timed, lets_go

_NOBODY = "no_such_actuator"
_HESITATES_S = 1.2
"""How late a command is confirmed: longer than adapters of a peer wait."""
_READ_ON = 3


class CommandRules(Suite):
    """What an adapter does when it is told something, and that nothing else is ever written."""

    @pytest.mark.asyncio
    async def test_reads_only_unless_told(self) -> None:
        """Reading and probing write nothing, and what is not declared is refused."""
        if self.skips("reads_only_unless_told"):
            return
        async with self.peer() as peer:
            adapter = self.make(peer)
            assert _NOBODY not in {one.name for one in adapter.actuators()}
            with pytest.raises(NotDone):
                await adapter.actuate(_NOBODY, value=True, on_s=1.0)
            async with asyncio.timeout(PATIENCE_S):
                await adapter.probe()
                async with aclosing(adapter.samples()) as samples:
                    for _number in range(_READ_ON):
                        await anext(samples)
            told = _obeying(peer).told() if adapter.actuators() else []
            assert not told, f"it was told {told[0]} by nobody"

    @pytest.mark.asyncio
    async def test_bounds_hold_before_the_wire(self, record_property: Note) -> None:
        if not self._applies("bounds_hold_before_the_wire", record_property):
            return
        async with self.peer() as peer:
            adapter = self.make(peer)
            for one in adapter.actuators():
                one.checked()
                for value, on_s in _out_of_bounds(one):
                    with pytest.raises(NotDone):
                        await adapter.actuate(one.name, value, on_s)
                    assert not _obeying(peer).told(), f"{one.name}={value!r} for {on_s} s was written"

    @pytest.mark.asyncio
    async def test_written_once(self, record_property: Note) -> None:
        """However late the device confirms, it is told once; what was written is never told as not done."""
        if not self._applies("written_once", record_property):
            return
        async with self.peer() as peer:
            adapter = self.make(peer)
            async with _read(adapter):
                for one in adapter.actuators():
                    before = len(_obeying(peer).told())
                    _obeying(peer).hesitate(_HESITATES_S)
                    try:
                        await _tell(adapter, one, away(one))
                    except NotDone:
                        raise AssertionError(f"{one.name} was told, and it says that nothing was changed") from None
                    except Exception:  # noqa: S110, BLE001 - anything else says that nobody knows, which is so
                        pass
                    await asyncio.sleep(_HESITATES_S)
                    assert _obeying(peer).told()[before:] == [(one.name, away(one))], f"{one.name}: not told once"
                    _obeying(peer).hesitate(0.0)
                    await _tell(adapter, one, one.fail_safe)
                    assert _obeying(peer).told()[before + 1 :] == [(one.name, one.fail_safe)]
                    assert _obeying(peer).stands(one.name) == one.fail_safe

    @pytest.mark.asyncio
    async def test_done_is_what_stands(self, record_property: Note) -> None:
        """Where it returns, the device stands so; where the device takes a command and stays, it does not return."""
        if not self._applies("done_is_what_stands", record_property):
            return
        async with self.peer() as peer:
            adapter = self.make(peer)
            for one in adapter.actuators():
                for value in (away(one), one.fail_safe):
                    await _tell(adapter, one, value)
                    assert _obeying(peer).stands(one.name) == value, f"{one.name} does not stand as it was told"
                _obeying(peer).jam(one.name)
                try:
                    await _tell(adapter, one, away(one))
                except Exception:  # noqa: S112, BLE001 - any error says that it is not done
                    continue
                raise AssertionError(f"{one.name} did not move, and it says that it is done")

    @pytest.mark.asyncio
    async def test_fail_safe_is_reached(self, record_property: Note) -> None:
        """After reading has ended, after a command was cancelled at any step, and by a process that knows nothing."""
        if not self._applies("fail_safe_is_reached", record_property):
            return
        async with self.peer() as peer:
            adapter = self.make(peer)
            for one in adapter.actuators():
                async with _read(adapter):
                    await _tell(adapter, one, away(one))
                await lets_go(peer)
                await _is_set_back(adapter, one, peer)
                for steps in range(Run.effort.cancellations // 2):
                    told = len(_obeying(peer).told())
                    task = asyncio.ensure_future(adapter.actuate(one.name, away(one), one.on_s_max))
                    for _step in range(steps):
                        await asyncio.sleep(0 if steps % 2 else 0.0005)
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait_for(task, PATIENCE_S)
                    await _is_set_back(adapter, one, peer)
                    written = _obeying(peer).told()[told:]
                    assert written.count((one.name, away(one))) <= 1, f"{one.name} was told twice"
                await _tell(adapter, one, away(one))
                await _is_set_back(self.make(peer), one, peer)

    @pytest.mark.asyncio
    async def test_on_time_has_an_end(self, record_property: Note) -> None:
        """The device's own timer gets no more than was asked, and what is set back stays so, whatever time passes."""
        if not self._applies("on_time_has_an_end", record_property):
            return
        clock = Leaping()
        async with self.peer() as peer:
            adapter = self.make(peer, clock)
            for one in adapter.actuators():
                async with _read(adapter) as again:
                    on_s = max(1.0, one.on_s_max / 2)
                    async with asyncio.timeout(PATIENCE_S):
                        await adapter.actuate(one.name, away(one), min(on_s, one.on_s_max))
                    if isinstance(peer, Timed):
                        lasts_s = peer.lasts_s(one.name)
                        assert lasts_s <= math.ceil(on_s), f"{one.name} lasts {lasts_s} s, where {on_s} s were asked"
                    clock.leap_s += on_s
                    await _is_set_back(adapter, one, peer)
                    told = len(_obeying(peer).told())
                    clock.leap_s += SLEPT_S
                    async with asyncio.timeout(PATIENCE_S):
                        await again(_READ_ON)
                    assert len(_obeying(peer).told()) == told, f"{one.name} was told something by nobody"
                    assert _obeying(peer).stands(one.name) == one.fail_safe

    def _applies(self, rule: str, record_property: Note) -> bool:
        """Tell whether the adapter can be told anything, and is held to ``rule``; else note that nothing was tried."""
        has_any = bool(self.make_from_sample().actuators())
        if not has_any:
            record_property("does_not_apply", "it declares no actuators")
        return has_any and not self.skips(rule)


def away(one: Actuator) -> Value:
    """Return a state of ``one`` that is not its fail-safe state."""
    match one.kind:
        case "switch":
            return not one.fail_safe
        case "level":
            return one.maximum if one.fail_safe != one.maximum else one.minimum
        case "text":
            return "A" if one.fail_safe != "A" else "B"


def _out_of_bounds(one: Actuator) -> Iterator[tuple[Value, float]]:
    wrong: tuple[Value, ...]
    match one.kind:
        case "switch":
            wrong = (1, 0.0, "on")
        case "level":
            wrong = (one.minimum - 1, one.maximum + 1, math.nan, math.inf, True, "full")
        case "text":
            wrong = ("A" * (one.characters_max + 1), "\n", 5, True)
    yield from ((value, one.on_s_max) for value in wrong)
    yield from ((away(one), on_s) for on_s in (0.0, -1.0, one.on_s_max + 1, math.inf, math.nan))


def _obeying(peer: Peer) -> Obeying:
    assert isinstance(peer, Obeying), (
        "the peer needs the methods told, stands, hesitate, jam (haechi.sdk.testing.Obeying)"
    )
    return peer


async def _tell(adapter: Adapter[Any], one: Actuator, value: Value) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await adapter.actuate(one.name, value, one.on_s_max)


async def _is_set_back(adapter: Adapter[Any], one: Actuator, peer: Peer) -> None:
    try:
        await _tell(adapter, one, one.fail_safe)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not set back
        raise AssertionError(f"{one.name} cannot be set back: {type(error).__name__}: {error}") from None
    assert _obeying(peer).stands(one.name) == one.fail_safe, f"{one.name} is not in its fail-safe state"


@asynccontextmanager
async def _read(adapter: Adapter[Any]) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Read as a gateway does, meanwhile; yields what waits for so many more samples."""
    came = 0
    more = asyncio.Event()

    async def read() -> None:
        nonlocal came
        while True:
            try:
                async with aclosing(adapter.samples()) as samples:
                    async for _sample in samples:
                        came += 1
                        more.set()
            except NotConnected as error:
                await asyncio.sleep(min(0.2, error.retry_after_s))

    async def until(count: int) -> None:
        wanted = came + count
        while came < wanted:
            more.clear()
            await more.wait()

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await until(1)
        yield until
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
