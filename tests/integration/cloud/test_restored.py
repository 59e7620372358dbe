"""A cloud that was restored to an older day, with real processes: what the gateway still keeps comes again."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.cloud.addresses import open_points
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from support.cloud import CloudProcess
from support.gateway import RIVER, GatewayProcess, River
from support.influx import DATABASE, InfluxServer
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


async def marked(influx: InfluxServer, number: int) -> None:
    """Wait until the cloud has left that marker."""
    async with asyncio.timeout(20):
        while f",{number}]" not in influx.ask("SELECT max(n) FROM haechi_marker"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


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


async def test_an_influxdb_put_back_to_an_older_day_is_filled_again_by_itself(
    broker: Mosquitto, river: River, tmp_path: Path
) -> None:
    folder = tmp_path / "influx"
    folder.mkdir()
    with InfluxServer(folder) as influx:
        store = f"influxdb://127.0.0.1:{influx.port}/{DATABASE}"
        gateway = GatewayProcess(tmp_path / "gateway", broker.url, RIVER.format(port=river.port))
        options = ("--broker", broker.url, "--tenant", "daejeon", "--store", store)
        async with CloudProcess(tmp_path / "cloud", *options) as cloud:
            await marked(influx, 1)
            cloud.stop()
            influx.kill()
            shutil.copytree(folder, tmp_path / "older")
            influx.start()
            await cloud.start()
            await marked(influx, 2)
            await gateway.start()
            await cloud.until(
                "/api/v1/gateways", lambda answer: any(one["observations"] >= 20 for one in answer["items"])
            )
            influx.kill()
            for part in ("data", "wal", "meta"):
                shutil.rmtree(folder / part)
                shutil.copytree(tmp_path / "older" / part, folder / part)
            influx.start()
            health = await cloud.until("/api/v1/health", lambda health: "went back" in str(health), timeout_s=30)
            assert [part["state"] for part in health["parts"] if part["name"] == "points"] == ["degraded"]
            await gateway.says("are sent again")
            assert await gateway.stop() == 0
            figures = await gateway.outbox()
            assert figures["parcels"] == 0
            points = open_points(store, lambda: 0, None)
            assert sum(points.count("daejeon").values()) == figures["observations_committed"]
            points.close()
            gateways = await cloud.get("/api/v1/gateways")
            assert [one["observations"] for one in gateways["items"]] == [figures["observations_committed"]]


@pytest.mark.parametrize(
    ("since", "expected"),
    [("yesterday", "2026-11-21T06:00:00+09:00"), ("2026-11-21T06:00:00", "zone"), ("2020-01-01T00:00:00Z", "30 days")],
)
async def test_a_time_that_is_none_is_said_in_one_line(tmp_path: Path, since: str, expected: str) -> None:
    said = rewind(CloudProcess(tmp_path), since)
    assert said.returncode == 2
    assert expected in said.stderr
    assert "Traceback" not in said.stderr
