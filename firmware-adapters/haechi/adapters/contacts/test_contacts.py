"""A contact that bounces changes once, a pulse counts once, what the kernel lost is told, and changes come at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import gpiod
import pytest
from gpiod.line import Value
from hypothesis import given
from hypothesis import strategies as st

from haechi.adapters.contacts.adapter import GpioContacts
from haechi.adapters.contacts.debounce import PulseCount, Steady
from haechi.adapters.contacts.simulator import ContactsSimulator
from haechi.sdk import ConfigError, Host, NotConnected, Sample
from haechi.sdk.transports.contacts import Contacts, Edge, _Gpiod, edges_in
from haechi.sdk.wire import Tap

DOOR = {"name": "door", "line": 17, "observed_property": "door_open", "true_when": "open"}
TIPS = {"name": "tips", "line": 23, "observed_property": "rain_tips", "unit": "{tip}"}


@asynccontextmanager
async def cabinet(**written: Any) -> AsyncIterator[tuple[ContactsSimulator, GpioContacts]]:
    async with ContactsSimulator((17, 23)) as simulator, asyncio.timeout(10):
        config = {"chip": simulator.chip, "contact": [DOOR], "counter": [TIPS], "repeat_s": 60.0, **written}
        yield simulator, GpioContacts("cabinet", GpioContacts.load_config(config), Host())


async def test_a_change_is_told_at_once_and_a_bouncing_contact_changes_once() -> None:
    async with cabinet() as (simulator, adapter), aclosing(adapter.samples()) as samples:
        assert await anext(samples) == Sample(("cabinet.door", "cabinet.tips"), (True, 0.0))
        for _bounce in range(5):
            simulator.close_contact(17, after_ms=0.3)
            simulator.open_contact(17, after_ms=0.3)
        simulator.close_contact(17)
        assert await anext(samples) == Sample(("cabinet.door",), (False,))
        simulator.open_contact(17)
        assert await anext(samples) == Sample(("cabinet.door",), (True,))
        assert adapter.host.counters["bounces"] >= 5


async def test_pulses_are_counted_once_and_told_with_all_else() -> None:
    async with cabinet(repeat_s=0.05) as (simulator, adapter), aclosing(adapter.samples()) as samples:
        assert (await anext(samples)).values == (True, 0.0)
        simulator.pulse(23, 3, bounces=4)
        while (told := (await anext(samples)).values) != (True, 3.0):
            assert told[1] in (0.0, 1.0, 2.0)
        assert adapter.host.counters["bounces"] == 3 * 2 * 4 * 2


async def test_a_count_goes_on_when_the_chip_was_away() -> None:
    async with cabinet(repeat_s=0.05, retry_s=0.1) as (simulator, adapter):
        async with aclosing(adapter.samples()) as samples:
            await anext(samples)
            simulator.pulse(23, 2)
            while (await anext(samples)).values[1] != 2.0:
                pass
        simulator.pulse(23, 7)  # nobody holds the lines
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values == (True, 2.0)
            simulator.pulse(23)
            while (await anext(samples)).values[1] != 3.0:
                pass


async def test_edges_that_the_kernel_lost_are_counted_and_the_state_is_found_again() -> None:
    async with cabinet(repeat_s=0.05) as (simulator, adapter), aclosing(adapter.samples()) as samples:
        await anext(samples)
        simulator.close_contact(17)
        while (await anext(samples)).values[0]:
            pass
        simulator.is_high[17] = True  # by an edge that was lost
        simulator.lose(5)
        simulator.pulse(23)
        while not (await anext(samples)).values[0]:
            pass
        assert adapter.host.counters["edges_lost"] == 5


async def test_cancelled_in_any_step_it_ends() -> None:
    """Also while it puts away what it waited with: swallowed there, a cancellation would keep the lines for ever."""
    async with cabinet(repeat_s=0.02) as (simulator, adapter):

        async def run() -> None:
            async with aclosing(adapter.samples()) as samples:
                async for _sample in samples:
                    pass

        for steps in range(60):
            task = asyncio.create_task(run())
            for step in range(steps):
                if step % 5 == 0:
                    simulator.pulse(23)
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 2)
        assert not simulator.is_held


async def test_how_lines_are_wired_decides_what_closed_means() -> None:
    other = {**DOOR, "wired_to": "supply"}
    async with cabinet(contact=[other]) as (_simulator, adapter):
        assert await adapter.probe() == f"{adapter.config.chip} answers: door closed, tips open"
        assert [one.pull for one in adapter.config.lines] == ["down", "up"]
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values[0] is False


async def test_lines_are_one_programs_alone_and_a_missing_chip_is_one_clear_line() -> None:
    async with cabinet() as (simulator, adapter), aclosing(adapter.samples()) as samples:
        await anext(samples)
        with pytest.raises(NotConnected, match="another program holds one of the lines 17"):
            Contacts(simulator.chip, {17: "up"}).open()
    with pytest.raises(NotConnected, match="/dev/gpiochip99: no such GPIO chip; next try in 5 s"):
        Contacts("/dev/gpiochip99", {17: "up"}).open()


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 13)), max_size=30))
def test_a_state_counts_when_and_only_when_it_has_lasted(moves: list[tuple[bool, int]]) -> None:
    steady, now_s, since_s = Steady(0.125), 0.0, 0.0
    steady.see(False, now_s)
    seen = False
    for state, later in moves:
        if state != seen:
            seen, since_s = state, now_s
        before = steady.state
        steady.see(state, now_s)
        now_s += later / 64  # which floats hold exactly
        changed = steady.settle(now_s)
        assert changed == (steady.state != before)
        assert (steady.state == seen) == (before == seen or now_s - since_s >= 0.125)


@given(st.integers(0, 20), st.integers(0, 6), st.integers(0, 6))
def test_a_pulse_counts_once_however_it_bounces(pulses: int, closing: int, opening: int) -> None:
    counted, time_ns = PulseCount(5_000_000), 0
    for _pulse in range(pulses):
        for is_closed, bounces in ((True, closing), (False, opening)):
            time_ns += 50_000_000
            counted.see(is_closed, time_ns)
            for _bounce in range(bounces):
                for state in (not is_closed, is_closed):
                    time_ns += 300_000
                    counted.see(state, time_ns)
    assert counted.count == pulses


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({}, "contact = []: expected at least one contact or counter"),
        ({"contact": [DOOR, {**DOOR, "name": "other"}]}, "contact.line = 17: expected each only once"),
        ({"contact": [DOOR], "counter": [{**TIPS, "name": "door"}]}, "contact.name = 'door': expected each only once"),
        ({"contact": [{**DOOR, "line": 2000}]}, "contact[0].line = 2000: expected"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GpioContacts.load_config(written)
    assert str(caught.value).startswith(line)


class Chip:
    """What libgpiod hands out for lines 17 and 22 of a chip, in its own types."""

    def read_edge_events(self) -> list[gpiod.EdgeEvent]:
        rising, falling = gpiod.EdgeEvent.Type.RISING_EDGE.value, gpiod.EdgeEvent.Type.FALLING_EDGE.value
        return [gpiod.EdgeEvent(rising, 5_000, 22, 1, 1), gpiod.EdgeEvent(falling, 6_000, 17, 2, 1)]

    def get_values(self, lines: list[int]) -> list[Value]:
        return [Value.ACTIVE if line == 17 else Value.INACTIVE for line in lines]


def test_what_libgpiod_says_becomes_the_kernels_records() -> None:
    source = _Gpiod.__new__(_Gpiod)
    source._request = Chip()  # type: ignore[assignment]
    lines = (17, 22)
    assert edges_in(source.read(), lines) == [Edge(22, True, 5_000, 1), Edge(17, False, 6_000, 2)]
    assert edges_in(source.ask(Tap(), lines), lines) == [Edge(17, True, 0, 0), Edge(22, False, 0, 0)]


def test_what_is_no_chip_is_told_by_libgpiod(tmp_path: Path) -> None:
    """A machine without GPIO can show no more of opening one."""
    with pytest.raises(OSError, match="No such file"):
        _Gpiod(str(tmp_path / "gpiochip0"), {17: "up"})
    with pytest.raises(OSError, match="No such device"):
        _Gpiod("/dev/null", {17: "none", 22: "down"})
