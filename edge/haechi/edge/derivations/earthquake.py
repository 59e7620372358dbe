"""A seismogram → raised when the ground shakes, cleared when it is quiet again. Pure, bounded memory.

The waveform stays where it is: the last seconds are kept in a ring, for whoever asks; only the finding travels. A
gap in the samples (lost datagrams) begins the averages anew, because a jump behind it would look like a shock; a
condition that was raised then stays until a whole long window was quiet.
"""

from collections import deque
from collections.abc import Sequence

from haechi.edge.derivations.sta_lta import DirectCurrentFilter, StaLta
from haechi.edge.rules import Change, Finding

_CORNER_HZ = 0.5
_GAP_SAMPLES = 2.5
"""So many sample times between two packets beyond what they hold are a gap."""


class EarthquakeWatch:
    """One channel of one seismometer."""

    def __init__(
        self,
        rate_hz: float,
        *,
        short_s: float = 1.0,
        long_s: float = 30.0,
        raise_at: float = 4.0,
        clear_at: float = 1.5,
        ring_s: float = 60.0,
    ) -> None:
        """Say how the ground is judged.

        Args:
            rate_hz: samples a second.
            short_s: the short window: about as long as the first shock.
            long_s: the long window: what passes for quiet here.
            raise_at: ratio that raises.
            clear_at: ratio that clears, below ``raise_at``.
            ring_s: how much of the waveform is kept.

        Raises:
            ValueError: ``clear_at`` is not below ``raise_at``, or the windows do not fit each other.
        """
        if clear_at >= raise_at:
            raise ValueError("expected clear_at below raise_at")
        self._rate_hz, self._raise_at, self._clear_at = rate_hz, raise_at, clear_at
        self._filter = DirectCurrentFilter(_CORNER_HZ, rate_hz)
        self._ratio = StaLta(round(short_s * rate_hz), round(long_s * rate_hz))
        self._expected_s: float | None = None
        self.gaps = 0
        """How often samples were missing."""
        self.active = False
        """Whether it is raised."""
        self.waveform: deque[float] = deque(maxlen=max(1, round(ring_s * rate_hz)))
        """The last samples as they came, oldest first."""

    def feed(self, samples: Sequence[float], first_s: float) -> Finding | None:
        """Take a packet of samples whose first was taken at ``first_s`` by the seismometer's clock.

        Returns the last change within the packet, with the highest ratio of the packet as its figure; packets older
        than what was already taken are dropped.
        """
        if self._expected_s is not None:
            late_s = first_s - self._expected_s
            if late_s < -_GAP_SAMPLES / self._rate_hz:
                return None
            if late_s > _GAP_SAMPLES / self._rate_hz:
                self.gaps += 1
                self._filter.reset()
                self._ratio.reset()
        self._expected_s = first_s + len(samples) / self._rate_hz
        self.waveform.extend(samples)
        change: Change | None = None
        highest = 0.0
        for sample in samples:
            ratio = self._ratio.feed(self._filter.feed(sample))
            highest = max(highest, ratio)
            if not self.active and ratio >= self._raise_at:
                self.active, change = True, Change.RAISED
            elif self.active and 0 < ratio <= self._clear_at:
                self.active, change = False, Change.CLEARED
        return None if change is None else Finding(change, highest)
