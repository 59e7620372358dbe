"""Against a real mosquitto: TLS, passwords, access lists; killed, frozen and come back; a session loses nothing."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from haechi.sdk import NotConnected
from haechi.sdk.transports.mqtt_in import MqttIn, MqttKeys
from support.certificates import make_certificates
from support.mosquitto import Mosquitto

pytestmark = pytest.mark.servers


def listener(broker: Mosquitto, **written: Any) -> MqttIn:
    keys = MqttKeys.model_validate({"broker_url": broker.url, "retry_s": 0.1, "timeout_s": 5.0, **written})
    counted: Counter[str] = Counter()
    return MqttIn(keys, ("gauge/#",), count=lambda name: counted.update((name,)))


async def publish(broker: Mosquitto, payload: str, *, topic: str = "gauge/1", retain: bool = False) -> None:
    await asyncio.to_thread(
        paho.mqtt.publish.single, topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=broker.port
    )


async def test_a_session_keeps_what_comes_while_nobody_listens_and_what_was_not_used(tmp_path: Path) -> None:
    settings = ("persistence true", f"persistence_location {tmp_path}/", "autosave_interval 1")
    async with Mosquitto(tmp_path / "broker", settings=settings) as broker, asyncio.timeout(20):
        mqtt = listener(broker, client_id="gw-1")
        await mqtt.open()
        for number in range(3):
            await publish(broker, str(number))
        assert [(await mqtt.receive()).payload for _number in range(2)] == [b"0", b"1"]
        mqtt.close()  # 0 was acknowledged; 1 was used when the gateway was killed, 2 never
        await publish(broker, "3")
        broker.stop()
        with pytest.raises(NotConnected, match="refuses connections"):
            await mqtt.open()
        await broker.start()
        await mqtt.open()
        again = [await mqtt.receive() for _number in range(3)]
        assert [one.payload for one in again] == [b"1", b"2", b"3"]
        mqtt.close()


async def test_a_broker_that_is_killed_or_frozen_is_told_and_found_again(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path / "broker") as broker, asyncio.timeout(20):
        mqtt = listener(broker, keepalive_s=1)
        await mqtt.open()
        broker.kill()
        with pytest.raises(NotConnected, match=r"the broker closed the connection|the connection broke"):
            await mqtt.receive()
        await broker.start()
        await publish(broker, "kept", retain=True)
        await mqtt.open()
        assert (await mqtt.receive()).retained
        broker.freeze()
        with pytest.raises(NotConnected, match="the broker is silent for 2 s"):
            await mqtt.receive()
        broker.thaw()
        await mqtt.open()
        await mqtt.receive()
        await publish(broker, "new")
        assert not (await mqtt.receive()).retained
        mqtt.close()


async def test_encryption_is_verified_and_passwords_and_access_are_the_brokers(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    secret = tmp_path / "password"
    secret.write_text("sesame7\n", encoding="utf-8")
    broker = Mosquitto(
        tmp_path / "broker",
        passwords={"gw": "sesame7"},
        access=("user gw", "topic read gauge/#"),
        certificate=certificates.server_cert,
        key=certificates.server_key,
        authority=certificates.ca,
        client_certificates=True,
    )
    ours = {"cert_file": str(certificates.client_cert), "key_file": str(certificates.client_key)}
    known = {"username": "gw", "password_file": str(secret), "ca_file": str(certificates.ca), **ours}
    async with broker, asyncio.timeout(20):
        mqtt = listener(broker, **known)
        await mqtt.open()
        mqtt.close()
        with pytest.raises(NotConnected, match="no trusted TLS connection"):
            await listener(broker, **{**known, "ca_file": str(certificates.other_ca)}).open()
        with pytest.raises(NotConnected, match=r"127\.0\.0\.1"):
            await listener(broker, **{**known, "cert_file": None, "key_file": None}).open()
        secret.write_text("wrong\n", encoding="utf-8")
        with pytest.raises(NotConnected, match=r"refuses us: (wrong username or password|not allowed in)"):
            await mqtt.open()
