"""The camera keeps the rules of every adapter; what stands when we come is never an alarm."""

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.onvif_events.adapter import OnvifEvents
from haechi.adapters.onvif_events.notifications import Notification, notifications
from haechi.adapters.onvif_events.simulator import OnvifCameraSimulator, OnvifMqttSimulator
from haechi.contract.observations import Value
from haechi.sdk import ConfigError, Host, NotConnected
from haechi.sdk.onvif import soap
from haechi.sdk.onvif.soap import SoapError
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.http_answers import body_in
from haechi.sdk.testing.mqtt_messages import values_in
from haechi.sdk.transports.mqtt_frames import Message

MOTION = {
    "name": "motion",
    "path": "RuleEngine/CellMotionDetector/Motion",
    "item": "IsMotion",
    "observed_property": "motion",
}
INPUT = {
    "name": "input",
    "path": "Device/Trigger/DigitalInput",
    "item": "LogicalState",
    "observed_property": "door_open",
}


class CameraPeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: OnvifCameraSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        reach = {"host": "127.0.0.1", "port": self._simulator.port, "topic": [MOTION, INPUT]}
        return {**reach, "pull_s": 0.1, "timeout_s": 0.4, "retry_s": 0.1, "lease_s": 10.0}

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.truths[property_name] = str(value).lower()

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def refuse(self, property_name: str) -> None:
        self._simulator.truths[property_name] = ""

    def restart(self) -> None:
        self._simulator.drop()

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class CameraBehindABroker:
    """The simulator of the MQTT form as the suite sees it."""

    def __init__(self, simulator: OnvifMqttSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        broker = {"broker_url": self._simulator.broker.url, "prefix": OnvifMqttSimulator.PREFIX}
        patience = {"silence_s": 0.5, "timeout_s": 0.5, "retry_s": 0.1, "retry_max_s": 0.1}
        return {"mqtt": {**broker, **patience}, "topic": [MOTION, INPUT]}

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.truths[property_name] = str(value).lower()

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.broker.is_held

    def refuse(self, property_name: str) -> None:
        self._simulator.truths[property_name] = ""

    def restart(self) -> None:
        self._simulator.broker.restart()

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class Camera(AdapterConformance):
    """What both forms have in common."""

    adapter = OnvifEvents
    entry_point = "onvif_events"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"motion": (False, True, False), "input": (False, True, False)}

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        there = recorded(repr(recording.config))
        if there.by_mqtt is not None:
            there.by_mqtt.forget()
            return values_in(there.by_mqtt, data)
        body = body_in(data)
        if body is None:
            return []
        try:
            told = notifications(soap.answer(body))
        except SoapError:
            return []
        samples = [sample for one in told for sample in there.samples_of(one)]
        return [(sample.datastreams[0].partition(".")[2], sample.values[0]) for sample in samples]


class TestOnvifEvents(Camera):
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"motion": (False, True, False), "input": (True, False)}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[CameraPeer]:
        async with OnvifCameraSimulator() as simulator:
            yield CameraPeer(simulator)


class TestOnvifEventsByMqtt(Camera):
    @asynccontextmanager
    async def peer(self) -> AsyncIterator[CameraBehindABroker]:
        async with OnvifMqttSimulator() as simulator:
            yield CameraBehindABroker(simulator)


@lru_cache(maxsize=4)
def recorded(config: str) -> OnvifEvents:
    """The adapter of a recording; it is asked tens of thousands of times."""
    return OnvifEvents("cam", OnvifEvents.load_config(ast.literal_eval(config)), Host())


def camera(**written: Any) -> OnvifEvents:
    config = {"host": "192.0.2.64", "topic": [MOTION], **written}
    return OnvifEvents("cam", OnvifEvents.load_config(config), Host())


def told(value: str, operation: str = "Changed", source: str = "s1") -> Notification:
    return Notification(MOTION["path"], operation, (source,), {"IsMotion": value})


@pytest.mark.parametrize(
    ("one", "values", "counted"),
    [
        (told("true"), [True], {}),
        (told("1", ""), [True], {}),
        (told("false"), [False], {}),
        (told("true", "Initialized"), [], {"initialized_true": 1}),
        (told("false", "Initialized"), [False], {}),
        (told("true", "Deleted"), [], {"deleted": 1}),
        (told("maybe"), [], {"values_bad": 1}),
        (Notification("RuleEngine/Other", "Changed", (), {"IsMotion": "true"}), [], {}),
    ],
)
def test_what_stands_when_we_come_is_never_an_alarm(one: Notification, values: list[bool], counted: Any) -> None:
    there = camera()
    assert [sample.values[0] for sample in there.samples_of(one)] == values
    assert there.host.counters == counted


def test_of_several_sources_one_may_be_chosen() -> None:
    there = camera(topic=[{**MOTION, "source": "s2"}])
    assert there.samples_of(told("true", source="s1")) == []
    assert len(there.samples_of(told("true", source="s2"))) == 1


async def test_a_login_is_sent_by_the_cameras_clock_and_shown_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2!/@\n", encoding="utf-8")
    async with OnvifCameraSimulator(user="haechi", password="hunter2!/@") as simulator:  # noqa: S106 - of nobody
        simulator.closes = True
        keys = {**CameraPeer(simulator).config(), "username": "haechi", "password_file": str(secret)}
        there = OnvifEvents("cam", OnvifEvents.load_config(keys), Host())
        async with aclosing(there.samples()) as samples:
            assert (await anext(samples)).values == (False,)
        secret.write_text("wrong hunter2\n", encoding="utf-8")
        with pytest.raises(NotConnected, match="user or password is refused") as caught:
            await there.probe()
        assert "hunter2" not in str(caught.value)


async def test_a_camera_that_answers_at_once_with_nothing_is_not_asked_without_pause() -> None:
    async with OnvifCameraSimulator(period_s=0.0) as simulator:
        simulator.truths.clear()
        there = OnvifEvents("cam", OnvifEvents.load_config(CameraPeer(simulator).config()), Host())
        async with aclosing(there.samples()) as samples:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await anext(samples)
        assert 1 <= simulator.pulls <= 4


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"username": "a"}, "password_file = None: expected username and password_file together"),
        ({"topic": [MOTION, MOTION]}, "topic.name = 'motion': expected each only once"),
        ({"lease_s": 20.0}, "lease_s = 20.0: expected at least twice pull_s and timeout_s"),
        ({"topic": [{**MOTION, "path": "tns1:RuleEngine"}]}, "topic[0].path = 'tns1:RuleEngine'"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        camera(**written)
    assert str(caught.value).startswith(line)


BROKER = {"broker_url": "mqtt://127.0.0.1", "prefix": OnvifMqttSimulator.PREFIX}


def published(value: Any, *, retained: bool = False, source: str = "s1", **other: Any) -> Message:
    said = {"UtcTime": "2026-11-22T08:00:00Z", "Source": {"VideoSource": source}, "Data": {"IsMotion": value}, **other}
    return Message(OnvifMqttSimulator.topic_of("motion", source), json.dumps(said).encode(), retained=retained)


def heard(there: OnvifEvents, *messages: Message) -> list[Value]:
    assert there.by_mqtt is not None
    samples = [
        sample
        for one in messages
        for sample in (there.by_mqtt.state_of(one) if one.retained else there.by_mqtt.samples_of(one))
    ]
    return [sample.values[0] for sample in samples]


def behind_a_broker(**topic: Any) -> OnvifEvents:
    return OnvifEvents("cam", OnvifEvents.load_config({"mqtt": BROKER, "topic": [{**MOTION, **topic}]}), Host())


GONE = Message(OnvifMqttSimulator.topic_of("motion", "s1"), b"")


@pytest.mark.parametrize(
    ("messages", "values", "counted"),
    [
        # The broker had it; or the camera, or the broker, has just started and tells how things stand.
        ([published("true", retained=True)], [], {"initialized_true": 1}),
        ([published("true")], [], {"initialized_true": 1}),
        ([published("true", retained=True), published("true")], [], {"initialized_true": 2}),
        ([published("false", retained=True), published("true")], [False, True], {}),
        (
            [published("true", retained=True), published("false"), published("true")],
            [False, True],
            {"initialized_true": 1},
        ),
        ([published("false"), published("true", source="s2")], [False], {"initialized_true": 1}),
        ([published(False), published(True)], [False, True], {}),
        ([published(0), published(1)], [False, True], {}),
        ([published("inactive"), published("active")], [False, True], {}),
        ([published("false"), GONE, published("true")], [False], {"deleted": 1, "initialized_true": 1}),
        ([published("false"), published("true", PropertyOperation="Initialized")], [False], {"initialized_true": 1}),
        ([published("false"), published({"Point": []})], [False], {"values_bad": 1}),
        ([published("false"), published("true", Source={})], [False, True], {}),
        ([published("true", retained=True)._replace(payload=b"{}")], [], {"messages_bad": 1}),
        ([published("true", source="s" * 2000)._replace(retained=True)], [], {"messages_bad": 1}),
    ],
)
def test_over_mqtt_what_stands_when_we_come_is_never_an_alarm(
    messages: list[Message], values: list[bool], counted: Any
) -> None:
    there = behind_a_broker()
    assert heard(there, *messages) == values
    assert there.host.counters == counted


def test_what_merely_happens_is_news_at_once_unless_the_broker_had_it() -> None:
    there = behind_a_broker(momentary=True)
    assert heard(there, published("true", retained=True), published("true"), published("true")) == [True, True]


def test_a_vendors_own_topic_is_named_without_its_namespace() -> None:
    there = behind_a_broker(path="Device/HardwareFailure/LensFailure", item="State")
    topic = f"{OnvifMqttSimulator.PREFIX}/onvif-ej/Device/HardwareFailure/acme:LensFailure"
    body = '{"UtcTime":"2026-11-22T08:00:00Z","Source":{},"Data":{"State":%s}}'
    assert heard(there, *(Message(topic, (body % value).encode()) for value in ("false", "true"))) == [False, True]


def test_of_sources_without_number_only_so_many_are_remembered() -> None:
    there = behind_a_broker()
    assert heard(there, *(published("false", source=f"s{number}") for number in range(2000))) == [False] * 2000
    assert heard(there, published("true", source="s1999")) == [True]
    assert heard(there, published("true", source="s0")) == []


async def test_a_broker_that_has_kept_how_things_stand_is_believed_only_where_it_says_false() -> None:
    async with OnvifMqttSimulator() as simulator:
        simulator.silent = True
        simulator.broker.publish(simulator.topic_of("motion"), simulator.payload("motion", "true"), retain=True)
        simulator.broker.publish(simulator.topic_of("input"), simulator.payload("input", "false"), retain=True)
        there = OnvifEvents("cam", OnvifEvents.load_config(CameraBehindABroker(simulator).config()), Host())
        async with aclosing(there.samples()) as samples:
            assert (await anext(samples)).datastreams == ("cam.input",)
            simulator.broker.publish(simulator.topic_of("input"), simulator.payload("input", "true"), retain=True)
            sample = await anext(samples)
            assert (sample.datastreams, sample.values) == (("cam.input",), (True,))
        assert there.host.counters == {"initialized_true": 1}


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"host": "a", "mqtt": BROKER}, "host = 'a': expected host for PullPoint, or a table mqtt, and not both"),
        ({}, "host = None: expected host for PullPoint, or a table mqtt"),
        ({"mqtt": BROKER, "pull_s": 5.0}, "pull_s = 5.0: expected nothing, because there is a table mqtt"),
        ({"mqtt": {**BROKER, "prefix": "a/#"}}, "mqtt.prefix = 'a/#': expected the beginning of a topic"),
        ({"mqtt": {**BROKER, "client_id": "x"}}, "mqtt.client_id = 'x': expected nothing"),
        ({"host": "a", "ca_file": "b"}, "ca_file = 'b': expected nothing, because https is false"),
    ],
)
def test_a_camera_is_reached_in_one_way(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OnvifEvents.load_config({"topic": [MOTION], **written})
    assert str(caught.value).startswith(line)
