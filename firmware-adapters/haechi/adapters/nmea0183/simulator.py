"""A navigation receiver that is not there: says GSV, GGA and RMC in turn on a pseudo-terminal.

From a shell: ``python -m haechi.adapters.nmea0183.simulator --latitude 36.35 --longitude 127.38``.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from functools import reduce
from operator import xor
from typing import Self

from haechi.sdk.talker import Talker


class Nmea0183Simulator:
    """One receiver with a fix. An async context manager."""

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Say all sentences every ``period_s``; the real one does so every second."""
        self.latitude, self.longitude = 36.35, 127.38
        self.speed_kn, self.course_deg, self.altitude_m = 0.0, 0.0, 70.0
        self.time = "12:35:19"
        self.date = "22.11.26"
        self.status, self.mode, self.fix = "A", "A", "1"
        """RMC's status and mode, GGA's quality."""
        self.talker = Talker(self.say, period_s=period_s)

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

    async def __aenter__(self) -> Self:
        await self.talker.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self.talker.__aexit__()


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
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.latitude, arguments.longitude))


async def _main(latitude: float, longitude: float) -> None:
    async with Nmea0183Simulator(period_s=1.0) as simulator:
        simulator.latitude, simulator.longitude = latitude, longitude
        sys.stdout.write(simulator.talker.port + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
