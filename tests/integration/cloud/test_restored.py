"""A cloud that was restored to an older day, with real processes: what the gateway still keeps comes again."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from support.cloud import CloudProcess
from support.gateway import RIVER, GatewayProcess, River
from support.mosquitto import Mosquitto

pytestmark = pytest.mark.servers


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
async def river() -> AsyncIterator[River]:
    async with ModbusSimulator() as simulator:
        river = River(simulator)
        river.is_low()
        yield river


def stored(cloud: CloudProcess) -> int:
    """How many points there are."""
    points = SqlitePoints(cloud.folder / "data" / "points.db", Limits(lambda: 0, None))
    try:
        return sum(points.count("daejeon").values())
    finally:
        points.close()


def rewind(cloud: CloudProcess, since: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "haechi.command", "cloud", "rewind", "--since", since]
    return subprocess.run(
        [*command, "--data-dir", str(cloud.folder / "data")], capture_output=True, text=True, check=False
    )


async def drained(gateway: GatewayProcess, cloud: CloudProcess) -> int:
    """Stop the gateway once its outbox is empty; return how many observations it ever committed."""
    await cloud.until("/api/v1/health", lambda health: health["state"] == "ok")
    assert await gateway.stop() == 0
    figures = await gateway.outbox()
    assert figures["parcels"] == 0
    return int(figures["observations_committed"])


@pytest.mark.parametrize("restored", ["points", "state"])
async def test_what_came_since_is_stored_again(broker: Mosquitto, river: River, tmp_path: Path, restored: str) -> None:
    gateway = GatewayProcess(tmp_path / "gateway", broker.url, RIVER.format(port=river.port))
    async with CloudProcess(tmp_path / "cloud", "--broker", broker.url, "--tenant", "daejeon") as cloud:
        since = datetime.now(UTC) - timedelta(seconds=1)
        older = tmp_path / "older"
        cloud.stop()
        shutil.copytree(cloud.folder / "data", older)
        await cloud.start()
        await gateway.start()
        await cloud.until("/api/v1/gateways", lambda answer: any(one["observations"] >= 20 for one in answer["items"]))
        cloud.stop()
        for file in ("points.db", "state.db"):
            if file.startswith(restored):
                for leftover in (cloud.folder / "data").glob(f"{file}*"):
                    leftover.unlink()
                shutil.copyfile(older / file, cloud.folder / "data" / file)
        if restored == "points":
            said = rewind(cloud, since.isoformat())
            assert "of 1 gateways are asked for again" in said.stdout, said.stderr
        await cloud.start()
        await gateway.says("are sent again")
        committed = await drained(gateway, cloud)
        assert stored(cloud) == committed
        assert (await cloud.get("/api/v1/losses"))["items"] == []


@pytest.mark.parametrize(
    ("since", "expected"),
    [("yesterday", "2026-11-21T06:00:00+09:00"), ("2026-11-21T06:00:00", "zone"), ("2020-01-01T00:00:00Z", "30 days")],
)
async def test_a_time_that_is_none_is_said_in_one_line(tmp_path: Path, since: str, expected: str) -> None:
    said = rewind(CloudProcess(tmp_path), since)
    assert said.returncode == 2
    assert expected in said.stderr
    assert "Traceback" not in said.stderr
