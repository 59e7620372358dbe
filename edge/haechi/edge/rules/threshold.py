"""Raises while a value stands above (or below) a limit; hysteresis and delays keep it from fluttering. Pure.

Only values move it: silence neither raises nor clears (that is what the stale rule is for). A delay has passed when
the first value after it still says the same.
"""

from dataclasses import dataclass, replace

from haechi.edge.rules import Change, Finding


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """Whether it is raised, and since when values have said the opposite (monotonic s)."""

    active: bool = False
    turning_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """``limit`` or beyond raises; back from it by ``hysteresis`` clears. ``above`` False watches for low values."""

    limit: float
    above: bool = True
    hysteresis: float = 0.0
    raise_after_s: float = 0.0
    clear_after_s: float = 0.0

    def start(self, active: bool, now_s: float) -> ThresholdState:  # noqa: ARG002 - every machine starts alike
        """Return the state after a start."""
        return ThresholdState(active)

    def on_value(self, state: ThresholdState, value: float, now_s: float) -> tuple[ThresholdState, Finding | None]:
        """Take one value."""
        excess = value - self.limit if self.above else self.limit - value
        # What raises is at the limit or beyond; what clears is strictly inside it, so no value ever says both.
        turning = (excess < 0 and -excess >= self.hysteresis) if state.active else excess >= 0
        if not turning:
            return (state if state.turning_since_s is None else replace(state, turning_since_s=None)), None
        since_s = now_s if state.turning_since_s is None else state.turning_since_s
        if now_s - since_s < (self.clear_after_s if state.active else self.raise_after_s):
            return ThresholdState(state.active, since_s), None
        change = Change.CLEARED if state.active else Change.RAISED
        return ThresholdState(not state.active), Finding(change, value)

    def on_tick(self, state: ThresholdState, now_s: float) -> tuple[ThresholdState, Finding | None]:  # noqa: ARG002
        """Return the state unchanged: only values count."""
        return state, None
