"""A device that is not there and talks by itself, on a pseudo-terminal: says a frame again and again."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from haechi.sdk.terminal import Terminal


class Talker:
    """One device. An async context manager: entering makes it reachable at :attr:`port`."""

    def __init__(self, frame: Callable[[], bytes], *, period_s: float = 0.02) -> None:
        """Say what ``frame`` returns, every ``period_s``."""
        self.port = ""
        self.period_s = period_s
        self.silent = False
        """True: it says nothing."""
        self.noise: deque[bytes] = deque()
        """Bytes that are put on the line in place of the next frames."""
        self._frame = frame
        self._terminal: Terminal | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether somebody holds the port."""
        return self._terminal is not None and self._terminal.is_held

    async def __aenter__(self) -> Self:
        self._terminal = Terminal()
        self.port = self._terminal.path
        self._task = asyncio.create_task(self._talk(self._terminal))
        return self

    async def __aexit__(self, *_unused: object) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._terminal is not None:
            self._terminal.close()

    async def _talk(self, terminal: Terminal) -> None:
        while True:
            if not self.silent:
                terminal.say(self.noise.popleft() if self.noise else self._frame())
            await asyncio.sleep(self.period_s)
