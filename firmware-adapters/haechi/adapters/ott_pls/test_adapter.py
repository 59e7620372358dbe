"""The probe keeps the rules of every adapter; what it is set to decides what its numbers mean."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from haechi.adapters.ott_pls.adapter import OttPls
from haechi.adapters.ott_pls.simulator import OttPlsSimulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import SensorPeer
from haechi.sdk.testing.sdi12_answers import values_in

_PLACES = {"water_depth": 0, "water_temperature": 1, "water_depth_min": 2, "water_depth_max": 3}


class ProbePeer(SensorPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: OttPlsSimulator) -> None:
        super().__init__(simulator.sensor)
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        # Centimetres and degrees Celsius: two settings with unlike answers, so that one is not taken for the other.
        self._simulator.set_units(level=1, temperature=0)
        said = float(value) if property_name == "water_temperature" else 100 * float(value)
        self._simulator.values[_PLACES[property_name]] = f"{said:+.1f}"

    def refuse(self, property_name: str) -> None:
        assert property_name == "water_depth"
        self._simulator.set_units(level=3, temperature=0)  # a pressure, which is no depth


class TestOttPls(AdapterConformance):
    adapter = OttPls
    entry_point = "ott_pls"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "water_depth": (1.234, 0.0, -0.005),
        "water_depth_min": (1.2, 0.001),
        "water_depth_max": (1.3, 9999.999),
        "water_temperature": (8.5, -0.5),
    }
    foreign = (b"1+3.14\r\n", b"2M!", b"50012\r\n")

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ProbePeer]:
        async with OttPlsSimulator() as simulator:
            yield ProbePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        probe = OttPls("device-1", OttPls.load_config(recording.config), Host())
        probe.heed_units([Decimal(0)], [Decimal(0)])
        return values_in(probe, data)


async def read_once(simulator: OttPlsSimulator) -> tuple[Sample | None, Host]:
    host = Host()
    probe = OttPls("p", OttPls.load_config(ProbePeer(simulator).config()), host)
    probe.open()
    try:
        return await probe.round(), host
    finally:
        probe.close()


@pytest.mark.parametrize(
    ("unit", "said", "depth_m"),
    [(0, "+1.234", 1.234), (1, "+123", 1.23), (2, "+10.01", 3.051048), (2, "-0.50", -0.1524)],
)
async def test_the_unit_that_the_probe_is_set_to_is_converted(unit: int, said: str, depth_m: float) -> None:
    async with OttPlsSimulator(depth=said) as simulator:
        simulator.set_units(level=unit, temperature=1)
        simulator.values[1] = "+50.0"
        sample, _host = await read_once(simulator)
        assert sample is not None
        assert sample.values == pytest.approx((depth_m, depth_m, depth_m, 10.0))


async def test_pressure_is_no_depth() -> None:
    async with OttPlsSimulator() as simulator:
        simulator.set_units(level=3, temperature=0)
        sample, host = await read_once(simulator)
        assert sample is not None
        assert sample.datastreams == ("p.water_temperature",)
        assert host.counters["units_unexpected"] == 1


async def test_a_short_measurement_has_no_extremes() -> None:
    async with OttPlsSimulator() as simulator:
        del simulator.values[2:]
        sample, _host = await read_once(simulator)
        assert sample is not None
        assert sample.datastreams == ("p.water_depth", "p.water_temperature")


@pytest.mark.parametrize(("level", "temperature"), [("5", "0"), ("0", "2"), ("0.5", "0")])
def test_an_unknown_unit_is_a_bad_reading(level: str, temperature: str) -> None:
    probe = OttPls("p", OttPls.load_config({"serial_port": "/dev/null"}), Host())
    with pytest.raises(BadReading):
        probe.heed_units([Decimal(level)], [Decimal(temperature)])
