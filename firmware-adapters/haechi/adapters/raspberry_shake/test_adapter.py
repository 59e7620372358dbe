"""The Shake keeps the rules of every adapter; times only rise, gaps are counted and never filled."""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.raspberry_shake.adapter import RaspberryShake
from haechi.adapters.raspberry_shake.packets import Packet, parse
from haechi.adapters.raspberry_shake.simulator import RaspberryShakeSimulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, ConfigError, Host
from haechi.sdk.clock import MonotonicClock
from haechi.sdk.testing import AdapterConformance, Recording


class ShakePeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: RaspberryShakeSimulator, port: int) -> None:
        self._simulator, self._port = simulator, port

    def config(self) -> Mapping[str, Any]:
        return {"host": "127.0.0.1", "port": self._port, "silence_s": 0.4, "retry_s": 0.1}

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.counts[property_name.upper()] = int(value)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError:
                return True
        return False

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class TestRaspberryShake(AdapterConformance):
    adapter = RaspberryShake
    entry_point = "raspberry_shake"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"ehz": (16000.0, -8388608.0, 0.0)}
    foreign = (b"{'EHZ', 0, 1}", b"{'XYZ', 1700000000.0, 1, 2}", b"hello")

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ShakePeer]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        async with RaspberryShakeSimulator(port, period_s=0.02) as simulator:
            yield ShakePeer(simulator, port)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        try:
            samples = shake(**recording.config).samples_of(parse(data))
        except BadReading:
            return []
        return [(sample.datastreams[0].partition(".")[2], sample.values[0]) for sample in samples]


def shake(lent: Host | None = None, /, **keys: Any) -> RaspberryShake:
    return RaspberryShake("quake", RaspberryShake.load_config({"host": "127.0.0.1", **keys}), lent or Host())


def test_every_count_bears_the_shakes_time() -> None:
    samples = shake().samples_of(parse(b"{'EHZ', 1582315130.292, 14168, -5}"))
    assert [(sample.device_time_us, sample.values) for sample in samples] == [
        (1582315130292000, (14168.0,)),
        (1582315130302000, (-5.0,)),
    ]


def test_packets_that_repeat_are_dropped_and_gaps_are_counted() -> None:
    one = shake()
    first_us = 1_700_000_000_000_000
    assert len(one.samples_of(Packet("EHZ", first_us, (1,) * 25))) == 25
    assert one.samples_of(Packet("EHZ", first_us, (1,) * 25)) == []
    assert len(one.samples_of(Packet("EHZ", first_us + 250_000, (1,) * 25))) == 25
    assert len(one.samples_of(Packet("EHZ", first_us + 750_000, (1,) * 25))) == 25
    assert one.samples_of(Packet("ENZ", first_us, (1,))) == []
    assert one.host.counters == {"packets_old": 1, "gaps": 1}


class SetClock(MonotonicClock):
    """A clock that a test sets."""

    now_s = 1000.0

    def now(self) -> float:
        return self.now_s


def stream(one: RaspberryShake, clock: SetClock, begin_us: int, seconds: float) -> list[float]:
    """Let packets come as a Shake sends them; return after how many seconds counts were emitted."""
    emitted = []
    for place in range(int(seconds * 4)):
        clock.now_s += 0.25
        if one.samples_of(Packet("EHZ", begin_us + place * 250_000, (1,) * 25)):
            emitted.append(place / 4)
    return emitted


FIRST_US = 1_700_000_000_000_000


@pytest.mark.parametrize("wrong_us", [9_999_999_999_000_000, FIRST_US + 60_000_000, 999_999_999_000_000])
def test_one_packet_with_a_wrong_time_costs_no_other(wrong_us: int) -> None:
    clock = SetClock()
    one = shake(Host(clock=clock))
    assert len(stream(one, clock, FIRST_US, 2)) == 8
    assert one.samples_of(parse(f"{{'EHZ', {wrong_us // 1_000_000}, 1, 2}}".encode())) == []
    assert len(stream(one, clock, FIRST_US + 2_000_000, 2)) == 8
    assert sum(one.host.counters.values()) == 1


@pytest.mark.parametrize("set_by_s", [-3600, -1_000_000_000, 60, 86_400])
def test_a_shake_whose_clock_was_set_is_heard_again_after_three_seconds(set_by_s: int) -> None:
    clock = SetClock()
    one = shake(Host(clock=clock))
    stream(one, clock, FIRST_US, 2)
    assert stream(one, clock, FIRST_US + 2_000_000 + set_by_s * 1_000_000, 6)[0] == 3.0
    assert one.host.counters["clock_steps"] == 1


def test_packets_that_come_twice_do_not_keep_a_set_clock_from_being_believed() -> None:
    clock = SetClock()
    one = shake(Host(clock=clock))
    stream(one, clock, FIRST_US, 2)
    emitted = 0
    for place in range(40):
        packet = Packet("EHZ", FIRST_US - 3_600_000_000 + place // 2 * 250_000, (1,) * 25)
        clock.now_s += 0.125
        emitted += bool(one.samples_of(packet))
    assert emitted == 8
    assert one.host.counters["clock_steps"] == 1


def test_after_an_hour_without_a_network_the_next_packet_counts() -> None:
    clock = SetClock()
    one = shake(Host(clock=clock))
    stream(one, clock, FIRST_US, 2)
    clock.now_s += 3600
    assert stream(one, clock, FIRST_US + 3602 * 1_000_000, 1) == [0.0, 0.25, 0.5, 0.75]
    assert one.host.counters == {"gaps": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{'EHZ', 1582315130.292}",
        b"{'EHZ', 1582315130.292, 1, 2",
        b"{'EHZ', 1582315130.292, 1.5}",
        b"{'ehz', 1582315130, 1}",
        b"{'EHZ', 1582315130.292, 99999999999}",
        b"{'EHZ', 1582315130, " + b"1, " * 600 + b"1}",
        b"x" * 5000,
    ],
)
def test_what_no_shake_sends_is_no_reading(data: bytes) -> None:
    with pytest.raises(BadReading):
        parse(data)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"host": "rs.local"}, "host = 'rs.local': expected an IP address such as 192.0.2.7"),
        ({"channels": ["EHZ", "EHZ"]}, "channels = ['EHZ', 'EHZ']: expected each channel once"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        shake(**written)
    assert str(caught.value) == line
