"""When to try the broker again: quickly, but never in step with ten thousand other gateways. Pure."""

from collections.abc import Callable

FIRST_S = 0.2
MOST_S = 2.0
"""So that a gateway is back in step within three seconds of the broker's return."""
REFUSED_S = 10.0
"""After a refusal a person must act; hurry would only fill the broker's log."""


class Backoff:
    """Doubles from try to try, half of every wait is chance."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """``chance`` gives numbers from 0 to 1."""
        self._chance = chance
        self._tries = 0

    def succeeded(self) -> None:
        """Begin again with the shortest wait."""
        self._tries = 0

    def wait_s(self, refused: bool) -> float:
        """Return how long to wait before the next try."""
        longest_s = REFUSED_S if refused else min(MOST_S, FIRST_S * 2.0 ** min(self._tries, 10))
        self._tries += 1
        return longest_s * (0.5 + self._chance() / 2)
