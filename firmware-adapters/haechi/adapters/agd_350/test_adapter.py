"""The radar keeps the rules of every adapter; units are converted, tests of its own are no vehicles."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.agd_350.adapter import Agd350
from haechi.adapters.agd_350.messages import Messages
from haechi.adapters.agd_350.simulator import HEARTBEAT, Agd350Simulator, message
from haechi.contract.observations import Value
from haechi.sdk import Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import TalkerPeer, told


class RadarPeer(TalkerPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: Agd350Simulator) -> None:
        super().__init__(simulator.talker, parity="none")  # a pseudo-terminal has no parity
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        match property_name:
            case "speed":
                self._simulator.speed = float(value)
                self._simulator.direction = {"X": "A", "Y": "R"}.get(self._simulator.direction, "A")
            case "distance":
                self._simulator.distance_m = float(value)
            case _:
                self._simulator.direction = "A" if value == "approaching" else "R"

    def refuse(self, property_name: str) -> None:
        assert property_name == "speed"
        self._simulator.direction = "X"


class TestAgd350(AdapterConformance):
    adapter = Agd350
    entry_point = "agd_350"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "speed": (50.0, 0.0, 249.9),
        "direction": ("approaching", "receding", "approaching"),
        "distance": (80.0, 0.5, 149.9),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[RadarPeer]:
        async with Agd350Simulator() as simulator:
            yield RadarPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        one = radar(**recording.config)
        return [value for found in one.frames().feed(data) for value in told(one.sample_of(found))]


def radar(**keys: Any) -> Agd350:
    return Agd350("r", Agd350.load_config({"serial_port": "/dev/null", **keys}), Host())


def values(said: bytes, one: Agd350) -> list[dict[str, Value]]:
    return [dict(told(one.sample_of(found))) for found in one.frames().feed(b"\x03" + said)]


def test_miles_an_hour_become_kilometres_exactly() -> None:
    simulator = Agd350Simulator()
    simulator.speed, simulator.unit = 62.5, "M"
    assert values(simulator.detect(), radar())[0]["speed"] == 100.584


def test_coordinates_are_no_distance() -> None:
    simulator = Agd350Simulator()
    simulator.coordinates = "C"
    assert "distance" not in values(simulator.detect(), radar())[0]


def test_a_heartbeat_is_no_value_and_hides_none() -> None:
    one = radar()
    assert values(HEARTBEAT, one) == [{}]
    assert [set(found) for found in values(Agd350Simulator().detect() + HEARTBEAT, one)] == [
        {"speed", "direction", "distance"}
    ]


async def test_a_heartbeat_alone_is_no_silence() -> None:
    async with Agd350Simulator() as simulator:
        one = radar(**RadarPeer(simulator).config())
        async with aclosing(one.samples()) as samples:
            await anext(samples)
        simulator.talker.noise.extend([HEARTBEAT] * 50)
        assert (await one.probe()).endswith("talks but has no value")


def test_the_check_may_leave_out_the_asterisk() -> None:
    body = b"02,43200.25,01,01,A,050.0,K,080.0,+03.5,P,041.5"
    said = b"\x02" + body + b"*" + b"%02X" % (int(message(body.decode())[-3:-1], 16) ^ ord("*")) + b"\x03"
    assert Messages(check_covers_star=True).feed(b"\x03" + said) == []
    assert len(Messages(check_covers_star=False).feed(b"\x03" + said)) == 1


@pytest.mark.parametrize("damaged", [b"02,43200.25", b"02,43200.25,01,01,Z,050.0,K,080.0,+03.5,P,041.5", b"", b"99"])
def test_what_no_such_radar_says_is_counted(damaged: bytes) -> None:
    messages = Messages(check_covers_star=True)
    assert messages.feed(b"\x03" + message(damaged.decode())) == []
    assert messages.bad == 1
