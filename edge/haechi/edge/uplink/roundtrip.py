"""The retransmission time-out, from round trips measured end to end (RFC 6298). Pure.

Only parcels that were sent once are measured (Karn's rule): of one that was sent twice nobody knows which sending the
acknowledgement answers.
"""

FIRST_S = 3.0
LEAST_S = 1.0
MOST_S = 60.0


class RoundTrip:
    """Smoothed round trip and its variation."""

    def __init__(self) -> None:
        """Begin with a guess."""
        self._smoothed_s: float | None = None
        self._variation_s = 0.0

    @property
    def timeout_s(self) -> float:
        """How long to wait for an acknowledgement before sending again."""
        if self._smoothed_s is None:
            return FIRST_S
        return min(MOST_S, max(LEAST_S, self._smoothed_s + 4 * self._variation_s))

    def measured(self, round_trip_s: float) -> None:
        """Take one measurement; what exceeds the largest time-out says nothing about the way and is cut there."""
        sample_s = min(MOST_S, max(0.0, round_trip_s))
        if self._smoothed_s is None:
            self._smoothed_s, self._variation_s = sample_s, sample_s / 2
        else:
            self._variation_s += (abs(self._smoothed_s - sample_s) - self._variation_s) / 4
            self._smoothed_s += (sample_s - self._smoothed_s) / 8
