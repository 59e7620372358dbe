"""The recursive STA/LTA ratio of a seismogram: how strong the last seconds are against the last minutes. Pure.

Withers et al., *A comparison of select trigger algorithms for automated global seismic phase and event detection*,
BSSA 88 (1998), 95–106: the averages of the squared samples forget exponentially,

    sta = a²/n_sta + (1 − 1/n_sta) sta        lta = a²/n_lta + (1 − 1/n_lta) lta

The figures agree with ObsPy 1.5.1 (``recursive_sta_lta``), which likewise leaves out the first sample and says zero
until one long window has passed.
"""

import math

_TINY = 1e-99


class StaLta:
    """One seismogram's ratio; needs samples without an offset."""

    def __init__(self, short_samples: int, long_samples: int) -> None:
        """Say how many samples the short and the long window have.

        Raises:
            ValueError: the short one is not shorter, or has no sample.
        """
        if not 0 < short_samples < long_samples:
            raise ValueError("expected a short window of at least one sample, shorter than the long one")
        self._short, self._long = 1 / short_samples, 1 / long_samples
        self._long_samples = long_samples
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a gap."""
        self._seen = 0
        self._sta, self._lta = 0.0, _TINY

    def feed(self, sample: float) -> float:
        """Take one sample; return the ratio, zero until one long window has passed."""
        if self._seen:
            power = sample * sample
            self._sta += self._short * (power - self._sta)
            self._lta += self._long * (power - self._lta)
        self._seen = min(self._seen + 1, self._long_samples + 1)
        return self._sta / self._lta if self._seen > self._long_samples else 0.0


class DirectCurrentFilter:
    """Takes the offset off a seismogram: a high pass of one pole."""

    def __init__(self, corner_hz: float, rate_hz: float) -> None:
        """``corner_hz`` is where it lets half of the power pass."""
        self._keep = math.exp(-2 * math.pi * corner_hz / rate_hz)
        self.reset()

    def reset(self) -> None:
        """Begin anew; the next sample becomes zero."""
        self._before: float | None = None
        self._out = 0.0

    def feed(self, sample: float) -> float:
        """Take one sample, in whatever unit; return it without its offset."""
        if self._before is not None:
            self._out = self._keep * (self._out + sample - self._before)
        self._before = sample
        return self._out
