"""ONVIF events by the ways that need more than a simulator: HTTPS is verified; a real broker keeps how things stand."""

import asyncio
import ssl
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from haechi.adapters.onvif_events.adapter import OnvifEvents
from haechi.adapters.onvif_events.simulator import OnvifCameraSimulator, OnvifMqttSimulator
from haechi.sdk import ConfigError, Host, NotConnected
from support.certificates import Certificates, make_certificates
from support.mosquitto import Mosquitto

MOTION = {
    "name": "motion",
    "path": "RuleEngine/CellMotionDetector/Motion",
    "item": "IsMotion",
    "observed_property": "motion",
}


def camera(**written: Any) -> OnvifEvents:
    return OnvifEvents("cam", OnvifEvents.load_config({"topic": [MOTION], **written}), Host())


def served_by(certificates: Certificates) -> OnvifCameraSimulator:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_cert, certificates.server_key)
    return OnvifCameraSimulator(tls=context)


async def test_a_camera_that_is_not_who_its_certificate_says_is_not_asked(tmp_path: Path) -> None:
    sound = make_certificates(tmp_path / "sound", hosts=("localhost",))
    async with served_by(sound) as simulator:
        there = {"host": "localhost", "port": simulator.port, "https": True, "ca_file": str(sound.ca)}
        async with aclosing(camera(**there).samples()) as samples:
            assert (await anext(samples)).values == (False,)
        for changed, why in (
            ({"ca_file": str(sound.other_ca)}, "no trusted TLS connection"),
            ({"ca_file": None}, "no trusted TLS connection"),
            ({"host": "127.0.0.1"}, r"no trusted TLS connection \(.*127.0.0.1"),
            ({"https": False, "ca_file": None}, "answers no HTTP|closed the connection"),
        ):
            with pytest.raises(NotConnected, match=why):
                await camera(**{**there, **changed}).probe()
        with pytest.raises(ConfigError, match="ca_file"):
            await camera(**{**there, "ca_file": str(tmp_path / "nothing.pem")}).probe()
    expired = make_certificates(tmp_path / "expired", hosts=("localhost",), valid_for=timedelta(minutes=-1))
    async with served_by(expired) as simulator:
        there = {"host": "localhost", "port": simulator.port, "https": True, "ca_file": str(expired.ca)}
        with pytest.raises(NotConnected, match="certificate has expired"):
            await camera(**there).probe()


@pytest.mark.servers
async def test_what_a_real_broker_has_kept_is_how_things_stand(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path / "broker") as broker, asyncio.timeout(20):

        async def tell(value: str) -> None:
            topic, said = OnvifMqttSimulator.topic_of("motion"), OnvifMqttSimulator.payload("motion", value)
            await asyncio.to_thread(
                paho.mqtt.publish.single, topic, said, qos=1, retain=True, hostname="127.0.0.1", port=broker.port
            )

        there = camera(mqtt={"broker_url": broker.url, "prefix": OnvifMqttSimulator.PREFIX})
        for stood, news in (("true", ["false", "true"]), ("false", ["true"])):
            await tell(stood)
            async with aclosing(there.samples()) as samples:
                if stood == "false":
                    assert (await anext(samples)).values == (False,)
                coming = asyncio.ensure_future(anext(samples))
                while not there.host.counters["initialized_true"]:  # noqa: ASYNC110 - it is connected and has heard
                    await asyncio.sleep(0.01)
                for value in news:
                    await tell(value)
                    assert (await coming).values == (value == "true",)
                    coming = asyncio.ensure_future(anext(samples))
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
        assert there.host.counters == {"initialized_true": 1}
