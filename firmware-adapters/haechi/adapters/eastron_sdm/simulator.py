"""An Eastron meter that is not there: its input registers on a pseudo-terminal.

From a shell: ``python -m haechi.adapters.eastron_sdm.simulator --power 1500``.
"""

import argparse

from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.transports.modbus_frames import Table

_ADDRESSES = {
    f"{name}_l{phase + 1}": 6 * row + 2 * phase
    for row, name in enumerate(("voltage", "current", "power"))
    for phase in range(3)
}
_ADDRESSES |= {"power": 52, "power_factor": 62, "frequency": 70, "energy_import": 72, "energy_export": 74}
_PARAMETERS_MAX = 40


class EastronSdmSimulator(Simulated[ModbusSlave]):
    """One meter without load. An async context manager."""

    def __init__(self) -> None:
        """Hold a quiet grid of 230 V and 50 Hz."""
        self.slave = ModbusSlave(1)
        super().__init__(self.slave)
        self.slave.registers_max = 2 * _PARAMETERS_MAX
        self.slave.set(Table.HOLDING, 0xFC00, 0x0143, 0xB2F7)
        for name in _ADDRESSES:
            self.show(name, 0.0)
        for phase in ("l1", "l2", "l3"):
            self.show(f"voltage_{phase}", 230.0)
        self.show("power_factor", 1.0)
        self.show("frequency", 50.0)

    def show(self, name: str, value: float) -> None:
        """Let a parameter have a value."""
        self.slave.set_packed(Table.INPUT, _ADDRESSES[name], ">f", value)


def main() -> None:
    """Serve one meter until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.eastron_sdm.simulator", description=main.__doc__)
    parser.add_argument("--power", type=float, default=0.0, metavar="WATTS")
    arguments = parser.parse_args()
    simulator = EastronSdmSimulator()
    simulator.show("power", arguments.power)
    serve(simulator)


if __name__ == "__main__":
    main()
