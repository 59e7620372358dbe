"""A Raspberry Shake that is not there: sends its datacast to a UDP port, as often as the real one does.

From a shell: ``python -m haechi.adapters.raspberry_shake.simulator --port 8888``.
"""

import argparse
import asyncio
import socket
from contextlib import suppress
from typing import Self

_RATE_HZ = 100


class RaspberryShakeSimulator:
    """One Shake whose ground stands still at some count. An async context manager."""

    def __init__(self, port: int, *, period_s: float = 0.25) -> None:
        """Send to ``port`` on 127.0.0.1, every ``period_s`` what was sampled meanwhile."""
        self.counts: dict[str, int] = {"EHZ": 0}
        """Channel → the count that its next packets hold."""
        self.silent = False
        """True: it sends nothing."""
        self.period_s = period_s
        self._first_ms = 1_700_000_000_000
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._task: asyncio.Task[None] | None = None

    @property
    def samples(self) -> int:
        """How many samples a packet holds."""
        return max(1, round(self.period_s * _RATE_HZ))

    def packet(self, channel: str) -> bytes:
        """Return what it says of a channel now."""
        seconds, milliseconds = divmod(self._first_ms, 1000)
        counts = ", ".join([str(self.counts[channel])] * self.samples)
        return f"{{'{channel}', {seconds}.{milliseconds:03d}, {counts}}}".encode("ascii")

    def send(self, data: bytes) -> None:
        """Send raw bytes now."""
        with suppress(OSError):  # nobody listens: a datagram is lost without a word
            self._socket.sendto(data, self._to)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        if self._task is not None:
            self._task.cancel()
        self._socket.close()

    async def _talk(self) -> None:
        while True:
            if not self.silent:
                for channel in self.counts:
                    self.send(self.packet(channel))
            self._first_ms += self.samples * 1000 // _RATE_HZ
            await asyncio.sleep(self.period_s)


def main() -> None:
    """Send until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.raspberry_shake.simulator", description=main.__doc__
    )
    parser.add_argument("--port", type=int, default=8888)
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.port))


async def _main(port: int) -> None:
    async with RaspberryShakeSimulator(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
