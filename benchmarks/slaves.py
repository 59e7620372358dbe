"""Modbus/TCP devices that answer as fast as they are asked: ``python -m benchmarks.slaves``.

One port; every connection is a device of its own, whatever unit it names. Registers walk: each read finds every number
a little higher or lower than the read before, as a street sensor's do. Answers are cut from tables made beforehand, so
that devices cost a small share of the gateway that is measured; the project's own simulator would have to be told every
number, and shares its process with whoever tells it.
The first line on standard output says the port.
"""

import asyncio
import random
from array import array
from itertools import count

from benchmarks.processes import tell
from support.modbus_answers import ModbusAnswers

REGISTERS = 2_000
_TURNS = 64
_MIDDLE, _STEP_MAX = 20_000, 3


def walk(chance: random.Random) -> list[bytes]:
    """Return what the registers hold turn after turn, big-endian; the last turn leads back to the first."""
    numbers = [_MIDDLE + chance.randrange(-5_000, 5_000) for _ in range(REGISTERS)]
    turns: list[bytes] = []
    for _ in range(_TURNS):
        numbers = [number + chance.randint(-_STEP_MAX, _STEP_MAX) for number in numbers]
        words = array("H", numbers)
        words.byteswap()
        turns.append(words.tobytes())
    return turns + turns[-2:0:-1]


class _Device:
    def __init__(self, turns: list[bytes], begin: int) -> None:
        self._turns, self._turn = turns, begin

    def registers(self, first: int, count: int) -> bytes:
        self._turn += 1
        return self._turns[self._turn % len(self._turns)][2 * first : 2 * (first + count)]


async def _main() -> None:
    turns = walk(random.Random(1))
    begins = count(0, 7)
    server = await asyncio.get_running_loop().create_server(
        lambda: ModbusAnswers(_Device(turns, next(begins)).registers), "127.0.0.1", 0
    )
    tell({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
