"""A gauge that is not there: talks on a pseudo-terminal like the real one, and misbehaves on demand.

From a shell: ``python -m haechi.adapters.serial_level.simulator --protocol a02 --distance 1.953``.
"""

import argparse
from collections import deque

from haechi.sdk.simulated import serve
from haechi.sdk.talker import Talker

_LEDGER_MAX = 100_000


def frame_of(protocol: str, distance_m: float) -> bytes:
    """Return the bytes by which a gauge says ``distance_m``."""
    millimetres = round(distance_m * 1000)
    if protocol == "maxbotix_r":
        return b"R%04d\r" % millimetres
    body = bytes([0xFF]) + millimetres.to_bytes(2, "big")
    return body + bytes([sum(body) & 0xFF])


class SerialLevelSimulator(Talker):
    """One gauge on a pseudo-terminal. An async context manager: entering starts it, ``port`` is what to open."""

    def __init__(self, protocol: str = "maxbotix_r", *, distance_m: float = 2.0, period_s: float = 0.15) -> None:
        """Show ``distance_m`` and say it every ``period_s``."""
        super().__init__(lambda: frame_of(self.protocol, self.distance_m), period_s=period_s)
        self.protocol = protocol
        self.ledger: deque[float] = deque([distance_m], maxlen=_LEDGER_MAX)
        """Every distance that was ever shown, oldest first."""

    @property
    def distance_m(self) -> float:
        """The distance that it shows; set it to show another from the next frame on."""
        return self.ledger[-1]

    @distance_m.setter
    def distance_m(self, distance_m: float) -> None:
        self.ledger.append(distance_m)


def main() -> None:
    """Talk until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.serial_level.simulator", description=main.__doc__)
    parser.add_argument("--protocol", choices=["maxbotix_r", "a02"], default="maxbotix_r")
    parser.add_argument("--distance", type=float, default=2.0, metavar="METRES")
    arguments = parser.parse_args()
    serve(SerialLevelSimulator(arguments.protocol, distance_m=arguments.distance))


if __name__ == "__main__":
    main()
