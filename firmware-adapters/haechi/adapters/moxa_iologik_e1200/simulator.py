"""An ioLogik E1200 that is not there: inputs, their counters, and relays behind TCP.

From a shell: ``python -m haechi.adapters.moxa_iologik_e1200.simulator --on 0 --outputs 6``. What can't be shown:
contacts that wear, and the module's own watchdog.
"""

import argparse

from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.transports.modbus_frames import Table

_INPUTS = 16


class IologikE1200Simulator(Simulated[ModbusSlave]):
    """One module with every input and relay off and every counter at zero. An async context manager."""

    def __init__(self, *, inputs: int = _INPUTS, outputs: int = 0) -> None:
        """Have ``inputs`` digital inputs and ``outputs`` relays, as the model has."""
        self.slave = ModbusSlave(1, transport="tcp")
        super().__init__(self.slave)
        for channel in range(inputs):
            self.switch(channel, on=False)
            self.count(channel, 0)
        for channel in range(outputs):
            self.slave.outputs.add((Table.COIL, channel))
            self.relay(channel, on=False)

    def switch(self, channel: int, *, on: bool) -> None:
        """Turn one input on or off."""
        self.slave.set(Table.DISCRETE, channel, int(on))

    def relay(self, channel: int, *, on: bool) -> None:
        """Let one relay stand on or off, as the module's web console can."""
        self.slave.set(Table.COIL, channel, int(on))

    @property
    def written(self) -> list[tuple[int, bool]]:
        """Return every write that reached a relay, oldest first: which, and whether it was switched on."""
        return [(address, element == 1) for _table, address, element in self.slave.written]

    def count(self, channel: int, pulses: int) -> None:
        """Let one counter stand at ``pulses``."""
        self.slave.set_packed(Table.INPUT, 0x0010 + 2 * channel, ">I", pulses)


def main() -> None:
    """Serve one module until interrupted; the first line on standard output says where."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.moxa_iologik_e1200.simulator", description=main.__doc__
    )
    parser.add_argument("--on", type=int, action="append", default=[], metavar="CHANNEL")
    parser.add_argument("--outputs", type=int, default=0, choices=range(_INPUTS + 1), metavar="RELAYS")
    parser.add_argument("--count", action="append", default=[], metavar="CHANNEL=PULSES")
    arguments = parser.parse_args()
    simulator = IologikE1200Simulator(outputs=arguments.outputs)
    for channel in arguments.on:
        simulator.switch(channel, on=True)
    for written in arguments.count:
        channel, _equals, pulses = written.partition("=")
        simulator.count(int(channel), int(pulses))
    serve(simulator)


if __name__ == "__main__":
    main()
