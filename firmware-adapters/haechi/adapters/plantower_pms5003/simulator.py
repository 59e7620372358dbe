"""A Plantower PMS5003 that is not there: talks on a pseudo-terminal as in active mode.

From a shell: ``python -m haechi.adapters.plantower_pms5003.simulator --pm2-5 35``.
"""

import argparse
import struct

from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.talker import Talker

_NUMBERS = 13


class PlantowerPms5003Simulator(Simulated[Talker]):
    """One sensor with clean air. An async context manager."""

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Talk every ``period_s``; the real one does so every 0.2 to 2.3 s."""
        self.numbers = [0] * _NUMBERS
        """Data 1 to 13 of the manual, from place 0 on."""
        self.talker = Talker(self.frame, period_s=period_s)
        super().__init__(self.talker)

    def frame(self) -> bytes:
        """Return what it says now."""
        body = b"BM" + struct.pack(f">H{_NUMBERS}H", 2 * _NUMBERS + 2, *self.numbers)
        return body + struct.pack(">H", sum(body))


def main() -> None:
    """Talk until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.plantower_pms5003.simulator", description=main.__doc__
    )
    parser.add_argument("--pm2-5", type=int, default=12, metavar="UG_PER_M3")
    arguments = parser.parse_args()
    simulator = PlantowerPms5003Simulator(period_s=1.0)
    simulator.numbers[4] = arguments.pm2_5
    serve(simulator)


if __name__ == "__main__":
    main()
