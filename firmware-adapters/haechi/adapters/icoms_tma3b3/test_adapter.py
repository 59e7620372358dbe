"""The counter keeps the rules of every adapter; no vehicle is left out, and what cannot be is no vehicle."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.adapters.icoms_tma3b3.adapter import IcomsTma3b3
from haechi.adapters.icoms_tma3b3.messages import MESSAGE_BYTES, Messages, vehicle_of
from haechi.adapters.icoms_tma3b3.simulator import IcomsTma3b3Simulator
from haechi.contract.observations import Value
from haechi.sdk import Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import TalkerPeer, told

_NEVER_SET = "2000-00-00T00:00:00.00"


class CounterPeer(TalkerPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: IcomsTma3b3Simulator) -> None:
        super().__init__(simulator.talker)
        self._simulator = simulator

    def config(self) -> Mapping[str, object]:
        keys = dict(super().config())
        del keys["period_s"]  # every vehicle counts, however soon it follows
        return keys

    def show(self, property_name: str, value: Value) -> None:
        match property_name:
            case "speed":
                self._simulator.speed_kmh = int(value)
            case "vehicle_count":
                self._simulator.counter = int(value)
            case "range":
                self._simulator.range_cm = round(float(value) * 100)
            case "direction":
                self._simulator.is_outgoing = value == "outgoing"
            case _:
                self._simulator.clock = str(value)

    def refuse(self, property_name: str) -> None:
        assert property_name == "device_time"
        self._simulator.clock = _NEVER_SET


class TestIcomsTma3b3(AdapterConformance):
    adapter = IcomsTma3b3
    entry_point = "icoms_tma3b3"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "device_time": ("2026-11-22T12:35:19.25", "2026-12-31T23:59:59.99"),
        "speed": (50.0, 0.0, 255.0),
        "vehicle_count": (1.0, 665090.0, 16777215.0),  # 665090 holds the message's own beginning, 02h 99h
        "range": (3.2, 0.0, 40.0),
        "direction": ("incoming", "outgoing", "incoming"),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[CounterPeer]:
        async with IcomsTma3b3Simulator() as simulator:
            yield CounterPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        counter = IcomsTma3b3("device-1", IcomsTma3b3.load_config(recording.config), Host())
        return [value for message in counter.frames().feed(data) for value in told(counter.sample_of(message))]


async def test_no_vehicle_is_left_out_however_soon_it_follows() -> None:
    async with IcomsTma3b3Simulator(period_s=0.0, counts=True) as simulator:
        counter = IcomsTma3b3("c", IcomsTma3b3.load_config(CounterPeer(simulator).config()), Host())
        async with aclosing(counter.samples()) as samples:
            counts = [dict(told(await anext(samples)))["vehicle_count"] for _vehicle in range(50)]
    assert counts == [float(counts[0]) + place for place in range(50)]


@given(st.integers(0, 2**24 - 1), st.integers(1, MESSAGE_BYTES), st.binary(max_size=8))
def test_messages_are_found_however_they_are_cut(counter: int, cut: int, before: bytes) -> None:
    simulator = IcomsTma3b3Simulator(counts=True)
    simulator.counter = counter
    said = before.replace(b"\x02", b"") + b"".join(simulator.pass_by() for _vehicle in range(3))
    messages = Messages()
    pieces = [said[start : start + cut] for start in range(0, len(said), cut)]
    found = [vehicle_of(message) for piece in pieces for message in messages.feed(piece)]
    assert [vehicle and vehicle.counter for vehicle in found] == [(counter + place) % 2**24 for place in range(3)]


@pytest.mark.parametrize(
    ("place", "byte"),
    [
        (4, 0x9A),
        (4, 0xA0),
        (5, 0x60),
        (6, 0x60),
        (7, 0x25),
        (8, 0x32),
        (9, 0x13),
        (14, 0xFF),
        (15, 4),
        (16, 0x19),
        (18, 0),
    ],
)
def test_what_the_manual_bounds_is_tested(place: int, byte: int) -> None:
    said = bytearray(IcomsTma3b3Simulator().pass_by())
    assert vehicle_of(bytes(said)) is not None
    said[place] = byte
    assert vehicle_of(bytes(said)) is None


def test_a_counter_of_before_the_range_has_none() -> None:
    simulator = IcomsTma3b3Simulator()
    simulator.detection_type = 0
    vehicle = vehicle_of(simulator.pass_by())
    assert vehicle is not None
    assert vehicle.range_cm is None


def test_a_clock_that_was_never_set_is_left_out() -> None:
    simulator = IcomsTma3b3Simulator()
    simulator.clock = _NEVER_SET
    counter = IcomsTma3b3("c", IcomsTma3b3.load_config({"serial_port": "/dev/null"}), Host())
    (message,) = counter.frames().feed(simulator.pass_by())
    assert "device_time" not in dict(told(counter.sample_of(message)))
    assert counter.host.counters["clock_unset"] == 1
