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
from haechi.adapters.contacts.simulator import ContactsSimulator, OutputsSimulator
from haechi.sdk import BadReading, ConfigError, Host, NotConnected, NotDone, Sample
from haechi.sdk.transports import gpio_outputs
from haechi.sdk.transports.contacts import Contacts, Edge, _Gpiod, edges_in
from haechi.sdk.transports.gpio_outputs import GpioOutputs
from haechi.sdk.wire import Tap

DOOR = {"name": "door", "line": 17, "observed_property": "door_open", "true_when": "open"}
TIPS = {"name": "tips", "line": 23, "observed_property": "rain_tips", "unit": "{tip}"}
SIREN = {"name": "siren", "line": 24, "true_when": "low", "on_s_max": 30.0}


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
        (
            {"contact": [DOOR], "output": [{**SIREN, "line": 17}]},
            "output[0].line = 17: expected a line that is used once",
        ),
        ({"contact": [DOOR], "output": [SIREN, SIREN]}, "output[1].name = 'siren': expected a name that no other"),
        ({"contact": [{**DOOR, "line": 2000}]}, "contact[0].line = 2000: expected"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GpioContacts.load_config(written)
    assert str(caught.value).startswith(line)


@asynccontextmanager
async def post(**written: Any) -> AsyncIterator[tuple[OutputsSimulator, GpioContacts]]:
    async with OutputsSimulator((24,)) as outputs, cabinet(output=[SIREN], output_chip=outputs.chip, **written) as made:
        outputs.is_high[24] = True  # the resistor
        yield outputs, made[1]


async def test_an_output_is_driven_once_and_given_back_at_rest() -> None:
    async with post() as (outputs, adapter):
        await adapter.actuate("siren", True, 30.0)
        await adapter.actuate("siren", False, 30.0)
        assert outputs.driven == [(24, False), (24, True)]
        with pytest.raises(NotDone, match="siren: expected 0 to 30 s"):
            await adapter.actuate("siren", True, 30.5)
        with pytest.raises(NotDone, match="nothing of that name"):
            await adapter.actuate("door", True, 1.0)
        assert len(outputs.driven) == 2


async def test_an_output_that_is_stuck_or_late_is_not_done_and_its_late_word_is_nobodys() -> None:
    async with post(timeout_s=0.2) as (outputs, adapter):
        outputs.jammed.add(24)
        with pytest.raises(BadReading, match="line 24 was driven and does not stand so"):
            await adapter.actuate("siren", True, 1.0)
        outputs.jammed.clear()
        outputs.delay_s = 0.3
        with pytest.raises(NotConnected, match="line 24 does not say how it stands"):
            await adapter.actuate("siren", True, 1.0)
        outputs.delay_s = 0.15
        await adapter.actuate("siren", False, 1.0)  # the word on the order before comes first
        assert outputs.driven == [(24, False), (24, False), (24, True)]


async def test_a_chip_that_is_not_there_was_told_nothing(tmp_path: Path) -> None:
    async with post() as (_outputs, adapter):
        with pytest.raises(NotDone, match="no such GPIO chip"):
            await GpioOutputs(str(tmp_path / "gpiochip9"), {24: True}, timeout_s=1.0).drive(24, is_high=False)
        with pytest.raises(NotDone, match="line 23 is no output"):
            await GpioOutputs(adapter.config.chip, {24: True}, timeout_s=1.0).drive(23, is_high=False)


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


class Pin:
    """What libgpiod hands out for line 24, in its own types; a wire to ground was left in."""

    def __init__(self) -> None:
        self.set_to: list[tuple[int, Value]] = []
        self.is_released = False

    def set_value(self, line: int, value: Value) -> None:
        self.set_to.append((line, value))

    def get_value(self, line: int) -> Value:
        assert line == 24
        return Value.INACTIVE

    def release(self) -> None:
        self.is_released = True


async def test_a_line_of_a_chip_is_driven_looked_at_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, Any]] = []
    pin = Pin()

    def request_lines(path: str, wanted: dict[int, gpiod.LineSettings], consumer: str) -> Pin:
        assert consumer == "haechi"
        taken.append((path, wanted[24].output_value))
        return pin

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    monkeypatch.setattr(gpio_outputs, "is_chip", lambda _path: True)
    outputs = GpioOutputs("/dev/gpiochip0", {24: False}, timeout_s=1.0)
    with pytest.raises(BadReading, match="does not stand so"):
        await outputs.drive(24, is_high=True)
    assert not pin.is_released
    await outputs.drive(24, is_high=False)
    assert pin.set_to == [(24, Value.ACTIVE), (24, Value.INACTIVE)]
    assert (taken, pin.is_released) == ([("/dev/gpiochip0", Value.INACTIVE)], True)


async def test_what_is_no_chip_drives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpio_outputs, "is_chip", lambda _path: True)
    with pytest.raises(NotDone, match="/dev/null: cannot be used"):
        await GpioOutputs("/dev/null", {24: False}, timeout_s=1.0).drive(24, is_high=True)
