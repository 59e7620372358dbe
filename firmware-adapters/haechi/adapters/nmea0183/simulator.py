"""A navigation receiver that is not there: says GSV, GGA and RMC in turn on a pseudo-terminal, or over TCP.

From a shell: ``python -m haechi.adapters.nmea0183.simulator --latitude 36.35 --longitude 127.38``.
"""

import argparse
from functools import reduce
from operator import xor

from haechi.sdk.simulated import Simulated, serve
from haechi.sdk.talker import ServedTalker, Talker


class Nmea0183Simulator(Simulated[Talker]):
    """One receiver with a fix. An async context manager."""

    def __init__(self, *, period_s: float = 0.02, over_tcp: bool = False) -> None:
        """Say all sentences every ``period_s``; the real one does so every second."""
        self.latitude, self.longitude = 36.35, 127.38
        self.speed_kn, self.course_deg, self.altitude_m = 0.0, 0.0, 70.0
        self.time = "12:35:19"
        self.date = "22.11.26"
        self.status, self.mode, self.fix = "A", "A", "1"
        """RMC's status and mode, GGA's quality."""
        self.talker = (ServedTalker if over_tcp else Talker)(self.say, period_s=period_s)
        super().__init__(self.talker)

    def say(self) -> bytes:
        """Return what it says now."""
        time = self.time.replace(":", "") + ".00"
        position = f"{_written(self.latitude, 2, 'NS')},{_written(self.longitude, 3, 'EW')}"
        rmc = f"GNRMC,{time},{self.status},{position},{self.speed_kn},{self.course_deg},{self.date.replace('.', '')}"
        return b"".join(
            sentence(body)
            for body in (
                "GPGSV,1,1,00",
                f"GNGGA,{time},{position},{self.fix},08,0.9,{self.altitude_m},M,25.0,M,,",
                f"{rmc},,,{self.mode}",
            )
        )


def sentence(body: str) -> bytes:
    """Return ``body`` with everything around it."""
    return f"${body}*{reduce(xor, body.encode('ascii')):02X}\r\n".encode("ascii")


def _written(degrees: float, digits: int, signs: str) -> str:
    whole, part = divmod(abs(degrees), 1)
    return f"{int(whole):0{digits}d}{part * 60:07.4f},{signs[degrees < 0]}"


def main() -> None:
    """Talk until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.nmea0183.simulator", description=main.__doc__)
    parser.add_argument("--latitude", type=float, default=36.35)
    parser.add_argument("--longitude", type=float, default=127.38)
    parser.add_argument("--tcp", action="store_true", help="as behind a serial server")
    arguments = parser.parse_args()
    simulator = Nmea0183Simulator(period_s=1.0, over_tcp=arguments.tcp)
    simulator.latitude, simulator.longitude = arguments.latitude, arguments.longitude
    serve(simulator)


if __name__ == "__main__":
    main()
