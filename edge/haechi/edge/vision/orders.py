"""Clips that are wanted of one camera, until its process takes them.

Promise: bounded; whoever puts one down learns which one goes for it; one that lay waiting is handed out as old as it is
by then, so no process takes other seconds for the event's.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from haechi.edge.vision.messages import ClipWanted

_ORDERS_MAX = 8


class Orders:
    """Clips that are wanted of one camera; bounded, the oldest goes."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Begins with none; `clock_s` only rises."""
        self._clock_s = clock_s
        self._waiting: deque[tuple[ClipWanted, float]] = deque()
        self._some = asyncio.Event()

    def give(self, wanted: ClipWanted) -> ClipWanted | None:
        """Puts one down; returns the one that goes for it."""
        self._waiting.append((wanted, self._clock_s()))
        self._some.set()
        return self._waiting.popleft()[0] if len(self._waiting) > _ORDERS_MAX else None

    async def next(self) -> ClipWanted:
        """Waits for the next one; what it is to show is older by as long as it lay here."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        wanted, given_s = self._waiting.popleft()
        return replace(wanted, age_s=wanted.age_s + self._clock_s() - given_s)
