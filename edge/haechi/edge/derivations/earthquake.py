"""A seismogram → how strongly the ground shakes against what is usual. Pure, bounded memory.

The waveform stays where it is; what is said about it is the highest ratio of each second, and while the ground shakes,
of each tenth of one, from the first sample on: so a threshold rule raises with the shock and not a second later.

Datagrams get lost, and most of all when everything shakes. Behind a gap in the samples the averages go on as they were,
for what is usual here has not changed; only the filter begins anew, as a jump of the offset would look like a shock.
Where the gap was longer than the long window nothing is known any more: nothing is said then until a whole long window
has passed, and what a rule has raised stays raised.
"""

from haechi.edge.derivations.sta_lta import DirectCurrentFilter, StaLta

_GAP_SAMPLES = 2.5
"""So many sample times from one sample to the next are a gap; a seismometer's clock wanders by less."""
_SHAKING_EVERY_S = 0.1


class GroundMotion:
    """One channel of one seismometer."""

    def __init__(
        self,
        rate_hz: float,
        *,
        short_s: float = 1.0,
        long_s: float = 30.0,
        corner_hz: float = 0.5,
        every_s: float = 1.0,
        shaking_at: float = 2.5,
    ) -> None:
        """Say how the ground is judged.

        Args:
            rate_hz: samples a second.
            short_s: the short window: about as long as the first shock.
            long_s: the long window: what passes for quiet here.
            corner_hz: what is slower is taken off.
            every_s: how often the highest ratio is said.
            shaking_at: ratio from which on it is said at once, and ten times a second.

        Raises:
            ValueError: the windows do not fit each other.
        """
        self._rate_hz, self._long_s, self._every_s, self._shaking_at = rate_hz, long_s, every_s, shaking_at
        self._filter = DirectCurrentFilter(corner_hz, rate_hz)
        self._ratio = StaLta(round(short_s * rate_hz), round(long_s * rate_hz))
        self._last_s: float | None = None
        self._due_s = 0.0
        self._highest = self._said = 0.0
        self.gaps = 0
        """How often samples were missing."""

    def feed(self, sample: float, at_s: float) -> float | None:
        """Take a sample at its time by the seismometer's clock; return the highest ratio when it is to be said.

        A sample that is not later than the one before is not looked at.
        """
        if self._last_s is not None:
            if at_s <= self._last_s:
                return None
            missing_s = at_s - self._last_s
            if missing_s > _GAP_SAMPLES / self._rate_hz:
                self.gaps += 1
                self._filter.reset()
            if missing_s > self._long_s:
                self._ratio.reset()
                self._highest = self._said = 0.0
        self._last_s = at_s
        ratio = self._ratio.feed(self._filter.feed(sample))
        if not ratio:
            return None
        self._highest = max(self._highest, ratio)
        shakes = self._highest >= self._shaking_at
        begins = shakes and self._said < self._shaking_at
        if at_s < self._due_s and not begins:
            return None
        self._due_s = at_s + (min(self._every_s, _SHAKING_EVERY_S) if shakes else self._every_s)
        self._said, self._highest = self._highest, 0.0
        return self._said
