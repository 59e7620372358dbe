"""The sensor keeps the rules of every adapter; error codes and statuses are no values."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.lufft_irs31.adapter import LufftIrs31
from haechi.adapters.lufft_irs31.simulator import LufftIrs31Simulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, ConfigError, Host, NotConnected
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import told
from haechi.sdk.transports.umb_frames import ChannelValue, channel_values, take_answer

_QUICK = {"period_s": 0.01, "timeout_s": 0.3, "retry_s": 0.1, "baud": 115200}
_CHANNELS = {"road_temperature": 101, "freezing_temperature": 151, "water_film": 601, "road_condition": 900}


class RoadPeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: LufftIrs31Simulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        return {"serial_port": self._simulator.port, **_QUICK}

    def show(self, property_name: str, value: Value) -> None:
        channel = _CHANNELS[property_name]
        self._simulator.statuses.pop(channel, None)
        self._simulator.numbers[channel] = float(value) * (1000 if property_name == "water_film" else 1)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def refuse(self, property_name: str) -> None:
        self._simulator.statuses[_CHANNELS[property_name]] = 0x55


class TestLufftIrs31(AdapterConformance):
    adapter = LufftIrs31
    entry_point = "lufft_irs31"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "road_temperature": (1.5, -12.25, 0.0),
        "freezing_temperature": (-0.5, -7.75),
        "water_film": (0.0, 1.5, 0.25),
        "road_condition": (10.0, 35.0),
    }
    foreign = (
        bytes.fromhex("01 10 01 90 01 F0 04 02 23 10 65 00 03 85 DC 04"),
        bytes.fromhex("01 10 01 F0 01 90 0A 02 23 10 00 65 00 16 EC F2 C4 41 03 24 51 04"),
    )

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[RoadPeer]:
        async with LufftIrs31Simulator() as simulator:
            yield RoadPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        sensor = LufftIrs31("device-1", LufftIrs31.load_config(recording.config), Host())
        payload = take_answer(bytearray(data), device=0x9001, master=0xF001)
        try:
            sample = None if payload is None else sensor.sample_of(channel_values(payload, sensor.numbers))
        except BadReading:
            return []
        return told(sample)


def road(**keys: Any) -> LufftIrs31:
    return LufftIrs31("road", LufftIrs31.load_config({"serial_port": "/dev/null", **keys}), Host())


@pytest.mark.parametrize(
    ("name", "channel", "said", "value"),
    [
        ("road_temperature", 1049, -300, -30.0),
        ("road_temperature", 1049, 0x7FFF, None),
        ("freezing_temperature", 1065, -1, -0.1),
        ("water_film", 1072, 1000, 10.0),
        ("water_film", 1072, 0xFFFF, None),
        ("road_condition", 1070, 66, 66.0),
        ("road_condition", 1070, 255, None),
        ("friction", 1077, 82, 0.82),
        ("ice_share", 1129, 255, None),
    ],
)
def test_error_codes_of_tls_are_no_values(name: str, channel: int, said: int, value: float | None) -> None:
    sensor = road(coding="tls", values=[name])
    sample = sensor.sample_of([ChannelValue(channel, 0, said)])
    assert (None if sample is None else sample.values) == (None if value is None else (value,))
    assert sensor.host.counters["values_invalid"] == (value is None)


def test_not_a_number_is_no_value() -> None:
    assert road(values=["road_temperature"]).sample_of([ChannelValue(101, 0, float("nan"))]) is None


def test_another_kind_of_number_than_the_manuals_is_a_bad_reading() -> None:
    with pytest.raises(BadReading):
        road(values=["road_condition"]).sample_of([ChannelValue(900, 0, 10.5)])


async def test_a_device_of_another_number_is_not_there() -> None:
    async with LufftIrs31Simulator(address=0x9002) as simulator:
        with pytest.raises(NotConnected, match="device 9001h does not answer"):
            await road(**RoadPeer(simulator).config()).probe()


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"values": ["friction"]}, "values[0] = 'friction': expected with coding umb one of road_temperature"),
        ({"values": ["water_film", "water_film"]}, "values[1] = 'water_film': expected each value once"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        road(**written)
    assert line in str(caught.value)
