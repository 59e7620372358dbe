"""Two adapters and a recording share one serial line; whoever listens disturbs nobody."""

import asyncio
import stat
from contextlib import aclosing
from pathlib import Path

import pytest

from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.sdk import Host, NotConnected
from haechi.sdk.switchboard import Heard, Switchboard, overhear
from haechi.sdk.transports.modbus_frames import rtu_frame
from haechi.sdk.wire import attached


def on_the_bus(simulator: ModbusSimulator, unit: int) -> Modbus:
    register = {"name": "level", "address": 0}
    written = {"transport": "rtu", "serial_port": simulator.serial_port, "baud": 115200, "period_s": 0.05}
    return Modbus(f"d{unit}", Modbus.load_config({**written, "unit_id": unit, "register": [register]}), Host())


async def somebody_listens(board: Switchboard) -> None:
    while not board.is_heard:  # noqa: ASYNC110 - nobody is told when a connection is accepted
        await asyncio.sleep(0)


async def test_two_adapters_and_a_listener_share_a_line(tmp_path: Path) -> None:
    path = tmp_path / "wire.sock"
    async with ModbusSimulator((1, 2), transport="rtu") as simulator, Switchboard(path) as board:
        for unit in (1, 2):
            simulator.units[unit].show(0, 100 * unit)
        with attached(board):
            async with (
                asyncio.timeout(10),
                aclosing(on_the_bus(simulator, 1).samples()) as first,
                aclosing(on_the_bus(simulator, 2).samples()) as second,
                aclosing(overhear(path)) as passing,
            ):
                assert (await anext(first)).values == (100.0,)
                hearing = asyncio.ensure_future(anext(passing))
                await somebody_listens(board)
                heard = []
                for _round in range(5):
                    assert (await anext(second)).values == (200.0,)
                    assert (await anext(first)).values == (100.0,)
                    heard.append(await hearing)
                    hearing = asyncio.ensure_future(anext(passing))
                while not {1, 2} <= {one.data[0] for one in heard if one.way == "sent"}:
                    await anext(second)
                    heard.append(await hearing)
                    hearing = asyncio.ensure_future(anext(passing))
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)
        assert {one.address for one in heard} == {simulator.serial_port}
        answers = {rtu_frame(1, b"\x03\x02\x00\x64"), rtu_frame(2, b"\x03\x02\x00\xc8")}
        assert any(one.data in answers for one in heard if one.way == "came")


async def test_the_socket_is_the_gateways_own_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "wire.sock"
    path.touch()  # left by a gateway that was killed
    async with Switchboard(path) as board:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        hearing = asyncio.ensure_future(anext(overhear(path)))
        await somebody_listens(board)
    with pytest.raises(NotConnected, match="the gateway has ended"):
        await hearing
    with pytest.raises(NotConnected, match="no gateway offers its wires here"):
        await anext(overhear(path))


async def test_a_listener_that_does_not_keep_up_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "wire.sock"
    async with Switchboard(path) as board, asyncio.timeout(10):
        tap = board.tap("/dev/ttyUSB0", lambda _data: None)
        passing = overhear(path)
        hearing = asyncio.ensure_future(anext(passing))
        await somebody_listens(board)
        assert tap.came(b"first") == b"first"
        assert await hearing == Heard("came", "/dev/ttyUSB0", b"first")
        told = 0
        while board.is_heard:  # nobody reads any more, and the wire goes on
            tap.came(bytes(65536))
            told += 1
            assert told < 1000
            await asyncio.sleep(0)
        await passing.aclose()
