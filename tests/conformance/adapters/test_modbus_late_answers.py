"""A late answer is never taken for another block's value, over TCP and on a serial bus; real sockets and terminals."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.sdk import BadReading, Host, NotConnected
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_rtu import ModbusRtu
from haechi.sdk.transports.modbus_tcp import ModbusTcp
from haechi.sdk.transports.serial_line import LineSettings

TIMEOUT_S = 0.06
BLOCKS = 4
WIDTH = 5


@asynccontextmanager
async def device(transport: str) -> AsyncIterator[tuple[ModbusSimulator, Modbus]]:
    """A device of four blocks of the same length, whose registers hold their own address."""
    async with ModbusSimulator(transport=transport) as simulator:
        registers = []
        for block in range(BLOCKS):
            for place in range(WIDTH):
                address = 100 * block + place
                simulator.unit.show(address, address)
                registers.append({"name": f"r{address}", "address": address})
        reach: dict[str, Any] = {"host": simulator.host, "port": simulator.port}
        if transport == "rtu":
            reach = {"serial_port": simulator.serial_port, "baud": 115200}
        config = Modbus.load_config(
            {"transport": transport, **reach, "timeout_s": TIMEOUT_S, "period_s": 0.05, "register": registers}
        )
        yield simulator, Modbus("d", config, Host())


async def draw(adapter: Modbus, enough: int) -> int:
    """Draw ``enough`` samples, starting again as the supervisor does, and check every value; return the restarts."""
    drawn = restarts = 0
    while drawn < enough:
        try:
            async with aclosing(adapter.samples()) as samples:
                async for sample in samples:
                    for datastream, value in zip(sample.datastreams, sample.values, strict=True):
                        assert datastream == f"d.r{value:.0f}", f"{datastream} was given {value}"
                    drawn += 1
                    if drawn >= enough:
                        break
        except NotConnected:
            restarts += 1
    return restarts


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
@pytest.mark.parametrize("lateness", [1.2, 1.9, 2.5])
async def test_one_late_answer(transport: str, lateness: float) -> None:
    async with device(transport) as (simulator, adapter), asyncio.timeout(20):
        await draw(adapter, 2 * BLOCKS)
        simulator.unit.delays_s.append(lateness * TIMEOUT_S)
        await draw(adapter, 3 * BLOCKS)
        assert adapter.host.counters["no_answer"] >= 1


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
@pytest.mark.parametrize(("seed", "refused"), [(1, None), (2, 0), (3, 200)])
async def test_a_device_that_is_late_at_random(transport: str, seed: int, refused: int | None) -> None:
    """Also where one block, and so any fence that begins there, is refused."""
    chance = random.Random(seed)
    async with device(transport) as (simulator, adapter), asyncio.timeout(40):
        if refused is not None:
            simulator.unit.refused[Table.HOLDING, refused] = 2
        simulator.unit.delays_s.extend(
            chance.choice([0.0, 0.0, 0.0, 0.5, 0.9, 1.1, 1.5, 2.2]) * TIMEOUT_S for _answer in range(40)
        )
        await draw(adapter, 28)


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
async def test_a_device_that_is_always_late_gives_nothing_and_comes_back(transport: str) -> None:
    async with device(transport) as (simulator, adapter), asyncio.timeout(20):
        simulator.unit.delay_s = 1.5 * TIMEOUT_S
        for _start in range(3):
            with pytest.raises(NotConnected):
                async with aclosing(adapter.samples()) as samples:
                    await anext(samples)
        simulator.unit.delay_s = 0.0
        await draw(adapter, 2 * BLOCKS)


@asynccontextmanager
async def liar(answers: list[bytes]) -> AsyncIterator[ModbusTcp]:
    """A server that answers with whatever was prepared, with the request's transaction where the answer has none."""
    left = asyncio.Semaphore(0)
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readexactly(12)
                if answers:
                    writer.write(answers.pop(0).replace(b"TT", request[:2]))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        left.release()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    master = ModbusTcp("127.0.0.1", server.sockets[0].getsockname()[1], 1, timeout_s=0.2, retry_s=1)
    async with server:
        yield master
        master.close()
        for _connection in range(connections):
            await left.acquire()


READ = Read(Table.HOLDING, 0, 2)
RIGHT = b"TT\0\0\0\7\1\3\4\0\1\0\2"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\0\0\0\0\0\7\1\3\4\0\1\0\2", id="transaction 0"),
        pytest.param(b"\x7f\x7f\0\0\0\7\1\3\4\0\1\0\2", id="another transaction"),
        pytest.param(b"TT\0\0\0\7\2\3\4\0\1\0\2", id="another unit"),
        pytest.param(b"TT\0\0\0\7\1\4\4\0\1\0\2", id="another function"),
        pytest.param(b"TT\0\0\0\5\1\3\2\0\1", id="fewer registers"),
        pytest.param(b"TT\0\0\0\x09\1\3\6\0\1\0\2\0\3", id="more registers"),
        pytest.param(b"TT\0\0\0\7\1\3\4\0\1", id="cut short"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"TT\0\1\0\7\1\3\4\0\1\0\2", id="another protocol number"),
    ],
)
async def test_an_answer_that_does_not_agree_is_no_value(answer: bytes) -> None:
    async with liar([answer, RIGHT, RIGHT]) as master:
        with pytest.raises((BadReading, NotConnected)):
            await master.read(READ)
        assert await master.read(READ) == struct.pack(">HH", 1, 2)


async def test_the_right_answer_is_found_behind_an_unasked_one() -> None:
    async with liar([b"\0\0\0\0\0\7\1\3\4\0\x09\0\x09" + RIGHT]) as master:
        assert await master.read(READ) == struct.pack(">HH", 1, 2)
        assert master.strays == 1


async def test_a_cancelled_read_leaves_no_answer_behind() -> None:
    async with ModbusSimulator() as simulator:
        simulator.unit.show(0, 1)
        simulator.unit.show(1, 2)
        simulator.unit.delays_s.append(0.05)
        master = ModbusTcp(simulator.host, simulator.port, 1, timeout_s=5, retry_s=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await master.read(Read(Table.HOLDING, 0, 1))
        assert await master.read(Read(Table.HOLDING, 1, 1)) == b"\0\2"
        master.close()


async def test_a_port_that_is_opened_again_remembers_what_the_device_may_still_answer() -> None:
    """Else the late answer to the fence of the last opening would pass for the answer to this one's."""
    async with ModbusSimulator(transport="rtu") as simulator:
        read = Read(Table.HOLDING, 0, 5)
        settings = LineSettings(simulator.serial_port, 115200)
        asked: list[bytes] = []

        def hear(pdu: bytes) -> None:
            asked.append(pdu)

        simulator.unit.answer = hear  # type: ignore[method-assign]
        master = ModbusRtu(settings, 1, timeout_s=TIMEOUT_S, retry_s=1)
        for _opening in range(3):
            master.join([read])
            with pytest.raises(NotConnected):
                await master.read(read)
            master.close()
        assert len(asked) == 3
        assert len(set(asked)) == 3
        assert read.pdu not in asked
