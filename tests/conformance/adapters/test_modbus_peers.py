"""Our master and our simulator each understand somebody else's Modbus: pymodbus's server and client."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.sdk import Host
from haechi.sdk.transports.modbus_frames import Table

# 1.234 m, -2, 3.5 as a float, 65,543 as 32 bits
_WORDS = [1234, 0xFFFE, 0x4060, 0x0000, 0x0001, 0x0007]
_MAP = [
    {"name": "level", "address": 0, "scale": 0.001},
    {"name": "change", "address": 1, "type": "int16"},
    {"name": "flow", "address": 2, "type": "float32"},
    {"name": "total", "address": 4, "type": "uint32"},
]
_VALUES = {"d.level": 1.234, "d.change": -2.0, "d.flow": 3.5, "d.total": 65543.0}


@asynccontextmanager
async def foreign_server(transport: str) -> AsyncIterator[dict[str, Any]]:
    device = SimDevice(7, simdata=[SimData(0, datatype=DataType.REGISTERS, values=_WORDS)])
    if transport == "tcp":
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        assert await server.listen()
        assert isinstance(server.transport, asyncio.Server)
        port = server.transport.sockets[0].getsockname()[1]
        yield {"transport": "tcp", "host": "127.0.0.1", "port": port, "unit_id": 7}
        await server.shutdown()  # type: ignore[no-untyped-call]
        return
    wire, kept = os.openpty()
    tty.setraw(wire)
    tty.setraw(kept)
    their, their_kept = os.openpty()
    tty.setraw(their)
    tty.setraw(their_kept)
    loop = asyncio.get_running_loop()
    # Two terminals back to back: each side opens its own port, as on a real bus.
    loop.add_reader(wire, lambda: os.write(their, os.read(wire, 4096)))
    loop.add_reader(their, lambda: os.write(wire, os.read(their, 4096)))
    serial_server = ModbusSerialServer(device, framer=FramerType.RTU, port=os.ttyname(their_kept), baudrate=9600)
    assert await serial_server.listen()
    yield {"transport": "rtu", "serial_port": os.ttyname(kept), "unit_id": 7}
    await serial_server.shutdown()  # type: ignore[no-untyped-call]
    loop.remove_reader(wire)
    loop.remove_reader(their)
    for descriptor in (wire, kept, their, their_kept):
        os.close(descriptor)


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
async def test_our_master_reads_their_server(transport: str) -> None:
    async with foreign_server(transport) as reach:
        adapter = Modbus("d", Modbus.load_config({**reach, "register": _MAP}), Host())
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(10):
            sample = await anext(samples)
        assert dict(zip(sample.datastreams, sample.values, strict=True)) == _VALUES
        assert not adapter.host.counters


async def test_their_client_reads_our_simulator() -> None:
    async with ModbusSimulator((7,)) as simulator:
        simulator.unit.set(Table.HOLDING, 0, *_WORDS)
        simulator.unit.set(Table.COIL, 3, 1, 0, 1)
        client = AsyncModbusTcpClient(simulator.host, port=simulator.port)
        assert await client.connect()
        registers = await client.read_holding_registers(0, count=6, device_id=7)
        coils = await client.read_coils(3, count=3, device_id=7)
        refused = await client.read_holding_registers(65535, count=2, device_id=7)
        client.close()
    assert registers.registers == _WORDS
    assert coils.bits[:3] == [True, False, True]
    assert refused.exception_code == 2
