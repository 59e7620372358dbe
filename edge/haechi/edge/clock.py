"""The gateway's wall clock: microseconds since 1970 UTC that only rise.

Promise: :meth:`WallClock.stamp` never gives the same time twice and never an earlier one within a *generation*. A
machine clock that is set back by more than 50 ms begins a new generation, for which the outbox draws a new epoch
(without one, points of the second pass through an hour would overwrite those of the first). A smaller step back is
waited out. A clock that stands before what is known to be past (a Raspberry Pi that starts in 1970) is lifted there,
unless the system says that it is synchronised, and :attr:`WallClock.quality` says so.
"""

import ctypes
import time
from collections.abc import Callable

from haechi.contract.parcel import ClockQuality

STEP_BACK_US = 50_000
BUILD_US = 1_767_225_600_000_000
"""2026-01-01: no honest clock stands before this software was written."""
_SYNCHRONISED_EVERY_US = 30_000_000
_TIMEX_BYTES = 512
_TIME_ERROR = 5


def read_system_us() -> int:
    """Return the machine's wall clock."""
    return time.time_ns() // 1000


def system_synchronised() -> bool:
    """Tell whether a time source disciplines the machine's clock (``adjtimex(2)``; no rights needed)."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    # A zeroed struct timex has modes = 0: only read. The buffer is larger than the struct on every architecture.
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= state < _TIME_ERROR


class WallClock:
    """Stamps what is read; one for the whole agent."""

    def __init__(
        self,
        newest_known_us: int = 0,
        read_us: Callable[[], int] = read_system_us,
        synchronised: Callable[[], bool] = system_synchronised,
    ) -> None:
        """``newest_known_us`` is the last time in the outbox; the clock cannot truly stand before it."""
        self._read_us = read_us
        self._ask_synchronised = synchronised
        self._floor_us = max(BUILD_US, newest_known_us)
        self._lift_us = 0
        self._last_us = 0
        self._synchronised = synchronised()
        self._asked_us = read_us()
        self.generation = 0
        """Rises with every backward step."""

    @property
    def quality(self) -> ClockQuality:
        """How far the times can be trusted."""
        if self._lift_us:
            return ClockQuality.LIFTED
        return ClockQuality.SYNCHRONISED if self._synchronised else ClockQuality.FREE

    def stamp(self) -> int:
        """Return a time later than every other of this generation."""
        raw_us = self._read_us()
        if abs(raw_us - self._asked_us) >= _SYNCHRONISED_EVERY_US:
            self._synchronised = self._ask_synchronised()
            self._asked_us = raw_us
        now_us = self._lifted(raw_us)
        if now_us <= self._last_us:
            if self._last_us - now_us > STEP_BACK_US:
                self.generation += 1
            else:
                now_us = self._last_us + 1
        self._last_us = now_us
        return now_us

    def now_us(self) -> int:
        """Return the time for a message; unlike :meth:`stamp` it names nothing and may repeat."""
        return self._lifted(self._read_us())

    def age_us(self, raw_us: int) -> int:
        """Return how long ago a time of the machine's own clock was; never negative."""
        return max(0, self._read_us() - raw_us)

    def _lifted(self, raw_us: int) -> int:
        if raw_us >= self._floor_us or self._synchronised:
            self._lift_us = 0
            return raw_us
        if not self._lift_us or raw_us + self._lift_us < self._last_us:
            self._lift_us = max(self._floor_us, self._last_us + 1) - raw_us
        return raw_us + self._lift_us
