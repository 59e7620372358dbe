"""A Senseair S8 that is not there: its input registers on a pseudo-terminal.

From a shell: ``python -m haechi.adapters.senseair_s8.simulator --co2 400``.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from typing import Self

from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.transports.modbus_frames import Table


class SenseairS8Simulator:
    """One sensor at the address that reaches any. An async context manager."""

    def __init__(self, *, co2_ppm: int = 400) -> None:
        """Show ``co2_ppm`` and a status without error."""
        self.slave = ModbusSlave(254)
        self.show(co2_ppm)

    def show(self, co2_ppm: int, status: int = 0) -> None:
        """Say another value, with the meter status given."""
        self.slave.set(Table.INPUT, 0, status, 0, 0, co2_ppm)

    async def __aenter__(self) -> Self:
        await self.slave.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self.slave.__aexit__()


def main() -> None:
    """Serve one sensor until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.senseair_s8.simulator", description=main.__doc__)
    parser.add_argument("--co2", type=int, default=400, metavar="PPM")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.co2))


async def _main(co2_ppm: int) -> None:
    async with SenseairS8Simulator(co2_ppm=co2_ppm) as simulator:
        sys.stdout.write(simulator.slave.serial_port + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
