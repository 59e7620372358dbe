"""Raises while a value has risen by so much within a window. Pure.

The window is kept as the lowest value of each of 60 equal slots, so its memory is fixed however fast values come; a
rise is measured against the lowest value of the window, exact to one slot at its far end.
"""

from dataclasses import dataclass

from haechi.edge.rules import Change, Finding

_SLOTS = 60


@dataclass(frozen=True, slots=True)
class RateState:
    """Whether it is raised, since when it is over (monotonic s), and (slot number, lowest value) oldest first."""

    active: bool = False
    over_since_s: float | None = None
    lowest: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """``rise`` in the value's unit within ``window_s`` raises; less than that for ``clear_after_s`` clears."""

    rise: float
    window_s: float
    clear_after_s: float = 0.0

    def start(self, active: bool, now_s: float) -> RateState:
        """Return the state after a start; an active one clears only after a whole window has shown no rise."""
        return RateState(active, over_since_s=now_s + self.window_s if active else None)

    def on_value(self, state: RateState, value: float, now_s: float) -> tuple[RateState, Finding | None]:
        """Take one value."""
        slot = int(now_s * _SLOTS / self.window_s)
        lowest = [pair for pair in state.lowest if pair[0] > slot - _SLOTS]
        if lowest and lowest[-1][0] == slot:
            lowest[-1] = (slot, min(lowest[-1][1], value))
        else:
            lowest.append((slot, value))
        kept = tuple(lowest)
        risen = value - min(low for _, low in kept)
        if risen >= self.rise:
            finding = None if state.active else Finding(Change.RAISED, risen)
            return RateState(True, None, kept), finding
        if not state.active:
            return RateState(False, None, kept), None
        over_since_s = now_s if state.over_since_s is None else state.over_since_s
        if now_s - over_since_s < self.clear_after_s:
            return RateState(True, over_since_s, kept), None
        return RateState(False, None, kept), Finding(Change.CLEARED, risen)

    def on_tick(self, state: RateState, now_s: float) -> tuple[RateState, Finding | None]:  # noqa: ARG002
        """Return the state unchanged: only values count."""
        return state, None
