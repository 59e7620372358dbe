"""A VEGAPULS 61 that is not there: its registers on a pseudo-terminal or behind TCP.

From a shell: ``python -m haechi.adapters.vegapuls61.simulator --distance 3.2``.
"""

import argparse
import struct
from typing import Literal

from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.transports.modbus_frames import Table

_METRES, _CELSIUS = 45, 32


class Vegapuls61Simulator(Simulated[ModbusSlave]):
    """One gauge with PV a distance in metres and SV its electronics' temperature. An async context manager."""

    def __init__(self, *, transport: Literal["rtu", "tcp"] = "rtu", unit: int = 246, distance: float = 2.5) -> None:
        """Show ``distance`` in metres."""
        self.slave = ModbusSlave(unit, transport=transport)
        super().__init__(self.slave)
        self._units = [_METRES, _CELSIUS, _METRES, _METRES]
        self._values = [distance, 21.5, 0.0, 0.0]
        self._status = 0
        self._publish()

    def show(self, place: int, value: float, unit: int | None = None) -> None:
        """Let PV (place 0), SV, TV or QV be ``value``, in the unit set or in another."""
        self._values[place] = value
        if unit is not None:
            self._units[place] = unit
        self._publish()

    def invalidate(self, *places: int) -> None:
        """Mark these variables as invalid, all others as valid."""
        self._status = sum(1 << place for place in places)
        self._publish()

    def _publish(self) -> None:
        slave = self.slave
        for first, layout in ((100, ">I"), (2000, ">I")):
            slave.set_packed(Table.INPUT, first, layout, self._status)
        for place, (unit, value) in enumerate(zip(self._units, self._values, strict=True)):
            slave.set_packed(Table.INPUT, 104 + 4 * place, ">I", unit)
            high, low = _float_words(value)
            slave.set(Table.INPUT, 106 + 4 * place, low, high)
            slave.set(Table.INPUT, 2002 + 2 * place, high, low)


def _float_words(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def main() -> None:
    """Serve one gauge until interrupted; the first line on standard output says where."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.vegapuls61.simulator", description=main.__doc__)
    parser.add_argument("--transport", choices=["rtu", "tcp"], default="rtu")
    parser.add_argument("--unit", type=int, default=246)
    parser.add_argument("--distance", type=float, default=2.5, metavar="METRES")
    arguments = parser.parse_args()
    serve(Vegapuls61Simulator(transport=arguments.transport, unit=arguments.unit, distance=arguments.distance))


if __name__ == "__main__":
    main()
