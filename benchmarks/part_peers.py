"""Modbus as others speak it: our master reads a device made of libmodbus, and mbpoll reads our simulator; TCP and RTU.

Needs ``mbpoll``, which brings libmodbus, and ``socat`` for a pair of serial ports (Debian: both by their names); where
they are not installed nothing is tried.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.libmodbus_server import ELEMENTS, UNIT
from benchmarks.processes import Process
from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.sdk import Host

_WAIT_S = 10.0
_MAP = [
    {"name": "r{index}", "first": 0, "count": ELEMENTS},
    {"name": "i{index}", "first": 0, "count": ELEMENTS, "table": "input"},
    {"name": "c{index}", "first": 0, "count": ELEMENTS, "table": "coil"},
    {"name": "d{index}", "first": 0, "count": ELEMENTS, "table": "discrete"},
]
_TOLD = re.compile(r"^\[(\d+)\]:\s+(\d+)", re.MULTILINE)


async def measure(bench: Bench) -> Sequence[Figure]:
    """Read in both directions, and count what was read right."""
    if shutil.which("mbpoll") is None or shutil.which("socat") is None:
        bench.say("mbpoll or socat is not installed")
        return []
    with Process(bench.folder, "benchmarks.libmodbus_server") as server:
        port = (await server.line())["port"]
        theirs_tcp = await _read_by_us({"transport": "tcp", "host": "127.0.0.1", "port": port, "unit_id": 255})
    async with _serial_pair(bench.folder) as (here, there):
        with Process(bench.folder, "benchmarks.libmodbus_server", str(there)) as server:
            await server.line()
            reach = {"transport": "rtu", "serial_port": str(here), "baud": 115200, "unit_id": UNIT}
            theirs_rtu = await _read_by_us(reach)
    async with ModbusSimulator((UNIT,)) as simulator:
        _fill(simulator)
        ours_tcp = await _read_by_mbpoll("-m", "tcp", "-p", str(simulator.port), "127.0.0.1")
    async with ModbusSimulator((UNIT,), transport="rtu") as simulator:
        _fill(simulator)
        ours_rtu = await _read_by_mbpoll("-m", "rtu", "-b", "115200", "-P", "none", simulator.serial_port)
    return [
        Figure("peers.libmodbus_tcp_read", theirs_tcp, "values", 4 * ELEMENTS, "more"),
        Figure("peers.libmodbus_rtu_read", theirs_rtu, "values", 4 * ELEMENTS, "more"),
        Figure("peers.mbpoll_tcp_reads_ours", ours_tcp, "values", ELEMENTS, "more"),
        Figure("peers.mbpoll_rtu_reads_ours", ours_rtu, "values", ELEMENTS, "more"),
    ]


async def _read_by_us(reach: dict[str, Any]) -> int:
    """Return how many values of a libmodbus device our adapter reads as they are."""
    adapter = Modbus("d", Modbus.load_config({**reach, "registers": _MAP}), Host())
    right = {f"d.{name}{number}": 1000.0 + number for name in "ri" for number in range(ELEMENTS)}
    right |= {f"d.{name}{number}": bool(number % 2) for name in "cd" for number in range(ELEMENTS)}
    read: dict[str, object] = {}
    async with aclosing(adapter.samples()) as samples, asyncio.timeout(_WAIT_S):
        while len(read) < len(right):
            sample = await anext(samples)
            read.update(zip(sample.datastreams, sample.values, strict=True))
    return sum(read[name] == value for name, value in right.items())


def _fill(simulator: ModbusSimulator) -> None:
    for number in range(ELEMENTS):
        simulator.unit.show(number, 1000 + number)


async def _read_by_mbpoll(*way: str) -> int:
    """Return how many registers of our simulator mbpoll reads as they are."""
    command = ("mbpoll", "-1", "-0", "-a", str(UNIT), "-r", "0", "-c", str(ELEMENTS), *way)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(_WAIT_S):
        said, _errors = await process.communicate()
    return sum(int(number) == 1000 + int(place) for place, number in _TOLD.findall(said.decode()))


@asynccontextmanager
async def _serial_pair(folder: Path) -> AsyncIterator[tuple[Path, Path]]:
    """Yield two serial ports that are one wire."""
    ends = folder / "here", folder / "there"
    socat = await asyncio.create_subprocess_exec("socat", *(f"pty,raw,echo=0,link={end}" for end in ends))
    try:
        async with asyncio.timeout(_WAIT_S):
            while not all(end.exists() for end in ends):  # noqa: ASYNC110 - socat tells nobody when it has made them
                await asyncio.sleep(0.02)
        yield ends
    finally:
        socat.terminate()
        await socat.wait()
