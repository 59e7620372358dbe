"""The gauge keeps the rules of every adapter; what comes twice, late or without a time is told apart."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.json_level.adapter import JsonLevel
from haechi.adapters.json_level.simulator import TOPIC, JsonLevelSimulator
from haechi.contract.observations import Quality, Value
from haechi.sdk import BadReading, ConfigError, Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.mqtt_messages import values_in
from haechi.sdk.transports.mqtt_frames import Message, publish


class GaugePeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: JsonLevelSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        return {
            "broker_url": self._simulator.broker.url,
            "topic": TOPIC,
            "silence_s": 0.5,
            "timeout_s": 0.5,
            "retry_s": 0.1,
            "retry_max_s": 0.1,
        }

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.state = "ok"
        setattr(self._simulator, {"distance": "distance_m", "temperature": "temperature_c"}[property_name], value)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.broker.is_held

    def refuse(self, property_name: str) -> None:
        assert property_name == "distance"
        self._simulator.state = "no_echo"

    def warm_up(self) -> None:
        self._simulator.state = "warming_up"

    def restart(self) -> None:
        self._simulator.broker.restart()

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class TestJsonLevel(AdapterConformance):
    adapter = JsonLevel
    entry_point = "json_level"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"distance": (1.953, 0.3, 9.999), "temperature": (21.5, -5.25)}
    foreign = (
        publish(Message("gauges/river-2/level", b'{"v":1,"boot":"00000000","seq":1,"state":"ok","age_ms":0}')),
        publish(Message(TOPIC, b'{"v":2,"boot":"00000000","seq":1,"state":"ok","age_ms":0,"distance_mm":7}')),
        publish(Message(f"{TOPIC}/status", b"offline")),
    )
    _recording: Recording | None = None

    # What Python keeps for itself after some hundred messages is bounded, and more than 500 reads may leave.
    reads_min = 2000

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[GaugePeer]:
        async with JsonLevelSimulator() as simulator:
            yield GaugePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        # A recording is decoded tens of thousands of times; its configuration is the same each time.
        if recording is not self._recording:
            self._recording, self._config = recording, JsonLevel.load_config(recording.config)
        return values_in(JsonLevel("river-1", self._config, Host()), data)


def gauge(**written: Any) -> JsonLevel:
    config = {"broker_url": "mqtt://127.0.0.1", "topic": TOPIC, **written}
    return JsonLevel("river-1", JsonLevel.load_config(config), Host())


def said(seq: int = 1, **other: Any) -> Message:
    body = {"v": 1, "boot": "9f3a01c2", "seq": seq, "state": "ok", "age_ms": 3, "distance_mm": 1953, **other}
    return Message(TOPIC, json.dumps({key: value for key, value in body.items() if value is not None}).encode())


def test_what_comes_twice_is_dropped_and_what_is_missing_is_counted() -> None:
    one = gauge()
    told = [bool(one.samples_of(said(seq))) for seq in (4, 5, 5, 3, 9)]
    assert told == [True, True, False, False, True]
    assert one.samples_of(said(1, boot="00000001"))
    assert one.host.counters == {"readings_repeated": 2, "readings_missed": 3, "restarts": 1}


def test_one_wrong_number_does_not_silence_the_gauge() -> None:
    one = gauge()
    told = [bool(one.samples_of(said(seq))) for seq in (17, 90_017, 18, 18, 19, 20, 21, 21, 22)]
    assert told == [True, True, False, False, False, True, True, False, True]
    assert one.host.counters["numbers_wrong"] == 1


def test_what_the_gauge_kept_is_late_unless_it_says_when() -> None:
    one = gauge()
    assert one.samples_of(said(1, age_ms=2001)) == []
    assert one.samples_of(said(2, age_ms=1500)._replace(waited_s=0.6)) == []
    assert one.samples_of(said(3, age_ms=1500)._replace(waited_s=0.4))
    assert one.host.counters == {"readings_late": 2}
    clocked = gauge(device_time=True, client_id="haechi-river-1")
    late = clocked.samples_of(said(1, age_ms=600_000, time_ms=1_795_334_400_123))
    assert late is not None
    assert [(sample.device_time_us, sample.history) for sample in late] == [(1_795_334_400_123_000, True)]
    assert clocked.samples_of(said(2)) == []
    assert clocked.host.counters == {"time_missing": 1}


def test_a_gauge_that_has_lost_the_time_is_heard_while_its_readings_are_fresh() -> None:
    clocked = gauge(device_time=True)
    fresh, kept = clocked.samples_of(said(1)), clocked.samples_of(said(2, age_ms=2001))
    assert fresh is not None
    assert [(sample.values[0], sample.device_time_us) for sample in fresh] == [(1.953, None)]
    assert kept == []
    assert clocked.host.counters == {"time_missing": 2, "readings_late": 1}


def test_what_the_gauge_is_not_sure_of_is_uncertain() -> None:
    one = gauge()
    for seq, message, qualities in (
        (1, {"state": "warming_up", "temperature_cc": 2150}, (Quality.UNCERTAIN, Quality.UNCERTAIN)),
        (2, {"distance_mm": 250, "temperature_cc": 2150}, (Quality.UNCERTAIN, Quality.GOOD)),
        (3, {"distance_mm": 251}, None),
    ):
        samples = one.samples_of(said(seq, **message))
        assert samples is not None
        assert samples[0].qualities == qualities


def test_without_an_echo_only_the_temperature_is_told() -> None:
    one = gauge()
    samples = one.samples_of(said(1, state="no_echo", distance_mm=None, temperature_cc=-25))
    assert samples is not None
    assert (samples[0].datastreams, samples[0].values) == (("river-1.temperature",), (-0.25,))
    assert one.samples_of(said(2, state="no_echo", distance_mm=None)) == []
    assert one.host.counters == {"no_echo": 2}


def test_the_brokers_word_that_the_gauge_is_gone_is_counted() -> None:
    one = gauge()
    assert one.samples_of(Message(f"{TOPIC}/status", b"online")) == []
    one.state_of(Message(f"{TOPIC}/status", b"offline", retained=True))
    one.state_of(Message(TOPIC, b"{}", retained=True))
    assert one.host.counters == {"offline": 1, "retained": 1}


@pytest.mark.parametrize(
    "other",
    [
        {"v": 2},
        {"boot": "XYZ"},
        {"seq": 0},
        {"seq": 1.5},
        {"distance_mm": -1},
        {"distance_mm": 100_001},
        {"distance_mm": "1953"},
        {"state": "no_echo"},
        {"distance_mm": None},
        {"level": 3},
        {"time_ms": 2**43},
    ],
)
def test_what_is_no_reading_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(BadReading):
        gauge().samples_of(said(**{"seq": 1, **other}))


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"topic": "gauges/+/level"}, "topic = 'gauges/+/level': expected one topic, without + and #"),
        ({"client_id": "x"}, "client_id = 'x': expected nothing, because device_time is false"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gauge(**written)
    assert str(caught.value).startswith(line)
