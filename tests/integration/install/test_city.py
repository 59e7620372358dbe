"""The playbooks, run: what they put down works, and lets in nobody else."""

import socket
import ssl
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from integration.install.running import Installation
from integration.install.scratch import Scratch
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from support.influx import DATABASE, InfluxServer

pytestmark = pytest.mark.servers
CITY = "haechi/v1/molecule-city"
RIVER = ("river-1", "the river's pässword")
CLOUD = ("haechi-cloud", "the cloud's password")
WAIT_S = 10.0


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with InfluxServer(tmp_path_factory.mktemp("influx")) as influx:
        scratch = Scratch(tmp_path_factory.mktemp("city"))
        store = f"influxdb://127.0.0.1:{influx.port}/{DATABASE}"
        # The release is there already; turning its link is tested elsewhere.
        options = ("--diff", "--skip-tags", "install")
        played = scratch.play("site.yml", *options, haechi_cloud_store=store, haechi_cloud_store_token="no secret")
        assert played.returncode == 0, played.stdout + played.stderr
        assert RIVER[1] not in played.stdout + played.stderr
        yield scratch


async def test_what_was_installed_carries_a_reading_over_tls_into_influxdb(city: Scratch) -> None:
    installation = Installation(city.root)
    async with installation.running(distance_m=2.0):
        level = await installation.datastream("river.water_level")
        figures = await installation.acknowledged()
        series = await installation.cloud("/api/v1/observations?gateway=river-1&datastream=river.water_level")
    assert level["gateway"] == "river-1"
    assert level["latest"]["value"] == 3.0
    assert series["items"][0]["value"] == 3.0
    assert figures["events_committed"] == 1


async def test_the_broker_keeps_gateways_apart_and_strangers_out(city: Scratch) -> None:
    authority = city.certificates.ca
    async with Installation(city.root).broker() as port:
        with Guest(port, authority, RIVER) as river, Guest(port, authority, CLOUD) as cloud:
            assert [river.answer(), cloud.answer()] == ["Success", "Success"]
            assert cloud.subscribe(f"{CITY}/+/up/#") == "Granted QoS 1"
            assert river.publish(f"{CITY}/river-2/up/urgent") == "Not authorized"
            assert river.publish(f"{CITY}/river-1/down/ack") == "Not authorized"
            assert river.publish("haechi/v1/other-city/river-1/up/urgent") == "Not authorized"
            assert river.publish(f"{CITY}/river-1/up/urgent") == "Success"
            assert cloud.received_until(f"{CITY}/river-1/up/urgent") == [f"{CITY}/river-1/up/urgent"]

            assert river.subscribe("haechi/v1/+/+/down/#") == "Granted QoS 1"
            assert cloud.publish(f"{CITY}/river-1/up/urgent") == "Not authorized"
            assert cloud.publish(f"{CITY}/river-2/down/command") in {"Success", "No matching subscribers"}
            assert cloud.publish(f"{CITY}/river-1/down/command") == "Success"
            assert river.received_until(f"{CITY}/river-1/down/command") == [f"{CITY}/river-1/down/command"]

        for login in ((RIVER[0], "guessed"), ("river-3", RIVER[1]), None):
            with Guest(port, authority, login) as stranger:
                assert stranger.answer() == "Not authorized"
        with Guest(port, None, RIVER) as plain:
            assert plain.is_hung_up_on()
        # Whoever trusts another authority does not take this broker for the right one.
        suspicious = ssl.create_default_context(cafile=city.certificates.other_ca)
        with socket.create_connection(("localhost", port)) as line, pytest.raises(ssl.SSLCertVerificationError):
            suspicious.wrap_socket(line, server_hostname="localhost")


def test_secrets_are_readable_by_the_service_alone(city: Scratch) -> None:
    etc = city.root / "etc"
    secrets = sorted((etc / "haechi/secrets").iterdir())
    assert [path.name for path in secrets] == [
        "camera-1",
        "cloud-broker-password",
        "cloud-store-token",
        "edge-broker-password",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((etc / "mosquitto/haechi/broker.key").stat().st_mode) == 0o640
    others = [path for path in etc.rglob("*") if path.is_file() and path not in secrets]
    assert [path for path in others if RIVER[1].encode() in path.read_bytes()] == []


def test_letters_of_any_language_reach_the_configuration(city: Scratch) -> None:
    config = tomllib.loads((city.root / "etc/haechi/gateway.toml").read_text(encoding="utf-8"))
    assert config["gateway"]["name"] == "Cabinet at the 다리 bridge"


def test_units_start_with_the_machine(city: Scratch) -> None:
    wants = city.root / "etc/systemd/system/multi-user.target.wants"
    names = ("haechi-edge.service", "haechi-cloud.service")
    assert {path.name: str(path.readlink()) for path in wants.iterdir()} == {
        name: f"/etc/systemd/system/{name}" for name in names
    }


def test_a_wrong_configuration_never_replaces_the_one_that_runs(city: Scratch) -> None:
    config = city.root / "etc/haechi/gateway.toml"
    before = config.read_bytes()
    rule = {"id": "r", "kind": "threshold", "datastream": "no.such", "event": "flood.level_high", "above": 1}
    played = city.play("gateway.yml", "--tags", "config", haechi_edge_rules=[rule])
    assert played.returncode != 0
    assert "no.such" in played.stdout + played.stderr
    assert config.read_bytes() == before


class Guest:
    """A client at the installed broker; every method waits for the broker's answer."""

    def __init__(self, port: int, authority: Path | None, login: tuple[str, str] | None) -> None:
        self._codes: list[ReasonCode] = []
        self._topics: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if login:
            self._client.username_pw_set(*login)
        if authority:
            self._client.tls_set(str(authority))
        self._client.on_connect = lambda _client, _data, _flags, code, _properties: self._codes.append(code)
        self._client.on_publish = lambda _client, _data, _number, code, _properties: self._codes.append(code)
        self._client.on_subscribe = lambda _client, _data, _number, codes, _properties: self._codes.extend(codes)
        self._client.on_message = lambda _client, _data, message: self._topics.append(message.topic)
        self._port = port

    def __enter__(self) -> Self:
        self._client.connect("localhost", self._port)
        return self

    def __exit__(self, *_error: object) -> None:
        # Says goodbye where the broker still listens, and closes the socket in any case.
        self._client.disconnect()
        self._client.loop_misc()

    def answer(self) -> str:
        """Return the broker's next reason code in words."""
        while not self._codes:
            ended = self._client.loop(WAIT_S) != mqtt.MQTT_ERR_SUCCESS
            assert self._codes or not ended, "the broker hung up without a word"
        return str(self._codes.pop(0))

    def is_hung_up_on(self) -> bool:
        """Tell whether the broker ends the connection before it has let this client in."""
        return self._client.loop(WAIT_S) != mqtt.MQTT_ERR_SUCCESS and not self._codes

    def publish(self, topic: str) -> str:
        """Publish something and return what the broker thinks of it."""
        self._client.publish(topic, b"x", qos=1)
        return self.answer()

    def subscribe(self, topic: str) -> str:
        """Subscribe and return what the broker thinks of it."""
        self._client.subscribe(topic, qos=1)
        return self.answer()

    def received_until(self, last: str) -> list[str]:
        """Return the topics of all messages up to the one that is known to come."""
        while last not in self._topics:
            assert self._client.loop(WAIT_S) == mqtt.MQTT_ERR_SUCCESS
        return self._topics
