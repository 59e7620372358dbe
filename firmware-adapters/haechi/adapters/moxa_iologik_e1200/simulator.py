"""An ioLogik E1210 that is not there: sixteen inputs and their counters behind TCP.

From a shell: ``python -m haechi.adapters.moxa_iologik_e1200.simulator --on 0 --count 8=1234``.
"""

import argparse

from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.transports.modbus_frames import Table

_INPUTS = 16


class IologikE1200Simulator(Simulated[ModbusSlave]):
    """One module with every input off and every counter at zero. An async context manager."""

    def __init__(self, *, inputs: int = _INPUTS) -> None:
        """Have ``inputs`` digital inputs, as the model has."""
        self.slave = ModbusSlave(1, transport="tcp")
        super().__init__(self.slave)
        for channel in range(inputs):
            self.switch(channel, on=False)
            self.count(channel, 0)

    def switch(self, channel: int, *, on: bool) -> None:
        """Turn one input on or off."""
        self.slave.set(Table.DISCRETE, channel, int(on))

    def count(self, channel: int, pulses: int) -> None:
        """Let one counter stand at ``pulses``."""
        self.slave.set_packed(Table.INPUT, 0x0010 + 2 * channel, ">I", pulses)


def main() -> None:
    """Serve one module until interrupted; the first line on standard output says where."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.moxa_iologik_e1200.simulator", description=main.__doc__
    )
    parser.add_argument("--on", type=int, action="append", default=[], metavar="CHANNEL")
    parser.add_argument("--count", action="append", default=[], metavar="CHANNEL=PULSES")
    arguments = parser.parse_args()
    simulator = IologikE1200Simulator()
    for channel in arguments.on:
        simulator.switch(channel, on=True)
    for written in arguments.count:
        channel, _equals, pulses = written.partition("=")
        simulator.count(int(channel), int(pulses))
    serve(simulator)


if __name__ == "__main__":
    main()
