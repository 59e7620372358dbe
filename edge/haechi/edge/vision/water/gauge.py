"""The level at one gauge over time. Pure; time is an argument.

Promise: a level is good when at least half of a period's pictures told it surely and agreed within 3 % of the picture's
height; it is their median, so that a wave or somebody walking by changes nothing. Otherwise the last good level is
told again as uncertain (OPC UA's *last usable value*), for a quarter of an hour, then as bad; before the first good one
nothing is told. A condition is judged by good levels alone: darkness ends no flood.
"""

from __future__ import annotations

from statistics import median

from haechi.contract.observations import Quality
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change, Raising, Seen
from haechi.edge.vision.scene_config import GaugeConfig
from haechi.edge.vision.water.waterline import Waterline

_READINGS_A_PERIOD = 20
_EVERY_S_MIN = 1.0
_AGREEMENT = 0.03  # of the picture's height
_USABLE_S = 900.0
_TOLERANCE_S = 0.05  # pictures come a little early


class Gauge:
    """One gauge over time."""

    def __init__(self, config: GaugeConfig, *, stills: bool, active: bool) -> None:
        """Begins without a level.

        Args:
            config: the gauge's.
            stills: whether each picture is one of its own, minutes after the last, and worth a level.
            active: whether its condition was raised earlier and not cleared yet.
        """
        self._config, self._stills = config, stills
        self._every_s = max(_EVERY_S_MIN, config.period_s / _READINGS_A_PERIOD)
        self._due_s = float("-inf")
        self._begun_s: float | None = None
        self._taken_s: float | None = None
        """When the last picture was looked at."""
        self._found: list[Waterline] = []
        self._good: tuple[float, float] | None = None
        """The last good level and when it was."""
        self._above_since_s: float | None = None
        self._raising = Raising(config, active=active)

    def asks(self, now_s: float) -> bool:
        """Whether a picture taken now is to be looked at."""
        return self._stills or now_s >= self._due_s - _TOLERANCE_S

    def take(self, found: Waterline, now_s: float) -> tuple[list[Measure], Change | None]:
        """Takes what one picture told into account; what there is to tell of the level, and of the condition."""
        self._due_s = now_s + self._every_s
        if self._taken_s is not None and now_s - self._taken_s > self._config.period_s and not self._stills:
            self._begin_anew()
        self._taken_s = now_s
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        self._found.append(found)
        if not self._stills and now_s - self._begun_s < self._config.period_s - _TOLERANCE_S:
            return [], None
        level_m = self._level_m()
        self._found, self._begun_s = [], None if self._stills else now_s
        if level_m is None:
            return self._last_usable(now_s), None
        self._good = (level_m, now_s)
        measured = [Measure(self._config.name, "level", round(level_m, 3))]
        change = self._raising.update(self._flood(level_m, now_s), now_s)
        return measured, None if change is None else change._replace(level_m=round(level_m, 3))

    def rest(self, now_s: float) -> Change | None:
        """Watches nothing for now; what was raised ends."""
        self._begin_anew()
        return self._raising.rest(now_s)

    def forget(self) -> None:
        """Goes on after a time without pictures; what was seen within a period before it holds."""
        self._due_s = float("-inf")
        if self._stills:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._found, self._begun_s, self._above_since_s, self._taken_s = [], None, None, None
        self._due_s = float("-inf")
        self._raising.forget()

    def _level_m(self) -> float | None:
        sure = sorted(found.at for found in self._found if found.at is not None)
        if not sure or 2 * len(sure) < len(self._found):
            return None
        # A tenth of them may be a boat, or a wave.
        left_out = len(sure) // 10
        inner = sure[left_out : len(sure) - left_out]
        if (inner[-1] - inner[0]) * (self._config.b[1] - self._config.a[1]) > _AGREEMENT:
            return None
        return self._config.a_m + median(sure) * (self._config.b_m - self._config.a_m)

    def _last_usable(self, now_s: float) -> list[Measure]:
        if self._good is None:
            return []
        level_m, good_s = self._good
        quality = Quality.UNCERTAIN if now_s - good_s <= _USABLE_S else Quality.BAD
        return [Measure(self._config.name, "level", round(level_m, 3), quality)]

    def _flood(self, level_m: float, now_s: float) -> Seen | None:
        if self._config.flood_m is None or level_m < self._config.flood_m:
            self._above_since_s = None
            return None
        self._above_since_s = now_s if self._above_since_s is None else self._above_since_s
        if now_s - self._above_since_s < self._config.min_duration_s and not self._raising.active:
            return None
        return Seen(None, None, 1, self._above_since_s)
