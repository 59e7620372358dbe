"""A device that is not there and talks by itself, on a pseudo-terminal: says a frame again and again."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from haechi.sdk.simulated import OnTerminal


class Talker(OnTerminal):
    """One device. An async context manager: entering makes it reachable at :attr:`port`."""

    def __init__(self, frame: Callable[[], bytes], *, period_s: float = 0.02) -> None:
        """Say what ``frame`` returns, every ``period_s``."""
        super().__init__()
        self.period_s = period_s
        self.silent = False
        """True: it says nothing."""
        self.noise: deque[bytes] = deque()
        """Bytes that are put on the line in place of the next frames."""
        self._frame = frame
        self._task: asyncio.Task[None] | None = None

    def unplug(self) -> None:
        """Pull the cable: the port vanishes under whoever holds it. May be called more than once."""
        if self._task is not None:
            self._task.cancel()
        super().unplug()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._task = asyncio.create_task(self._talk())
        return self

    async def _talk(self) -> None:
        while True:
            if not self.silent:
                self.put(self.noise.popleft() if self.noise else self._frame())
            await asyncio.sleep(self.period_s)
