"""A Senseair S8 that is not there: its input registers on a pseudo-terminal.

From a shell: ``python -m haechi.adapters.senseair_s8.simulator --co2 400``.
"""

import argparse

from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.transports.modbus_frames import Table


class SenseairS8Simulator(Simulated[ModbusSlave]):
    """One sensor at the address that reaches any. An async context manager."""

    def __init__(self, *, co2_ppm: int = 400) -> None:
        """Show ``co2_ppm`` and a status without error."""
        self.slave = ModbusSlave(254)
        super().__init__(self.slave)
        self.slave.set(Table.INPUT, 25, 0x000E, 0x0012, 0x0030, 0x0152, 0x0731, 0x4A2C)
        self.show(co2_ppm)

    def show(self, co2_ppm: int, status: int = 0) -> None:
        """Say another value, with the meter status given."""
        self.slave.set(Table.INPUT, 0, status, 0, 0, co2_ppm)


def main() -> None:
    """Serve one sensor until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.senseair_s8.simulator", description=main.__doc__)
    parser.add_argument("--co2", type=int, default=400, metavar="PPM")
    arguments = parser.parse_args()
    serve(SenseairS8Simulator(co2_ppm=arguments.co2))


if __name__ == "__main__":
    main()
