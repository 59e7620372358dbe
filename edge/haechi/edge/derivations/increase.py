"""By how much an absolute counter rose within a window, whatever becomes of the counter. Pure, bounded memory.

Counters restart (a power cut, a new rain year) and roll over. A smaller number than before is a restart from zero,
so what it shows was counted since; only where a counter is known to roll over at ``rolls_over_at``, and stood near
that before, is it a roll-over. What a device counted while nobody read it counts into the moment it is read again.
"""

from collections import deque

_SLOTS = 60
_NEAR_THE_END = 0.01
"""A counter in the last hundredth of its range may roll over; anywhere else a smaller number is a restart."""


class Increase:
    """The rise within the last ``window_s``, exact to a sixtieth of it."""

    def __init__(self, window_s: float, *, rolls_over_at: float | None = None) -> None:
        """``rolls_over_at`` is the number after the counter's largest, such as 2³²; None where it never rolls over."""
        self._window_s, self._rolls_over_at = window_s, rolls_over_at
        self._last: float | None = None
        self._begun_s = 0.0
        self._slots: deque[tuple[int, float]] = deque()

    def feed(self, total: float, now_s: float) -> float | None:
        """Take what the counter shows; return the rise within the window, None until it was watched for a whole one."""
        if self._last is None:
            self._last, self._begun_s = total, now_s
        risen, self._last = self._risen(self._last, total), total
        slot = int(now_s * _SLOTS / self._window_s)
        if self._slots and self._slots[-1][0] == slot:
            risen += self._slots.pop()[1]
        self._slots.append((slot, risen))
        while self._slots[0][0] <= slot - _SLOTS:
            self._slots.popleft()
        return None if now_s - self._begun_s < self._window_s else sum(part for _slot, part in self._slots)

    def per_hour(self, total: float, now_s: float) -> float | None:
        """Take what the counter shows; return the rise by the hour: mm become mm/h, vehicles vehicles an hour."""
        risen = self.feed(total, now_s)
        return None if risen is None else risen * 3600 / self._window_s

    def _risen(self, before: float, now: float) -> float:
        if now >= before:
            return now - before
        end = self._rolls_over_at
        if end is not None and before >= end * (1 - _NEAR_THE_END):
            return end - before + now
        return now
