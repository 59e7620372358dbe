"""A gauge that is not there: talks on a pseudo-terminal like the real one, and misbehaves on demand.

From a shell: ``python -m haechi.adapters.serial_level.simulator --protocol a02 --distance 1.953``.
"""

import argparse
import asyncio
import sys
from collections import deque
from contextlib import suppress
from typing import Self

from haechi.sdk.terminal import Terminal

_LEDGER_MAX = 100_000


def frame_of(protocol: str, distance_m: float) -> bytes:
    """Return the bytes by which a gauge says ``distance_m``."""
    millimetres = round(distance_m * 1000)
    if protocol == "maxbotix_r":
        return b"R%04d\r" % millimetres
    body = bytes([0xFF]) + millimetres.to_bytes(2, "big")
    return body + bytes([sum(body) & 0xFF])


class SerialLevelSimulator:
    """One gauge on a pseudo-terminal. An async context manager: entering starts it, ``port`` is what to open."""

    def __init__(self, protocol: str = "maxbotix_r", *, distance_m: float = 2.0, period_s: float = 0.15) -> None:
        """Show ``distance_m`` and say it every ``period_s``."""
        self.protocol, self.period_s = protocol, period_s
        self.port = ""
        self.ledger: deque[float] = deque([distance_m], maxlen=_LEDGER_MAX)
        """Every distance that was ever shown, oldest first."""
        self.silent = False
        """True: it says nothing."""
        self.noise: deque[bytes] = deque()
        """Bytes that are put on the line in place of the next frames."""
        self._task: asyncio.Task[None] | None = None

    @property
    def distance_m(self) -> float:
        """The distance that it shows; set it to show another from the next frame on."""
        return self.ledger[-1]

    @distance_m.setter
    def distance_m(self, distance_m: float) -> None:
        self.ledger.append(distance_m)

    @property
    def is_held(self) -> bool:
        """Tell whether somebody holds the port."""
        return self._terminal.is_held

    def say(self, data: bytes) -> None:
        """Put raw bytes on the line now."""
        self._terminal.say(data)

    def unplug(self) -> None:
        """Pull the cable: the port vanishes under whoever holds it."""
        if self._task is not None:
            self._task.cancel()
        self._terminal.close()

    async def __aenter__(self) -> Self:
        self._terminal = Terminal()
        self.port = self._terminal.path
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self.unplug()

    async def _talk(self) -> None:
        while True:
            if not self.silent:
                self.say(self.noise.popleft() if self.noise else frame_of(self.protocol, self.distance_m))
            await asyncio.sleep(self.period_s)


def main() -> None:
    """Talk until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.serial_level.simulator", description=main.__doc__)
    parser.add_argument("--protocol", choices=["maxbotix_r", "a02"], default="maxbotix_r")
    parser.add_argument("--distance", type=float, default=2.0, metavar="METRES")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.protocol, arguments.distance))


async def _main(protocol: str, distance_m: float) -> None:
    async with SerialLevelSimulator(protocol, distance_m=distance_m) as simulator:
        sys.stdout.write(simulator.port + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
