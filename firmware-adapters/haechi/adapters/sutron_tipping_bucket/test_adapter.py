"""The gauge keeps the rules of every adapter; rain is never lost to a reading that did not arrive."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from haechi.adapters.sutron_tipping_bucket.adapter import SutronTippingBucket
from haechi.adapters.sutron_tipping_bucket.simulator import SutronTippingBucketSimulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import SensorPeer
from haechi.sdk.testing.sdi12_answers import values_in


class RainPeer(SensorPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: SutronTippingBucketSimulator) -> None:
        super().__init__(simulator.sensor, unit="mm")
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        match property_name:
            case "rain_year":
                self._simulator.year = float(value)
            case "rain_today":
                self._simulator.today = float(value)
            case "rain_yesterday":
                self._simulator.yesterday = float(value)
            case _:
                self._simulator.tips = int(value)


class TestSutronTippingBucket(AdapterConformance):
    adapter = SutronTippingBucket
    entry_point = "sutron_tipping_bucket"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "rain_year": (0.0, 1234.5, 1234.75),
        "tips_year": (0.0, 6172.0),
        "rain_today": (0.0, 12.25, 0.5),
        "rain_yesterday": (0.0, 99.75),
    }
    foreign = (b"1+3.14\r\n", b"2M!", b"50012\r\n")

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[RainPeer]:
        async with SutronTippingBucketSimulator() as simulator:
            yield RainPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        config = SutronTippingBucket.load_config(recording.config)
        return values_in(SutronTippingBucket("device-1", config, Host()), data)


async def test_a_lost_answer_loses_no_rain() -> None:
    async with SutronTippingBucketSimulator(bucket=0.2) as simulator:
        config = SutronTippingBucket.load_config(RainPeer(simulator).config())
        async with aclosing(SutronTippingBucket("rain", config, Host()).samples()) as samples:
            simulator.tip(3)
            assert (await anext(samples)).values[:2] == (0.6, 3.0)
            simulator.tip(2)
            simulator.sensor.deaf_to.extend([b"D0"] * 3)  # measured, and so reset, but the answer never arrives
            assert (await anext(samples)).values[:2] == (1.0, 5.0)
            assert simulator.since_last_read == 0


async def test_concurrent_measurements_give_the_same() -> None:
    async with SutronTippingBucketSimulator(bucket=0.2, address="b") as simulator:
        simulator.tip(3)
        written = {**RainPeer(simulator).config(), "address": "b", "concurrent": True}
        async with aclosing(
            SutronTippingBucket("rain", SutronTippingBucket.load_config(written), Host()).samples()
        ) as samples:
            assert (await anext(samples)).values == (0.6, 3.0, 0.6, 0.0)
        assert simulator.sensor.commands[0] == b"CC"


@pytest.mark.parametrize("said", ["0 1 2 3", "0 1 2 3 4 5", "0 1 -2 3 4", "0 1.5 2 3 4"])
def test_what_no_such_module_says_is_no_reading(said: str) -> None:
    config = SutronTippingBucket.load_config({"serial_port": "/dev/null", "unit": "mm"})
    with pytest.raises(BadReading):
        SutronTippingBucket("rain", config, Host()).sample_of([Decimal(one) for one in said.split()])
