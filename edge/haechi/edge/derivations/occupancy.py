"""For which share of a window a detector was covered. Pure, bounded memory.

A detector's word holds until its next one, for ``stale_after_s`` at most; beyond that nothing is known. A window of
which more than a tenth is unknown gives no figure: it is not guessed.
"""

from collections import deque
from dataclasses import dataclass

_SLOTS = 60
_KNOWN_MIN = 0.9


@dataclass(slots=True)
class _Slot:
    number: int
    known_s: float = 0.0
    covered_s: float = 0.0


class Occupancy:
    """One detector, exact to a sixtieth of the window."""

    def __init__(self, window_s: float, stale_after_s: float) -> None:
        """``stale_after_s``: how long what the detector said last holds."""
        self._window_s, self._stale_after_s = window_s, stale_after_s
        self._last: tuple[float, bool] | None = None
        self._slots: deque[_Slot] = deque()

    def feed(self, covered: bool, now_s: float) -> float | None:
        """Take what the detector says; return the share (0 to 1) once in a slot, None where it is not known."""
        number = int(now_s * _SLOTS / self._window_s)
        begins = not self._slots or self._slots[-1].number != number
        share = self._share(number) if begins else None
        if begins:
            self._slots.append(_Slot(number))
        if self._last is not None:
            then_s, was_covered = self._last
            lasted_s = now_s - then_s
            if 0 < lasted_s <= self._stale_after_s:
                self._slots[-1].known_s += lasted_s
                self._slots[-1].covered_s += lasted_s * was_covered
        self._last = now_s, covered
        return share

    def _share(self, number: int) -> float | None:
        while self._slots and self._slots[0].number < number - _SLOTS:
            self._slots.popleft()
        known_s = sum(slot.known_s for slot in self._slots)
        if known_s < _KNOWN_MIN * self._window_s:
            return None
        return sum(slot.covered_s for slot in self._slots) / known_s
