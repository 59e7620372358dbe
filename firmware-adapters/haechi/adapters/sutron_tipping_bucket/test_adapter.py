"""The gauge keeps the rules of every adapter; rain is never lost to a reading that did not arrive."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.sutron_tipping_bucket.adapter import SutronTippingBucket
from haechi.adapters.sutron_tipping_bucket.simulator import SutronTippingBucketSimulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.sdi12_answers import values_in
from haechi.sdk.testing.suite import QUICK

# A pseudo-terminal has neither parity nor seven bits.
_QUICK = {"unit": "mm", "parity": "none", "databits": 8, "period_s": 0.01, "timeout_s": 0.2, "retry_s": 0.1}


class RainPeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: SutronTippingBucketSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        return {"serial_port": self._simulator.sensor.port, **_QUICK}

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

    def fall_silent(self) -> None:
        self._simulator.sensor.silent = True

    def is_held(self) -> bool:
        return self._simulator.sensor.is_held


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
    effort = QUICK._replace(
        reads=100, trouble_s=0.1, cancellations=4
    )  # a break and a mark before each: 0.03 s a read is as fast as it goes
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
        config = SutronTippingBucket.load_config({"serial_port": simulator.sensor.port, **_QUICK})
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
        written = {"serial_port": simulator.sensor.port, "address": "b", "concurrent": True, **_QUICK}
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
