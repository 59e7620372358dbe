"""Of what a broker passes on, only new messages of the device are readings; a recording of it holds no password."""

import asyncio
import tomllib
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from haechi.adapters.json_level.adapter import JsonLevel
from haechi.sdk import Host, NotConnected, Sample
from haechi.sdk.capture import Player, Recorder, as_toml
from haechi.sdk.little_broker import LittleBroker
from haechi.sdk.recording import Recording
from haechi.sdk.testing.mqtt_messages import messages_in
from haechi.sdk.transports.mqtt_frames import Message, publish
from haechi.sdk.wire import attached


def reading(seq: int, distance_mm: int = 1953) -> bytes:
    return b'{"v":1,"boot":"9f3a01c2","seq":%d,"state":"ok","age_ms":3,"distance_mm":%d}' % (seq, distance_mm)


def gauge(url: str, **written: Any) -> JsonLevel:
    config = {"broker_url": url, "topic": "g", "retry_s": 0.1, **written}
    return JsonLevel("river-1", JsonLevel.load_config(config), Host())


async def say_when_heard(broker: LittleBroker, *bodies: bytes) -> None:
    while not any(client.filters for client in broker._clients):  # noqa: ASYNC110 - a subscription tells nobody
        await asyncio.sleep(0)
    for body in bodies:
        broker.publish("g", body, qos=1)


async def draw(adapter: JsonLevel, count: int, broker: LittleBroker | None = None, *bodies: bytes) -> list[Sample]:
    """Draw samples; a broker says ``bodies`` once the adapter listens."""
    async with aclosing(adapter.samples()) as samples, asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        if broker is not None:
            tasks.create_task(say_when_heard(broker, *bodies))
        return [await anext(samples) for _number in range(count)]


async def test_what_was_retained_or_is_no_message_of_the_device_is_counted_and_no_reading() -> None:
    async with LittleBroker() as broker:
        broker.publish("g", reading(1, 500), retain=True)
        adapter = gauge(broker.url)
        drawn = await draw(adapter, 1, broker, b"nonsense", reading(7))
        assert [sample.values for sample in drawn] == [(1.953,)]
        assert adapter.host.counters == {"retained": 1, "messages_bad": 1}


async def test_nonsense_is_no_sign_of_life() -> None:
    async with LittleBroker() as broker:
        with pytest.raises(ExceptionGroup) as caught:
            await draw(gauge(broker.url, silence_s=0.2), 1, broker, b"nonsense")
        line = r"no message of the device within 0.2 s; look at device and topic"
        assert caught.group_contains(NotConnected, match=line)


async def test_a_recording_holds_no_password_and_plays_again(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("sesame7\n", encoding="utf-8")
    recorder = Recorder(10_000)
    async with LittleBroker(password="sesame7") as broker:
        adapter = gauge(broker.url, username="gw", password_file=str(secret))
        with attached(recorder):
            drawn = await draw(adapter, 2, broker, reading(1), reading(2, 1500))
    values = [("distance", sample.values[0]) for sample in drawn]
    config = {"broker_url": broker.url, "topic": "g", "username": "gw", "password_file": str(secret)}
    written = as_toml("a gauge on the bench of this test", config, recorder, values, "CC0-1.0")
    assert b"sesame7".hex(" ") not in written
    assert "sesame7" not in written
    recording = Recording.model_validate(tomllib.loads(written))
    player = Player(recording.wire, speed=10)
    with attached(player):
        again = await draw(gauge(broker.url, username="gw", password_file=str(secret)), 2)
    player.close()
    assert again == drawn


def test_a_recording_of_a_live_broker_begins_with_its_greeting() -> None:
    greeting = bytes.fromhex("20020000") + bytes.fromhex("9003000101") + bytes.fromhex("d000")
    said = publish(Message("a/b", b"1"))
    assert [one.payload for one in messages_in(greeting + said + bytes.fromhex("d000") + said)] == [b"1", b"1"]
    assert messages_in(said + greeting + said) == [Message("a/b", b"1")]  # nobody has asked for that
