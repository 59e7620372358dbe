"""The radar keeps the rules of every adapter; its unit is converted, and with an error it has no value."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from haechi.adapters.campbell_cs475.adapter import CampbellCs475
from haechi.adapters.campbell_cs475.simulator import CampbellCs475Simulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import SensorPeer
from haechi.sdk.testing.sdi12_answers import values_in


class RadarPeer(SensorPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: CampbellCs475Simulator) -> None:
        super().__init__(simulator.sensor, stage=True)
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        setattr(self._simulator, {"distance": "distance_m", "water_level": "stage_m"}[property_name], float(value))
        self._simulator.code = 0

    def refuse(self, property_name: str) -> None:
        assert property_name == "distance"
        self._simulator.code = 13


class TestCampbellCs475(AdapterConformance):
    adapter = CampbellCs475
    entry_point = "campbell_cs475"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "distance": (6.25, 0.05, 29.999),
        "water_level": (1.5, -0.125),
    }
    foreign = (b"1+3.14+2.5+0\r\n", b"2M!", b"50023\r\n")

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[RadarPeer]:
        async with CampbellCs475Simulator() as simulator:
            yield RadarPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        radar = CampbellCs475("device-1", CampbellCs475.load_config(recording.config), Host())
        radar.heed_unit([Decimal(0)])
        return values_in(radar, data)


def radar() -> CampbellCs475:
    return CampbellCs475("r", CampbellCs475.load_config({"serial_port": "/dev/null"}), Host())


async def test_feet_are_converted_exactly() -> None:
    one = radar()
    one.heed_unit([Decimal(1)])
    sample = one.sample_of([Decimal("328.248"), Decimal("82.021"), Decimal(0)])
    assert sample is not None
    assert sample.values == (25.0000008,)


async def test_a_technician_may_change_the_unit_while_it_is_read() -> None:
    async with CampbellCs475Simulator(distance_m=3.048) as simulator:
        written = {**RadarPeer(simulator).config(), "stage": False}
        one = CampbellCs475("r", CampbellCs475.load_config(written), Host())
        one.open()
        try:
            for feet in (False, True, False):
                simulator.set_unit(feet=feet)
                sample = await one.round()
                assert sample is not None
                assert sample.values == (3.048,)
        finally:
            one.close()


def test_an_error_is_no_value_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    one = radar()
    one.heed_unit([Decimal(0)])
    for _time in range(3):
        assert one.sample_of([Decimal(0), Decimal(0), Decimal(13)]) is None
    assert one.host.counters["device_errors"] == 3
    assert caplog.text.count("error E013") == 1


@pytest.mark.parametrize("said", [[], ["2"], ["0.5"], ["0", "0"]])
def test_an_unknown_unit_is_a_bad_reading(said: list[str]) -> None:
    with pytest.raises(BadReading):
        radar().heed_unit([Decimal(one) for one in said])


def test_another_number_of_values_is_a_bad_reading() -> None:
    with pytest.raises(BadReading, match="2 values"):
        radar().sample_of([Decimal(1), Decimal(2)])
