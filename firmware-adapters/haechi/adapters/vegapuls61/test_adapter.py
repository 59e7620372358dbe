"""The gauge keeps the rules of every adapter; units and invalid marks are heeded."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.vegapuls61.adapter import Vegapuls61
from haechi.adapters.vegapuls61.simulator import Vegapuls61Simulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, ConfigError, Host, Sample
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.modbus_answers import values_in
from haechi.sdk.testing.peers import ASKED, SlavePeer

_PLACES = {"distance": 0, "temperature": 1}


class GaugePeer(SlavePeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: Vegapuls61Simulator) -> None:
        super().__init__(simulator.slave, secondary="temperature")
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.invalidate()
        self._simulator.show(_PLACES[property_name], float(value))

    def refuse(self, property_name: str) -> None:
        self._simulator.invalidate(_PLACES[property_name])


class TestVegapuls61(AdapterConformance):
    adapter = Vegapuls61
    entry_point = "vegapuls61"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "distance": (2.5, 3.25, 0.0, 19.875),
        "temperature": (21.5, -12.25),
    }

    foreign = (bytes.fromhex("07030c04d2fffe4060000001f400075fab"), bytes.fromhex("07830220f0"))

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[GaugePeer]:
        async with Vegapuls61Simulator() as simulator:
            yield GaugePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        return values_in(Vegapuls61("device-1", Vegapuls61.load_config(recording.config), Host()), data)


async def read_once(simulator: Vegapuls61Simulator, **keys: Any) -> tuple[Sample, Host]:
    host = Host()
    written = {**GaugePeer(simulator).config(), **keys}
    gauge = Vegapuls61("gauge", Vegapuls61.load_config(written), host)
    async with aclosing(gauge.samples()) as samples:
        return await anext(samples), host


@pytest.mark.parametrize(
    ("place", "value", "unit", "expected"),
    [
        (0, 10.0, 44, ("gauge.distance", 3.048)),
        (0, 100.0, 47, ("gauge.distance", 2.54)),
        (0, 250.0, 48, ("gauge.distance", 2.5)),
        (0, 2500.0, 49, ("gauge.distance", 2.5)),
        (1, 212.0, 33, ("gauge.temperature", 100.0)),
        (1, 14.0, 33, ("gauge.temperature", -10.0)),
    ],
)
async def test_the_unit_that_the_sensor_is_set_to_is_converted(
    place: int, value: float, unit: int, expected: tuple[str, float]
) -> None:
    async with Vegapuls61Simulator() as simulator:
        simulator.show(place, value, unit)
        sample, _host = await read_once(simulator)
        values = dict(zip(sample.datastreams, sample.values, strict=True))
        assert values[expected[0]] == pytest.approx(expected[1])


async def test_what_the_sensor_calls_invalid_is_left_out() -> None:
    async with Vegapuls61Simulator() as simulator:
        simulator.invalidate(0)
        sample, host = await read_once(simulator)
        assert sample.datastreams == ("gauge.temperature",)
        assert host.counters["values_invalid"] == 1


async def test_not_a_number_is_left_out_even_when_called_valid() -> None:
    async with Vegapuls61Simulator() as simulator:
        simulator.show(0, float("nan"))
        sample, _host = await read_once(simulator)
        assert sample.datastreams == ("gauge.temperature",)


async def test_a_unit_of_another_kind_is_no_value_of_this_one() -> None:
    async with Vegapuls61Simulator() as simulator:
        simulator.show(0, 55.0, 43)  # a volume, where a distance was expected
        sample, host = await read_once(simulator)
        assert sample.datastreams == ("gauge.temperature",)
        assert host.counters["units_unexpected"] == 1


async def test_behind_a_gateway_to_the_bus_it_is_the_same() -> None:
    async with Vegapuls61Simulator(transport="tcp") as simulator:
        written = {"transport": "tcp", "host": "127.0.0.1", "port": simulator.slave.port, **ASKED}
        written["secondary"] = "temperature"
        gauge = Vegapuls61("gauge", Vegapuls61.load_config(written), Host())
        async with aclosing(gauge.samples()) as samples:
            assert (await anext(samples)).values == (2.5, 21.5)


def test_a_status_that_cannot_be_one_is_a_bad_reading() -> None:
    gauge = Vegapuls61("gauge", Vegapuls61.load_config({"serial_port": "/dev/null"}), Host())
    with pytest.raises(BadReading, match="0101 0101"):
        gauge.sample_of([bytes(32), b"\x01\x01\x01\x01" + bytes(16)])


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({}, "serial_port = None: expected a value, because transport is rtu"),
        ({"transport": "tcp", "host": "a", "serial_port": "b"}, "serial_port = 'b': expected nothing, because"),
        ({"serial_port": "b", "secondary": "distance"}, "secondary = 'distance': expected a meaning that no other"),
        ({"serial_port": "b", "primary": "none"}, "primary = 'none': expected something other than none"),
        ({"serial_port": "b", "unit_id": 255}, "unit_id = 255: expected 1 to 254"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Vegapuls61.load_config(written)
    assert str(caught.value).startswith(line)
