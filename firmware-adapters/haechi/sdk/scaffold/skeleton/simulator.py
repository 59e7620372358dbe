"""A gauge that is not there: talks on a pseudo-terminal like the real one, and misbehaves on demand.

From a shell: ``python -m haechi.sdk.scaffold.skeleton.simulator``; the first line that it prints is the port to open.
"""

import asyncio
import contextlib
import sys
from typing import Self

from haechi.sdk.scaffold.skeleton.protocol import check_of
from haechi.sdk.terminal import Terminal


def line_of(level_m: float, state: int = 0) -> bytes:
    """Return the bytes by which the gauge says ``level_m``."""
    body = b"LVL,%04d,%d" % (round(level_m * 1000), state)
    return b"$" + body + b"*" + check_of(body) + b"\r\n"


class AcmeGaugeSimulator:
    """One gauge. An async context manager: entering starts it, ``port`` is what to open."""

    def __init__(self, *, level_m: float = 1.0, period_s: float = 0.25) -> None:
        """Show ``level_m`` and say it every ``period_s``."""
        self.level_m, self.period_s = level_m, period_s
        self.state = 0
        """What it says of itself: 0 well, 1 warming up, 2 no echo."""
        self.silent = False
        """True: it says nothing."""
        self.terminal = Terminal()

    @property
    def port(self) -> str:
        """The path that a gateway opens."""
        return self.terminal.path

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self.terminal.close()

    async def _talk(self) -> None:
        while True:
            if not self.silent:
                self.terminal.say(line_of(self.level_m, self.state))
            await asyncio.sleep(self.period_s)


async def _main() -> None:
    async with AcmeGaugeSimulator() as simulator:
        sys.stdout.write(simulator.port + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
