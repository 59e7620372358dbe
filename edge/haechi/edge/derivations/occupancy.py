"""For which share of a window a detector was covered. Pure, bounded memory.

A detector's word holds until its next one, for ``stale_after_s`` at most; beyond that nothing is known. A window of
which more than a tenth is unknown gives no figure: it is not guessed.
"""

from haechi.edge.derivations.window import Window

_SAID_IN_A_WINDOW = 60
_KNOWN_MIN = 0.9


class Occupancy:
    """One detector, exact to a sixtieth of the window."""

    def __init__(self, window_s: float, stale_after_s: float) -> None:
        """``stale_after_s``: how long what the detector said last holds."""
        self._window_s, self._stale_after_s = window_s, stale_after_s
        self._last: tuple[float, bool] | None = None
        self._said = -1
        self._known_s, self._covered_s = Window(window_s), Window(window_s)

    def feed(self, covered: bool, now_s: float) -> float | None:
        """Take what the detector says; return the share (0 to 1) sixty times a window, None where it is not known."""
        if self._last is not None:
            then_s, was_covered = self._last
            held_s = min(now_s - then_s, self._stale_after_s)
            if held_s > 0:
                self._known_s.add(held_s, then_s, then_s + held_s)
                self._covered_s.add(held_s * was_covered, then_s, then_s + held_s)
        self._last = now_s, covered
        turn = int(now_s * _SAID_IN_A_WINDOW / self._window_s)
        if turn == self._said:
            return None
        self._said = turn
        known_s = self._known_s.amount(now_s)
        return self._covered_s.amount(now_s) / known_s if known_s >= _KNOWN_MIN * self._window_s else None
