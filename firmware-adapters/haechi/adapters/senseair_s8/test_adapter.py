"""The sensor keeps the rules of every adapter, and its status is the value's quality."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from haechi.adapters.senseair_s8.adapter import SenseairS8
from haechi.adapters.senseair_s8.simulator import SenseairS8Simulator
from haechi.contract.observations import Quality, Value
from haechi.sdk import Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.modbus_answers import values_in
from haechi.sdk.testing.peers import SlavePeer


class AirPeer(SlavePeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: SenseairS8Simulator) -> None:
        super().__init__(simulator.slave)
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        assert property_name == "co2"
        self._simulator.show(int(value))

    def refuse(self, property_name: str) -> None:
        assert property_name == "co2"
        self._simulator.show(0)


class TestSenseairS8(AdapterConformance):
    adapter = SenseairS8
    entry_point = "senseair_s8"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"co2": (400.0, 1.0, 10000.0)}

    foreign = (bytes.fromhex("11030602 2b00000064c8ba"), bytes.fromhex("07830220f0"))

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[AirPeer]:
        async with SenseairS8Simulator() as simulator:
            yield AirPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        return values_in(SenseairS8("device-1", SenseairS8.load_config(recording.config), Host()), data)


@pytest.mark.parametrize(
    ("status", "quality"),
    [(0x01, Quality.BAD), (0x02, Quality.UNCERTAIN), (0x08, None), (0x20, Quality.UNCERTAIN), (0x60, Quality.BAD)],
)
def test_the_status_is_the_quality(status: int, quality: Quality | None) -> None:
    sensor = SenseairS8("s8", SenseairS8.load_config({"serial_port": "/dev/null"}), Host())
    sample = sensor.sample_of([bytes([0, status, 0, 0, 0, 0, 1, 0x90])])
    assert sample is not None
    assert sample.values == (400.0,)
    assert sample.qualities == (None if quality is None else (quality,))


def test_zero_is_no_value() -> None:
    sensor = SenseairS8("s8", SenseairS8.load_config({"serial_port": "/dev/null"}), Host())
    assert sensor.sample_of([bytes(8)]) is None
    assert sensor.host.counters["values_missing"] == 1
