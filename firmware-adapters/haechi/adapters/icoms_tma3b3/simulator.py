"""An Icoms TMA-3B3 that is not there: says a vehicle again and again on a pseudo-terminal, in message protocol 121.

From a shell: ``python -m haechi.adapters.icoms_tma3b3.simulator --speed 43``: a vehicle a second.
"""

import argparse

from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.talker import Talker

_LENGTH_DM = 45


class IcomsTma3b3Simulator(Simulated[Talker]):
    """One counter at a road on which every vehicle is alike. An async context manager."""

    def __init__(self, *, period_s: float = 0.02, counts: bool = False) -> None:
        """Let a vehicle pass every ``period_s``; ``counts`` lets the count rise with each."""
        self.speed_kmh, self.counter, self.range_cm = 50, 1, 320
        self.is_outgoing = False
        self.detection_type = 1
        self.clock = "2026-11-22T12:35:19.25"
        """What its clock says; zeros where it was never set."""
        self._counts = counts
        self.talker = Talker(self.pass_by, period_s=period_s)
        super().__init__(self.talker)

    def pass_by(self) -> bytes:
        """Return what it says of a vehicle that passes now."""
        year, month, day, hour, minute, second, hundredth = (
            int(part, 16) for part in self.clock[2:].replace("T", "-").replace(":", "-").replace(".", "-").split("-")
        )
        payload = bytes([self.speed_kmh, _LENGTH_DM, hundredth, second, minute, hour, day | 0x80 * self.is_outgoing])
        payload += bytes([month]) + self.counter.to_bytes(3, "little") + self.range_cm.to_bytes(2, "little")
        payload += bytes([self.detection_type, 0x20, year])
        self.counter = (self.counter + self._counts) % 2**24
        return b"\x02\x99" + payload + b"\x03"


def main() -> None:
    """Count until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.icoms_tma3b3.simulator", description=main.__doc__)
    parser.add_argument("--speed", type=int, default=50, metavar="KMH")
    arguments = parser.parse_args()
    simulator = IcomsTma3b3Simulator(period_s=1.0, counts=True)
    simulator.speed_kmh = arguments.speed
    serve(simulator)


if __name__ == "__main__":
    main()
