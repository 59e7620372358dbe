"""Where something that moves evenly should be next: a Kalman filter of constant velocity along one axis. Pure.

State: place and velocity, with their covariance; what changes the velocity is white noise of acceleration. Lengths are
in any one unit, times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Axis:
    """One coordinate of one object."""

    place: float
    measured_error: float
    """Standard deviation of a measurement."""
    acceleration: float
    """Standard deviation of what changes the velocity, a second squared."""
    velocity_error: float
    """Standard deviation of the velocity before anything is known of it."""
    velocity: float = 0.0
    _pp: float = 0.0
    _pv: float = 0.0
    _vv: float = 0.0

    def __post_init__(self) -> None:
        """Begins where it was seen first, with no idea of its velocity."""
        self._pp, self._vv = self.measured_error**2, self.velocity_error**2

    def ahead(self, seconds: float) -> float:
        """Where it should be then."""
        return self.place + self.velocity * seconds

    def measure(self, place: float, seconds: float) -> None:
        """Takes a measurement into account, so many seconds after the last one."""
        noise = self.acceleration**2
        self.place = self.ahead(seconds)
        self._pp += seconds * (2 * self._pv + seconds * self._vv) + noise * seconds**4 / 4
        self._pv += seconds * self._vv + noise * seconds**3 / 2
        self._vv += noise * seconds**2
        innovation, spread = place - self.place, self._pp + self.measured_error**2
        gain_place, gain_velocity = self._pp / spread, self._pv / spread
        self.place += gain_place * innovation
        self.velocity += gain_velocity * innovation
        self._vv -= gain_velocity * self._pv
        self._pv -= gain_place * self._pv
        self._pp -= gain_place * self._pp

    def stand(self, place: float) -> None:
        """Stands there, and forgets its velocity."""
        self.place = place
        self.velocity, self._pv, self._vv = 0.0, 0.0, self.velocity_error**2
