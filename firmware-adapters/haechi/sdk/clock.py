"""Monotonic time for adapters: pacing without the wall clock, so that a test can drive it.

Seconds from an arbitrary start. An adapter never learns what time of day it is; the gateway stamps samples.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only rise, and waiting for them."""

    def now(self) -> float:
        """Return seconds since an arbitrary start."""

    async def sleep_until(self, when_s: float) -> None:
        """Return once :meth:`now` has reached ``when_s``; yields to the event loop at least once."""

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""


class MonotonicClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        """Return seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep_until(self, when_s: float) -> None:
        """Return once :meth:`now` has reached ``when_s``; yields to the event loop at least once."""
        await asyncio.sleep(max(0.0, when_s - self.now()))

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        await asyncio.sleep(seconds)


class ScaledClock(MonotonicClock):
    """A clock that runs ``speed`` times as fast as the machine's, for a recording that is played faster."""

    def __init__(self, speed: float) -> None:
        """``speed`` is above zero."""
        self._speed = speed

    def now(self) -> float:
        """Return seconds since an arbitrary start."""
        return super().now() * self._speed

    async def sleep_until(self, when_s: float) -> None:
        """Return once :meth:`now` has reached ``when_s``; yields to the event loop at least once."""
        await asyncio.sleep(max(0.0, when_s - self.now()) / self._speed)

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of this clock."""
        await asyncio.sleep(seconds / self._speed)
