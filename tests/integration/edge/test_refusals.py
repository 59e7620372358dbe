"""A broker that refuses, certificates that are wrong, a second agent: one clear line each, never a traceback."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.certificates import make_certificates
from support.gateway import HAECHI, GatewayProcess
from support.little_cloud import LittleCloud
from support.mosquitto import Mosquitto

pytestmark = pytest.mark.servers
NewGateway = Callable[..., GatewayProcess]


async def test_a_wrong_password_is_said_once_and_tried_again(tmp_path: Path, new_gateway: NewGateway) -> None:
    async with Mosquitto(tmp_path / "broker", passwords={"gw-1": "right", "cloud": "c"}) as broker:
        gateway = new_gateway(broker.url, uplink=('username = "gw-1"', 'password_file = "password"'))
        (gateway.config.parent / "password").write_text("wrong\n", encoding="utf-8")
        await gateway.start()
        await gateway.says("the broker refuses us")
        assert "wrong" not in gateway.log
        await gateway.stop()

        (gateway.config.parent / "password").write_text("right\n", encoding="utf-8")
        async with LittleCloud(broker.port, username="cloud", password="c") as cloud:
            await gateway.start()
            await cloud.until(lambda: cloud.observations > 0)
        assert "right" not in gateway.log


async def test_a_refusal_by_the_access_list_stands_in_the_status(tmp_path: Path, new_gateway: NewGateway) -> None:
    access = [
        "user cloud",
        "topic readwrite haechi/#",
        "user gw-1",
        "topic write haechi/v1/daejeon/gw-1/up/status",
        "topic read haechi/v1/daejeon/gw-1/down/#",
    ]
    async with Mosquitto(tmp_path / "broker", passwords={"gw-1": "g", "cloud": "c"}, access=access) as broker:
        gateway = new_gateway(broker.url, uplink=('username = "gw-1"', 'password_file = "password"'))
        (gateway.config.parent / "password").write_text("g\n", encoding="utf-8")
        async with LittleCloud(broker.port, username="cloud", password="c") as cloud:
            await gateway.start()
            await cloud.until(
                lambda: cloud.status is not None and any("not authorised" in line for line in cloud.status.problems)
            )
            assert cloud.status is not None
            assert cloud.status.outbox_parcels > 0


async def test_tls_is_verified(tmp_path: Path, new_gateway: NewGateway) -> None:
    papers = make_certificates(tmp_path / "papers")
    async with Mosquitto(
        tmp_path / "broker",
        certificate=papers.server_cert,
        key=papers.server_key,
        authority=papers.ca,
        client_certificates=True,
    ) as broker:
        mine = (f'cert_file = "{papers.client_cert}"', f'key_file = "{papers.client_key}"')
        stranger = new_gateway(broker.url, uplink=(f'ca_file = "{papers.other_ca}"', *mine), folder="stranger")
        await stranger.start()
        await stranger.says("no trusted TLS connection")
        await stranger.says("certificate")
        assert "CERTIFICATE_VERIFY_FAILED" not in stranger.log

        gateway = new_gateway(broker.url, uplink=(f'ca_file = "{papers.ca}"', *mine))
        await gateway.start()
        await gateway.says("connected to")


async def test_values_travel_over_tls(tmp_path: Path, new_gateway: NewGateway) -> None:
    papers = make_certificates(tmp_path / "papers")
    async with (
        Mosquitto(tmp_path / "broker", certificate=papers.server_cert, key=papers.server_key) as broker,
        LittleCloud(broker.port, authority=str(papers.ca)) as cloud,
    ):
        gateway = new_gateway(broker.url, uplink=(f'ca_file = "{papers.ca}"',))
        await gateway.start()
        await cloud.until(lambda: cloud.observations >= 20)
        assert await gateway.stop() == 0
        await cloud.until(lambda: cloud.status is not None and cloud.status.state == "offline")
    assert (await gateway.outbox())["observations_committed"] == cloud.observations


async def test_a_second_agent_on_the_same_folder_is_refused(broker: Mosquitto, new_gateway: NewGateway) -> None:
    gateway = new_gateway(broker.url)
    await gateway.start()
    await gateway.says("connected to")
    answer = await asyncio.to_thread(
        subprocess.run,
        [*HAECHI, "edge", "run", "--config", str(gateway.config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 2
    assert "another agent is running" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


async def test_a_device_that_is_not_there_is_one_line_and_stops_nothing(
    broker: Mosquitto, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url)
    text = gateway.config.read_text(encoding="utf-8")
    absent = """
[[device]]
id = "gauge-2"
kind = "level_gauge"
place = "bridge"
adapter = "serial_level"
[device.config]
port = "/dev/does-not-exist"
protocol = "maxbotix_r"
"""
    gateway.config.write_text(text + absent, encoding="utf-8")
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        await cloud.until(
            lambda: (
                cloud.observations > 0
                and cloud.status is not None
                and any(part.id == "gauge-2" and part.state == "retrying" for part in cloud.status.components)
            )
        )
    assert gateway.log.count("/dev/does-not-exist") == 1


async def test_a_disk_that_cannot_be_written_leaves_an_outbox_in_memory(
    broker: Mosquitto, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url)
    text = gateway.config.read_text(encoding="utf-8").replace('data_dir = "data"', 'data_dir = "/proc/haechi"')
    gateway.config.write_text(text, encoding="utf-8")
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        await cloud.until(
            lambda: (
                cloud.observations > 0
                and cloud.status is not None
                and any("/proc/haechi" in line for line in cloud.status.problems)
            )
        )
