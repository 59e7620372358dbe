"""A logger's memory: read on from what is durable, whoever is killed when; a record read again adds no point."""

from pathlib import Path

import pytest

from support import memory_logger
from support.gateway import GatewayProcess
from support.little_cloud import LittleCloud
from support.memory_logger import LoggerDevice
from support.mosquitto import Mosquitto
from support.partner import install

pytestmark = pytest.mark.servers

LOGGER = """
[[device]]
id = "logger-1"
kind = "river_gauge"
place = "bridge"
adapter = "memory_logger"
[device.config]
port = {port}
{process}

[[rule]]
id = "logger-1.alarm"
kind = "threshold"
datastream = "logger-1.level"
above = 3.0
event = "flood.level_high"
"""


def points(cloud: LittleCloud) -> dict[tuple[str, int], object]:
    """Return what a store would hold, named as the contract names it: device time without the digits of an epoch."""
    found: dict[tuple[str, int], object] = {}
    for name, parcel in cloud.parcels.items():
        records = {stream.id for stream in parcel.datastreams if stream.device_time}
        for table in parcel.tables:
            for reading in table.readings():
                for one in reading.observations():
                    assert one.datastream in records, f"{name} does not say by which time its points are named"
                    found[one.datastream, one.observed_at_us] = one.value
    return found


@pytest.mark.parametrize("process", ["", "[device.process]"], ids=["in the agent", "in a process of its own"])
async def test_a_kill_between_reading_and_committing_loses_no_record_and_repeats_no_point(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    install(monkeypatch, tmp_path / "site", Path(memory_logger.__file__), "memory_logger", "MemoryLogger")
    async with LoggerDevice() as logger, LittleCloud(broker.port) as cloud:
        logger.record(*range(1000, 1200))
        gateway = GatewayProcess(tmp_path / "gw", broker.url, LOGGER.format(port=logger.port, process=process))
        await gateway.start()
        try:
            # Read, and killed before it can have been committed: it is read again from the beginning.
            await logger.given_since(0, 200)
            await gateway.kill()
            await gateway.start()
            await cloud.until(lambda: len(points(cloud)) == 200)
            # Committed: it is not read again. What was made meanwhile is history, and what is made now is not.
            given = logger.given
            await gateway.kill()
            await logger.is_alone()
            logger.record(*range(4000, 4050))
            await gateway.start()
            await cloud.until(lambda: len(points(cloud)) == 250)
            logger.record(4100)
            await cloud.until(lambda: any(parcel.events for parcel in cloud.parcels.values()))
            assert await gateway.stop() == 0
        finally:
            if gateway.running:
                await gateway.kill()
    assert logger.asked[:2] == [0, 0]
    assert logger.asked[2] == 200
    assert logger.given == given + 51
    levels = [level_mm / 1000 for level_mm in logger.levels_mm]
    assert points(cloud) == {("logger-1.level", at): level for at, level in zip(logger.times_us, levels, strict=True)}
    events = [event for parcel in cloud.parcels.values() for event in parcel.events]
    assert [(event.type, event.data["value"]) for event in events] == [("flood.level_high", 4.1)]
    assert "Traceback" not in gateway.log
