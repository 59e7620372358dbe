"""An AGD 350 that is not there: says detect messages on a pseudo-terminal, as it does while a vehicle is in its beam.

From a shell: ``python -m haechi.adapters.agd_350.simulator --speed 57.5``.
"""

import argparse
from functools import reduce
from operator import xor

from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.talker import Talker


class Agd350Simulator(Simulated[Talker]):
    """One radar with one target. An async context manager."""

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Say where the target is every ``period_s``."""
        self.speed = 50.0
        self.unit = "K"
        """K for km/h, M for miles an hour."""
        self.direction = "A"
        """A approaching, R receding, X and Y the same simulated."""
        self.distance_m = 80.0
        self.coordinates = "P"
        self.talker = Talker(self.detect, period_s=period_s)
        super().__init__(self.talker)

    def detect(self) -> bytes:
        """Return a detect message."""
        target = f"{self.direction},{self.speed:05.1f},{self.unit},{self.distance_m:05.1f},+03.5,{self.coordinates}"
        return message(f"02,43200.25,01,01,{target},041.5")


def message(text: str) -> bytes:
    """Return ``text`` with everything around it."""
    body = text.encode("ascii") + b"*"
    return b"\x02" + body + b"%02X" % reduce(xor, body) + b"\x03"


HEARTBEAT = message("HB,43200.25")


def main() -> None:
    """Talk until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.agd_350.simulator", description=main.__doc__)
    parser.add_argument("--speed", type=float, default=50.0, metavar="KMH")
    arguments = parser.parse_args()
    simulator = Agd350Simulator(period_s=0.1)
    simulator.speed = arguments.speed
    serve(simulator)


if __name__ == "__main__":
    main()
