"""A Plantower PMS5003 that is not there: talks on a pseudo-terminal as in active mode.

From a shell: ``python -m haechi.adapters.plantower_pms5003.simulator --pm2-5 35``.
"""

import argparse
import asyncio
import struct
import sys
from contextlib import suppress
from typing import Self

from haechi.sdk.talker import Talker

_NUMBERS = 13


class PlantowerPms5003Simulator:
    """One sensor with clean air. An async context manager."""

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Talk every ``period_s``; the real one does so every 0.2 to 2.3 s."""
        self.numbers = [0] * _NUMBERS
        """Data 1 to 13 of the manual, from place 0 on."""
        self.talker = Talker(self.frame, period_s=period_s)

    def frame(self) -> bytes:
        """Return what it says now."""
        body = b"BM" + struct.pack(f">H{_NUMBERS}H", 2 * _NUMBERS + 2, *self.numbers)
        return body + struct.pack(">H", sum(body))

    async def __aenter__(self) -> Self:
        await self.talker.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self.talker.__aexit__()


def main() -> None:
    """Talk until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.plantower_pms5003.simulator", description=main.__doc__
    )
    parser.add_argument("--pm2-5", type=int, default=12, metavar="UG_PER_M3")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.pm2_5))


async def _main(pm2_5: int) -> None:
    async with PlantowerPms5003Simulator(period_s=1.0) as simulator:
        simulator.numbers[4] = pm2_5
        sys.stdout.write(simulator.talker.port + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
