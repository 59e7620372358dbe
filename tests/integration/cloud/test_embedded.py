"""The broker of our own: serves MQTT 5, comes back when it dies or freezes, and ends with its cloud."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from haechi.cloud.event_broker.embedded import EmbeddedBroker
from haechi.command import UsageError
from support.cloud import CloudProcess
from support.processes import is_alive
from support.sender import Sender, alarm, flood, level, now_us


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[CloudProcess]:
    async with CloudProcess(tmp_path / "cloud", "--broker-port", "0") as cloud:
        yield cloud


def broker_of(cloud: CloudProcess) -> int:
    """The process id of the broker."""
    (child,) = (Path(f"/proc/{cloud.pid}/task/{cloud.pid}/children")).read_text().split()
    return int(child)


def sender_to(cloud: CloudProcess) -> Sender:
    return Sender(cloud.broker_port, username="gateway", password=cloud.gateway_password)


async def test_parcels_alarms_and_questions_pass(cloud: CloudProcess) -> None:
    async with sender_to(cloud) as sender:
        sender.send(1, level(now_us(), 1.0))
        sender.send(2, alarm(flood("event-0001")), "urgent")
        sender.send_raw(b"x" * 70_000)
        sender.ask("question", 1, 3)
        await sender.until_settled(1, 2)
        assert (await sender.answer_to("question")).answers == "question"
    assert len((await cloud.get("/api/v1/situations"))["items"]) == 1


async def test_a_second_city_is_served_and_shown_as_the_first(tmp_path: Path) -> None:
    cities = ("--tenant", "daejeon", "--tenant", "sejong")
    async with CloudProcess(tmp_path / "cloud", "--broker-port", "0", *cities) as cloud:
        entered = {"username": "gateway", "password": cloud.gateway_password}
        async with Sender(cloud.broker_port, tenant="sejong", **entered) as sender:
            sender.send(1, level(now_us(), 1.0))
            sender.send(2, alarm(flood("event-0001")), "urgent")
            sender.send_raw(b"garbage")
            await sender.until_settled(1, 2)
        for path in ("situations", "gateways", "dead-letters"):
            await cloud.until(f"/api/v1/{path}", lambda answer: len(answer["items"]) == 1, tenant="sejong")
            assert (await cloud.get(f"/api/v1/{path}"))["items"] == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_broker_that_dies_or_freezes_is_replaced(cloud: CloudProcess, number: signal.Signals) -> None:
    first = broker_of(cloud)
    os.kill(first, number)
    async with asyncio.timeout(30):
        while is_alive(first) or (await cloud.get("/api/v1/health"))["state"] != "ok":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    async with sender_to(cloud) as sender:
        sender.send(1, level(now_us(), 1.0))
        await sender.until_settled(1)


async def test_it_ends_with_its_cloud_even_when_that_is_killed(cloud: CloudProcess) -> None:
    pid = broker_of(cloud)
    cloud.kill()
    async with asyncio.timeout(5):
        while is_alive(pid):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)
    await cloud.start()


@pytest.mark.parametrize(
    ("user", "password"), [(None, None), ("gateway", ""), ("gateway", "wrong"), ("cloud", ""), ("nobody", "{right}")]
)
async def test_without_the_password_nobody_gets_in(cloud: CloudProcess, user: str | None, password: str | None) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    entered: list[bool] = []

    def tell() -> None:
        loop.call_soon_threadsafe(ended.set)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
    if user is not None and password is not None:
        client.username_pw_set(user, password.format(right=cloud.gateway_password))
    client.on_connect = lambda _client, _data, _flags, reason, _properties: entered.append(not reason.is_failure)
    client.on_disconnect = lambda *_: tell()
    client.connect("127.0.0.1", cloud.broker_port)
    client.loop_start()
    async with asyncio.timeout(10):
        await ended.wait()
    client.loop_stop()
    assert True not in entered


async def test_the_password_is_its_owners_alone_and_lasts(cloud: CloudProcess) -> None:
    files = [cloud.folder / "data" / name for name in ("broker.password", "broker.toml")]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    first, of_this_run = cloud.gateway_password, files[1].read_text()
    assert "broker.password" in cloud.log
    assert first not in cloud.log
    cloud.kill()
    await cloud.start()
    assert cloud.gateway_password == first
    assert files[1].read_text() != of_this_run, "the cloud's own is drawn anew"
    cloud.kill()
    files[0].write_text('a person\'s own: "§"'.replace("§", "\\") + "\n")
    await cloud.start()
    async with sender_to(cloud) as sender:
        sender.send(1, level(now_us(), 1.0))
        await sender.until_settled(1)


@pytest.mark.parametrize("content", ["", "\n", "해치\n", "two\nlines\n", "x" * 2000])
async def test_a_password_that_is_none_is_said_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "broker.password").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="remove the file"):
        await EmbeddedBroker(tmp_path, 0).start()


async def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await EmbeddedBroker(tmp_path, taken.getsockname()[1]).start()
