"""The story: what the weather, the river, the underpass and the traffic do at each moment. Pure.

Three minutes: a calm day, heavy rain, the river rises through watch, warning and alarm, an underpass floods and the
traffic above it stands still, then everything falls back; and again from the start.
"""

import math
from dataclasses import dataclass

from haechi.text import _

PERIOD_S = 180.0
"""One whole story, in seconds of story time."""

OVER_S = 165.0
"""Story time at which everything is back to normal."""

Curve = tuple[tuple[float, float], ...]

_RAIN: Curve = ((18, 0), (28, 44), (85, 38), (100, 4), (110, 0))
_RIVER: Curve = ((40, 1.2), (100, 3.6), (112, 3.6), (160, 1.2))
_UNDERPASS: Curve = ((66, 0.0), (96, 0.46), (118, 0.46), (148, 0.0))
_SPEED: Curve = ((70, 48), (80, 11), (130, 11), (150, 48))
_FLOW: Curve = ((70, 1320), (80, 420), (130, 420), (150, 1320))


@dataclass(frozen=True, slots=True)
class Moment:
    """What the devices show at one moment."""

    rain_mm_h: float
    river_m: float
    underpass_m: float
    """Depth of the water on the carriageway."""
    traffic_km_h: float
    traffic_veh_h: float
    chapter: str
    """What is going on, in words."""


def at(story_s: float) -> Moment:
    """Return the moment ``story_s`` seconds into the story, which repeats."""
    time_s = story_s % PERIOD_S
    return Moment(
        rain_mm_h=max(0.0, _on(_RAIN, time_s) * (1 + 0.12 * _wave(story_s, 3.1))) if _on(_RAIN, time_s) else 0.0,
        river_m=_on(_RIVER, time_s) + 0.006 * _wave(story_s, 5.7),
        underpass_m=max(0.0, _on(_UNDERPASS, time_s) + 0.004 * _wave(story_s, 4.3) * (_on(_UNDERPASS, time_s) > 0)),
        traffic_km_h=_on(_SPEED, time_s) + 2.5 * _wave(story_s, 7.3),
        traffic_veh_h=_on(_FLOW, time_s) + 60 * _wave(story_s, 9.1),
        chapter=_chapter(time_s),
    )


def speed_for(run_s: float | None) -> float:
    """Return how fast the story must run for it to be over when 85 % of a run of ``run_s`` seconds have passed."""
    return 1.0 if run_s is None else max(1.0, OVER_S / (0.85 * max(run_s, 5.0)))


def _chapter(time_s: float) -> str:
    if time_s < 18:
        return _("a calm day")
    if time_s < 40:
        return _("heavy rain begins")
    if time_s < 66:
        return _("the river rises")
    if time_s < 100:
        return _("the river rises on, an underpass floods")
    if time_s < 112:
        return _("the rain stops, the water stands high")
    if time_s < OVER_S:
        return _("the water falls")
    return _("all calm again")


def _on(curve: Curve, time_s: float) -> float:
    """Return the value on a curve of straight lines."""
    before = curve[0]
    for point in curve:
        if time_s < point[0]:
            share = (time_s - before[0]) / (point[0] - before[0]) if point[0] > before[0] else 0.0
            return before[1] + share * (point[1] - before[1])
        before = point
    return before[1]


def _wave(time_s: float, period_s: float) -> float:
    """Return a small unrest between −1 and 1 that never quite repeats."""
    return (math.sin(2 * math.pi * time_s / period_s) + math.sin(2 * math.pi * time_s / (period_s * 0.618))) / 2
