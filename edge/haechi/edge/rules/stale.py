"""Raises when no good value came for so long; the next one clears it. Pure."""

from dataclasses import dataclass

from haechi.edge.rules import Change, Finding


@dataclass(frozen=True, slots=True)
class StaleState:
    """Whether it is raised, and when the last value came (monotonic s; the start counts as one)."""

    active: bool
    last_s: float


@dataclass(frozen=True, slots=True)
class Stale:
    """``after_s`` without a value raises."""

    after_s: float

    def start(self, active: bool, now_s: float) -> StaleState:
        """Return the state after a start."""
        return StaleState(active, now_s)

    def on_value(self, state: StaleState, value: float, now_s: float) -> tuple[StaleState, Finding | None]:  # noqa: ARG002
        """Take one value."""
        finding = Finding(Change.CLEARED, now_s - state.last_s) if state.active else None
        return StaleState(False, now_s), finding

    def on_tick(self, state: StaleState, now_s: float) -> tuple[StaleState, Finding | None]:
        """Let time pass."""
        silent_s = now_s - state.last_s
        if state.active or silent_s < self.after_s:
            return state, None
        return StaleState(True, state.last_s), Finding(Change.RAISED, silent_s)
