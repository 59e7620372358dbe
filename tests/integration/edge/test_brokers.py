"""Brokers that differ: one that speaks only MQTT 3.1.1, one with a small packet limit, one that remembers nothing."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from haechi.adapters.modbus.simulator import ModbusSimulator
from support.gateway import GatewayProcess
from support.little_cloud import LittleCloud
from support.mosquitto import Mosquitto

pytestmark = pytest.mark.servers
NewGateway = Callable[..., GatewayProcess]

REFUSED_VERSION = bytes([0x20, 2, 0, 1])
PROTOCOL_LEVEL_AT = 8
"""Of a CONNECT shorter than 128 bytes: type, length (1 byte), 0 4 M Q T T, level."""

DEVICE = """
[[device]]
id = "{name}"
kind = "meter"
place = "bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = {port}
unit_id = 1
period_s = 0.2
[[device.config.registers]]
name = "r{{address:04d}}"
first = 0
count = {count}
unit = "m"
observed_property = "level"
"""


@contextlib.asynccontextmanager
async def only_mqtt_3_1_1(broker_port: int) -> AsyncIterator[tuple[int, list[int]]]:
    """Stand before a broker and refuse MQTT 5 as old brokers do; yields the port and the levels that were asked for."""
    levels: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(4096)
        length_bytes = 1 if first[1] < 128 else 2
        level = first[PROTOCOL_LEVEL_AT - 1 + length_bytes]
        levels.append(level)
        if level == 5:
            writer.write(REFUSED_VERSION)
        else:
            behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", broker_port)
            behind_writer.write(first)
            await asyncio.gather(pipe(reader, behind_writer), pipe(behind_reader, writer))
        writer.close()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while content := await source.read(65536):
                target.write(content)
                await target.drain()
        target.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], levels
    finally:
        server.close()


async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(broker: Mosquitto, new_gateway: NewGateway) -> None:
    async with only_mqtt_3_1_1(broker.port) as (port, levels), LittleCloud(broker.port) as cloud:
        gateway = new_gateway(f"mqtt://127.0.0.1:{port}")
        await gateway.start()
        await cloud.until(lambda: cloud.observations > 0)
        assert await gateway.stop() == 0
    assert levels == [5, 4]


async def test_a_small_packet_limit_is_kept(tmp_path: Path) -> None:
    async with (
        ModbusSimulator() as simulator,
        Mosquitto(tmp_path / "broker", settings=["max_packet_size 3000"]) as broker,
        LittleCloud(broker.port) as cloud,
    ):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
        # Many that do not answer make a status that is larger than a small packet.
        dead = "".join(DEVICE.format(name=f"dead-{number}", port=port, count=1) for number in range(30))
        meter = DEVICE.format(name="meter-1", port=simulator.port, count=1000)
        # What was made before the limit was known waits; descriptions are made anew, values made afterwards fit.
        gateway = GatewayProcess(tmp_path / "gateway", broker.url, meter + dead)
        await gateway.start()
        try:
            await cloud.until(lambda: cloud.observations >= 3000 and bool(cloud.statuses))
            described = {stream.id for parcel in cloud.parcels.values() for stream in parcel.datastreams}
            assert len(described) == 1000 + 30
        finally:
            await gateway.kill()
        assert "Traceback" not in gateway.log
