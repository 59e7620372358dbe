"""The camera keeps the rules of every adapter; what stands when we come is never an alarm."""

import ast
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import h11
import pytest

from haechi.adapters.onvif_events.adapter import OnvifEvents
from haechi.adapters.onvif_events.notifications import Notification, notifications
from haechi.adapters.onvif_events.simulator import OnvifCameraSimulator
from haechi.contract.observations import Value
from haechi.sdk import ConfigError, Host, NotConnected
from haechi.sdk.onvif import soap
from haechi.sdk.onvif.soap import SoapError
from haechi.sdk.testing import AdapterConformance, Recording

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


class TestOnvifEvents(AdapterConformance):
    adapter = OnvifEvents
    entry_point = "onvif_events"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"motion": (False, True, False), "input": (True, False)}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[CameraPeer]:
        async with OnvifCameraSimulator() as simulator:
            yield CameraPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        head, blank, body = data.partition(b"\r\n\r\n")
        if length_in(head + blank) != len(body):
            return []
        try:
            told = notifications(soap.answer(body))
        except SoapError:
            return []
        there = recorded(recording.config["host"], repr(recording.config["topic"]))
        samples = [sample for one in told for sample in there.samples_of(one)]
        return [(sample.datastreams[0].partition(".")[2], sample.values[0]) for sample in samples]


@lru_cache(maxsize=512)
def length_in(head: bytes) -> int:
    """How long the body behind a head is, as h11 reads it; -1 where it is no head. Most damage is in the body."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("Host", "cam")]))
    http.send(h11.EndOfMessage())
    try:
        http.receive_data(head)
        event = http.next_event()
        if isinstance(event, h11.Response):
            return int(dict(event.headers).get(b"content-length", b"-1"))
    except h11.RemoteProtocolError:
        pass
    return -1


@lru_cache(maxsize=4)
def recorded(host: str, topics: str) -> OnvifEvents:
    """The adapter of a recording; it is asked tens of thousands of times."""
    return OnvifEvents("cam", OnvifEvents.load_config({"host": host, "topic": ast.literal_eval(topics)}), Host())


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
