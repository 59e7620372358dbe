"""Rules that need no camera: pure state machines from values to raised and cleared conditions.

They run on the gateway so that an alarm survives the loss of the link. Each machine is a frozen description of one
rule with ``start``, ``on_value`` and ``on_tick``, which return the next state and what changed. Times are monotonic
seconds and come in as arguments: a wall clock that is set must neither raise nor clear anything.

``threshold``  a value above or below a limit, with hysteresis and delays
``rate``       a value that rose by so much within a window
``stale``      no good value for so long
``engine``     all rules of a gateway: which rule watches what, and the events that their changes become
"""

from enum import Enum
from typing import NamedTuple, Protocol, TypeVar


class Change(Enum):
    """What a machine found."""

    RAISED = "raised"
    CLEARED = "cleared"


class Finding(NamedTuple):
    """A change, and the figure that shows it (a value, a rise, a silence in seconds)."""

    change: Change
    figure: float


State = TypeVar("State")


class Machine(Protocol[State]):
    """One rule; knows nothing but numbers and seconds."""

    def start(self, active: bool, now_s: float) -> State:
        """Return the state after a start; ``active`` when the condition stood already before it."""

    def on_value(self, state: State, value: float, now_s: float) -> tuple[State, Finding | None]:
        """Take one value that is not bad."""

    def on_tick(self, state: State, now_s: float) -> tuple[State, Finding | None]:
        """Let time pass without a value."""
