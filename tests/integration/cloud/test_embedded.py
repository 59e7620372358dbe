"""The broker of our own: serves MQTT 5, comes back when it dies or freezes, and ends with its cloud."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haechi.cloud.event_broker.embedded import EmbeddedBroker
from support.cloud import CloudProcess
from support.sender import Sender, alarm, flood, level, now_us


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[CloudProcess]:
    async with CloudProcess(tmp_path / "cloud", "--broker-port", "0") as cloud:
        yield cloud


def broker_of(cloud: CloudProcess) -> int:
    """The process id of the broker."""
    (child,) = (Path(f"/proc/{cloud.pid}/task/{cloud.pid}/children")).read_text().split()
    return int(child)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_parcels_alarms_and_questions_pass(cloud: CloudProcess) -> None:
    async with Sender(cloud.broker_port) as sender:
        sender.send(1, level(now_us(), 1.0))
        sender.send(2, alarm(flood("event-0001")), "urgent")
        sender.send_raw(b"x" * 70_000)
        sender.ask("question", 1, 3)
        await sender.until_settled(1, 2)
        assert (await sender.answer_to("question")).answers == "question"
    assert len((await cloud.get("/api/v1/situations"))["items"]) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_broker_that_dies_or_freezes_is_replaced(cloud: CloudProcess, number: signal.Signals) -> None:
    first = broker_of(cloud)
    os.kill(first, number)
    async with asyncio.timeout(30):
        while not gone(first) or (await cloud.get("/api/v1/health"))["state"] != "ok":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    async with Sender(cloud.broker_port) as sender:
        sender.send(1, level(now_us(), 1.0))
        await sender.until_settled(1)


async def test_it_ends_with_its_cloud_even_when_that_is_killed(cloud: CloudProcess) -> None:
    pid = broker_of(cloud)
    cloud.kill()
    async with asyncio.timeout(5):
        while not gone(pid):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)
    await cloud.start()


async def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await EmbeddedBroker(tmp_path, taken.getsockname()[1]).start()
