"""Modbus/TCP devices that write down when they are asked: ``python -m benchmarks.punctual_slaves --period 1.0``.

Two ports: on the first every connection is a device that answers at once; on the second nobody ever answers. The first
line on standard output says both. After each line on standard input a line says what was seen since the one before:
how many devices were asked how often, and how late they were asked, each by its own grid.
"""

import argparse
import asyncio
import sys

from benchmarks.processes import tell
from support.modbus_answers import ModbusAnswers


class Grid:
    """When one device was asked."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.times_s: list[float] = []

    def lateness_s(self, period_s: float) -> list[float]:
        """Return how late each request came by a grid of ``period_s`` through the most punctual one."""
        if not self.times_s:
            return []
        first_s = self.times_s[0]
        offsets = [at_s - first_s - period_s * round((at_s - first_s) / period_s) for at_s in self.times_s]
        return [offset - min(offsets) for offset in offsets]


async def _main(period_s: float) -> None:
    loop = asyncio.get_running_loop()
    grids: list[Grid] = []

    def device() -> ModbusAnswers:
        grid = Grid()
        grids.append(grid)

        def registers(_first: int, count: int) -> bytes:
            grid.times_s.append(loop.time())
            return bytes(2 * count)

        return ModbusAnswers(registers)

    alive = await loop.create_server(device, "127.0.0.1", 0)
    dead = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    tell({"port": alive.sockets[0].getsockname()[1], "dead": dead.sockets[0].getsockname()[1]})
    while await asyncio.to_thread(sys.stdin.readline):
        asked = [grid for grid in grids if grid.times_s]
        late_s = [late for grid in asked for late in grid.lateness_s(period_s)]
        tell({"devices": len(asked), "requests": len(late_s), "late_s": late_s})
        for grid in grids:
            grid.times_s.clear()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--period", type=float, required=True)
    asyncio.run(_main(parser.parse_args().period))
