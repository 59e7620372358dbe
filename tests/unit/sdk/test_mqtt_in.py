"""Messages of a broker come in order, bounded, and are acknowledged when used; every trouble is one clear line."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from haechi.sdk import ConfigError, NotConnected
from haechi.sdk.little_broker import LittleBroker
from haechi.sdk.transports import mqtt_frames as frames
from haechi.sdk.transports.mqtt_frames import Kind, Message
from haechi.sdk.transports.mqtt_in import MqttIn, MqttKeys
from haechi.sdk.transports.mqtt_stream import PACKET_BYTES_MAX
from support.rough_server import rough_server

COUNTED: Counter[str] = Counter()


def listener(url: str, *filters: str, **written: Any) -> MqttIn:
    COUNTED.clear()
    keys = MqttKeys.model_validate({"broker_url": url, "retry_s": 1.0, **written})
    return MqttIn(keys, filters or ("a/#",), count=lambda name: COUNTED.update((name,)), jitter=lambda: 0.5)


async def test_messages_come_in_order_and_are_acknowledged_when_the_next_is_asked_for() -> None:
    async with LittleBroker() as broker, asyncio.timeout(5):
        mqtt = listener(broker.url)
        await mqtt.open()
        await mqtt.open()
        for number in range(3):
            broker.publish("a/b", b"%d" % number, qos=1)
        next(iter(broker._clients)).say(frames.publish(Message("c", b"not ours", qos=1, packet_id=4)))
        assert [(await mqtt.receive()).payload for _number in range(3)] == [b"0", b"1", b"2"]
        broker.publish("a/last", b"", qos=0)
        assert (await mqtt.receive()).topic == "a/last"
        while len(broker.acknowledged) < 4:  # noqa: ASYNC110 - a packet on its way tells nobody
            await asyncio.sleep(0)
        assert sorted(broker.acknowledged) == [1, 2, 3, 4]
        assert COUNTED == {"strays": 1}
        mqtt.close()
        mqtt.close()
        while broker.is_held:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0)


async def test_what_the_broker_had_before_is_marked_as_retained() -> None:
    async with LittleBroker() as broker, asyncio.timeout(5):
        broker.publish("a/state", b"old", retain=True)
        mqtt = listener(broker.url)
        await mqtt.open()
        broker.publish("a/state", b"new", retain=True)
        assert [(one.payload, one.retained) for one in (await mqtt.receive(), await mqtt.receive())] == [
            (b"old", True),
            (b"new", False),
        ]
        mqtt.close()


async def test_what_nobody_receives_is_bounded_counted_and_the_newest_stays() -> None:
    async with LittleBroker() as broker, asyncio.timeout(5):
        mqtt = listener(broker.url)
        await mqtt.open()
        for number in range(300):
            broker.publish("a", b"%d" % number)
        while COUNTED["messages_lost"] < 44:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)
        oldest = await mqtt.receive()
        assert oldest.payload == b"44"
        assert 0 < oldest.waited_s < 5
        mqtt.close()
    assert COUNTED == {"messages_lost": 44}


async def test_what_must_not_be_lost_waits_at_the_broker() -> None:
    async with LittleBroker() as broker, asyncio.timeout(10):
        mqtt = listener(broker.url)
        await mqtt.open()
        for number in range(6000):
            broker.publish("a", b"%d" % number + bytes(100), qos=1)
        for _step in range(50):
            await asyncio.sleep(0)
        assert mqtt._stream is not None
        assert 256 <= len(mqtt._stream.waiting) < 4096
        for number in range(6000):
            assert (await mqtt.receive()).payload[:-100] == b"%d" % number
        mqtt.close()
    assert not COUNTED


async def test_each_failure_waits_longer_until_a_message_comes() -> None:
    async with LittleBroker() as broker:
        mqtt = listener(broker.url, retry_max_s=5.0)
    waits_s = []
    for _number in range(4):
        with pytest.raises(NotConnected, match="refuses connections") as caught:
            await mqtt.open()
        waits_s.append(caught.value.retry_after_s)
    assert waits_s == [1.0, 2.0, 4.0, 5.0]
    async with LittleBroker() as broker, asyncio.timeout(5):
        fresh = listener(broker.url)
        for _number in range(2):
            await fresh.open()
            broker.publish("a", b"x")
            await fresh.receive()
            broker.restart()
            with pytest.raises(NotConnected) as caught:
                await fresh.receive()
            assert caught.value.retry_after_s == 1.0


async def test_a_wrong_password_is_told_without_the_password(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("sesame7\n", encoding="utf-8")
    async with LittleBroker(password="other") as broker, asyncio.timeout(5):
        mqtt = listener(broker.url, username="gw", password_file=str(secret))
        with pytest.raises(NotConnected, match="refuses us: wrong username or password") as caught:
            await mqtt.open()
        assert "sesame7" not in str(caught.value)
    async with LittleBroker(password="sesame7") as broker, asyncio.timeout(5):
        mqtt = listener(broker.url, username="gw", password_file=str(secret))
        await mqtt.open()
        mqtt.close()
    secret.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected the secret in its first line"):
        await mqtt.open()
    secret.unlink()
    with pytest.raises(ConfigError, match=r"password_file = .*: expected a file that can be read"):
        await mqtt.open()


ADMITTED = frames.packet(Kind.CONNACK, b"\0\0")


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        (
            (
                b"HTTP/1.1 400 Bad Request\r\nDate: Sun, 22 Nov 2026 08:00:00 GMT\r\nContent-Length: 99\r\n\r\n"
                + bytes(99),
            ),
            "no MQTT",
        ),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), r"no answer to MQTT within 0.3 s"),
        ((frames.packet(Kind.CONNACK, b"\0\5"),), "the broker refuses us: not allowed in"),
        ((ADMITTED, frames.packet(Kind.SUBACK, b"\0\1\x80")), "the broker refuses us the topic a/#"),
        ((ADMITTED, frames.packet(Kind.SUBACK, b"\0\7\1")), "an answer to another SUBSCRIBE"),
        ((ADMITTED,), r"no answer to MQTT within 0.3 s"),
    ],
)
async def test_who_is_no_broker_or_says_no_is_one_clear_line(answers: tuple[bytes, ...], line: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1000)
            writer.write(answer)
        await reader.read()

    async with rough_server(serve) as port, asyncio.timeout(5):
        mqtt = listener(f"mqtt://127.0.0.1:{port}", timeout_s=0.3)
        with pytest.raises(NotConnected, match=line):
            await mqtt.open()


@pytest.mark.parametrize(
    "poison",
    [
        frames.packet(Kind.PUBLISH, b"\0\1a" + bytes(PACKET_BYTES_MAX)),
        frames.packet(Kind.PUBLISH, b"\0\1a\0\1", 4),
        frames.packet(Kind.SUBSCRIBE, b"\0\1"),
        b"\x30\xff\xff\xff\xff\xff",
    ],
)
async def test_a_broker_that_breaks_the_rules_is_left(poison: bytes) -> None:
    async with LittleBroker() as broker, asyncio.timeout(5):
        mqtt = listener(broker.url)
        await mqtt.open()
        next(iter(broker._clients)).say(poison)
        with pytest.raises(NotConnected, match="says what is no MQTT"):
            await mqtt.receive()


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"broker_url": "http://127.0.0.1"}, r"broker_url = 'http://127.0.0.1': expected mqtts://HOST"),
        ({"broker_url": "mqtt://gw:sesame7@127.0.0.1"}, "broker_url.*expected no user and no password"),
        ({"broker_url": "mqtt://gw:sesame7@[127.0.0.1"}, "broker_url.*expected no user and no password"),
        ({"broker_url": "mqtt://192.0.2.1"}, "expected mqtts://, or insecure = true"),
        ({"ca_file": "/ca.pem"}, "ca_file = '/ca.pem': expected nothing, because broker_url is not mqtts://"),
        ({"password_file": "/p"}, "password_file = '/p': expected a username with it"),
        ({"broker_url": "mqtts://h", "cert_file": "/c"}, "key_file = None: expected cert_file and key_file together"),
        ({"retry_s": 100.0}, "retry_max_s = 60.0: expected at least retry_s"),
        ({"broker_url": "mqtt://127.0.0.1:99999"}, "broker_url"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError) as caught:
        MqttKeys.model_validate({"broker_url": "mqtt://127.0.0.1", **written})
    said = str(ConfigError.from_validation(caught.value))  # type: ignore[arg-type]
    assert "\n" not in said
    assert "sesame7" not in said
    assert re.search(line, said), said
