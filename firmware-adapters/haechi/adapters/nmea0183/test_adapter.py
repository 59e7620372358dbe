"""The receiver keeps the rules of every adapter, by either sentence; without a fix there is no value."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from haechi.adapters.nmea0183.adapter import Nmea0183
from haechi.adapters.nmea0183.sentences import Sentences, said_of
from haechi.adapters.nmea0183.simulator import Nmea0183Simulator, sentence
from haechi.contract.observations import Quality, Value
from haechi.sdk import BadReading, Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import TalkerPeer, told


class ReceiverPeer(TalkerPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: Nmea0183Simulator) -> None:
        super().__init__(simulator.talker, baud=115200)
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.status = "A"
        match property_name:
            case "latitude":
                self._simulator.latitude = float(value)
            case "longitude":
                self._simulator.longitude = float(value)
            case "speed":
                self._simulator.speed_kn = float(value)
            case "course":
                self._simulator.course_deg = float(value)
            case _:
                self._simulator.time = str(value)[11:19]

    def refuse(self, property_name: str) -> None:
        assert property_name == "latitude"
        self._simulator.status = "V"  # of the whole sentence: there is no fix


class TestNmea0183(AdapterConformance):
    adapter = Nmea0183
    entry_point = "nmea0183"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "latitude": (36.25, -33.75, 0.0, 90.0),
        "longitude": (127.5, -0.25, 180.0),
        "speed": (0.0, 22.4),
        "course": (84.4, 359.9),
        "utc": ("2026-11-22T12:35:19Z", "2026-11-22T23:59:59Z"),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ReceiverPeer]:
        async with Nmea0183Simulator() as simulator:
            yield ReceiverPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        receiver = Nmea0183("device-1", Nmea0183.load_config(recording.config), Host())
        found: list[tuple[str, Value]] = []
        for frame in receiver.frames().feed(data):
            try:
                sample = receiver.sample_of(frame)
            except BadReading:
                continue
            found += told(sample)
        return found


class TestNmea0183OverTcp(TestNmea0183):
    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ReceiverPeer]:
        async with Nmea0183Simulator(over_tcp=True) as simulator:
            yield ReceiverPeer(simulator)


async def test_gga_gives_altitude_and_satellites() -> None:
    async with Nmea0183Simulator() as simulator:
        written = {**ReceiverPeer(simulator).config(), "sentence": "GGA"}
        receiver = Nmea0183("nav", Nmea0183.load_config(written), Host())
        async with aclosing(receiver.samples()) as samples:
            sample = await anext(samples)
        values = dict(zip(sample.datastreams, sample.values, strict=True))
        assert set(values) == {one.id for one in receiver.describe()}
        assert values["nav.altitude"] == 70.0
        assert values["nav.satellites"] == 8.0
        assert values["nav.latitude"] == pytest.approx(36.35)


def body(text: str, kind: str) -> bytes:
    (found,) = Sentences(kind).feed(b"\n" + sentence(text))
    return found


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W", Quality.GOOD),
        ("GNRMC,123519,A,4807.038,N,01131.000,E,,,230394,,,E", Quality.UNCERTAIN),
        ("GPRMC,123519,V,,,,,,,230394,,", None),
        ("GNRMC,123519,A,4807.038,N,01131.000,E,,,230394,,,N", None),
        ("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", Quality.GOOD),
        ("GPGGA,123519,4807.038,N,01131.000,E,6,08,0.9,545.4,M,46.9,M,,", Quality.UNCERTAIN),
        ("GPGGA,123519,,,,,0,00,,,M,,M,,", None),
        ("GPGGA,123519,4807.038,N,01131.000,E,7,08,0.9,545.4,M,46.9,M,,", Quality.UNCERTAIN),
        ("GPGGA,123519,4807.038,N,01131.000,E,8,08,0.9,545.4,M,46.9,M,,", None),
        ("GPGGA,123519,4807.038,N,01131.000,E,,08,0.9,545.4,M,46.9,M,,", None),
        ("GNRMC,123519,A,4807.038,N,01131.000,E,,,230394,,,M", Quality.UNCERTAIN),
        ("GNRMC,123519,A,4807.038,N,01131.000,E,,,230394,,,S", None),
        ("GNRMC,123519,A,4807.038,N,01131.000,E,,,230394,,,", Quality.GOOD),
    ],
)
def test_what_a_sentence_says_of_its_fix(text: str, quality: Quality | None) -> None:
    said = said_of(body(text, text[2:5]))
    assert (None if said is None else said.quality) == quality
    assert said is None or said.values["latitude"] == pytest.approx(48.1173)


@pytest.mark.parametrize(
    "text",
    [
        "GPRMC,123519,A,4867.038,N,01131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,123519,A,4807.038,X,01131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,123519,A,4807.038,N,18131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,123519,A,,,,,,,,",
        "GPRMC,253519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,A",
        "GPGGA,123519,4807.038,N,01131.000,E,1,x,0.9,545.4,M,46.9,M,,",
    ],
)
def test_fields_that_cannot_be_are_a_bad_reading(text: str) -> None:
    with pytest.raises(BadReading):
        said_of(body(text, text[2:5]))
