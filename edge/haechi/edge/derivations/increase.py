"""By how much an absolute counter rose within a window, whatever becomes of the counter. Pure, bounded memory.

Counters restart (a power cut, a new rain year), roll over, and are read wrongly where no check field tells. A reading
that does not go on from the one before waits for the next: goes that on from the line before, the one between was
wrong and is forgotten; goes it on from the doubtful one, the counter restarted from zero, and what it shows was counted
since. Where that cannot have been counted since, however fast things come, the reading before was the wrong one if the
two go on from the one before that; else it is a jump (another number was set, another device is there), of which
nothing is known, and a new window begins. Only where a counter is known to roll over at ``rolls_over_at``, and stood
near that before, is a smaller number a roll-over.

What was counted while nobody read the counter came evenly in that time.
"""

import math
from typing import NamedTuple

from haechi.edge.derivations.window import Window

_NEAR_THE_END = 0.01
"""A counter in the last hundredth of its range may roll over; anywhere else a smaller number is a restart."""
_BURST_S = 10.0
"""A rise is judged as if it had taken so long at least: what tips a bucket or passes a loop comes in lumps."""


class _Read(NamedTuple):
    total: float
    at_s: float


class Increase:
    """The rise within the last ``window_s``, exact to a sixtieth of it."""

    def __init__(self, window_s: float, *, rolls_over_at: float | None = None, per_hour_max: float = math.inf) -> None:
        """Say what the counter is like.

        Args:
            window_s: over how long.
            rolls_over_at: the number after its largest, such as 2³²; None where it never rolls over.
            per_hour_max: it cannot truly rise faster.
        """
        self._window_s, self._rolls_over_at = window_s, rolls_over_at
        self._per_s_max = per_hour_max / 3600
        self._begun_s = 0.0
        self._before: _Read | None = None
        self._last: _Read | None = None
        self._doubtful: _Read | None = None
        self._window = Window(window_s)
        self.jump: float | None = None
        """By how much the counter jumped with the reading that came last; None where it did not."""

    def feed(self, total: float, now_s: float) -> float | None:
        """Take what the counter shows; return the rise within the window.

        Returns None until the counter was watched for a whole window, and for a reading that waits for the next.
        ``now_s`` never runs backwards.
        """
        self.jump = None
        now = _Read(total, now_s)
        if self._last is None:
            self._begin(now)
            return None
        risen = self._risen(self._last, now)
        if risen is None:
            doubtful, self._doubtful = self._doubtful, now
            further = None if doubtful is None else self._risen(doubtful, now)
            if doubtful is None or further is None:
                return None
            until_then = self._risen_all_the_same(self._last, doubtful)
            if until_then is None:
                self.jump = doubtful.total - self._last.total
                self._begin(now)
                return None
            risen = until_then + further
        self._window.add(risen, self._last.at_s, now_s)
        self._before, self._last, self._doubtful = self._last, now, None
        return None if now_s - self._begun_s < self._window_s else self._window.amount(now_s)

    def per_hour(self, total: float, now_s: float) -> float | None:
        """Take what the counter shows; return the rise by the hour: mm become mm/h, vehicles vehicles an hour."""
        risen = self.feed(total, now_s)
        return None if risen is None else risen * 3600 / self._window_s

    def _begin(self, now: _Read) -> None:
        self._before, self._last, self._doubtful, self._begun_s = None, now, None, now.at_s
        self._window = Window(self._window_s)

    def _risen(self, before: _Read, now: _Read) -> float | None:
        """Return by how much the counter rose from one reading to the other; None where it did not go on."""
        risen, end = now.total - before.total, self._rolls_over_at
        if risen < 0 and end is not None and before.total >= end * (1 - _NEAR_THE_END):
            risen += end
        return risen if risen >= 0 and self._can_have_come(risen, now.at_s - before.at_s) else None

    def _risen_all_the_same(self, last: _Read, doubtful: _Read) -> float | None:
        """Return what was counted up to a reading that is confirmed and yet does not go on; None where it jumped."""
        if doubtful.total > last.total:
            return None
        if self._can_have_come(doubtful.total, doubtful.at_s - last.at_s):
            return doubtful.total
        before = self._before
        wrong = None if before is None else self._risen(before, last)
        risen = None if before is None else self._risen(before, doubtful)
        if before is None or wrong is None or risen is None:
            return None
        self._window.add(-wrong, before.at_s, last.at_s)
        self._last = before
        return risen

    def _can_have_come(self, amount: float, within_s: float) -> bool:
        return amount <= self._per_s_max * max(within_s, _BURST_S)
