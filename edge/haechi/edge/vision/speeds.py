"""How fast objects go over the ground. Pure; time is an argument.

Promise: a speed is the slope of an object's places over the last two seconds, with the error that the trembling of its
box can make; where that is large (near the horizon, a short track) the speed is uncertain, and without a plane under it
there is none.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from haechi.contract.observations import Quality
from haechi.edge.vision.ground import Ground, Spot
from haechi.edge.vision.tracker import Track

_WINDOW_S = 2.0
_LONG_ENOUGH_S = 0.6
_PLACES_MIN = 4
_PLACES_MAX = 64
_ERROR_SHARE_MAX = 0.2
_ERROR_KM_H_MIN = 3.0  # an error below this never makes a speed uncertain
_KM_H = 3.6
_CUT = 0.995  # boxes that reach so far down may go on below the picture


class Speed(NamedTuple):
    """The speed of one object."""

    km_h: float
    error_km_h: float
    quality: Quality


class _Seen(NamedTuple):
    time_s: float
    spot: Spot
    tremble_m: float


class Speeds:
    """The speeds of all objects in view."""

    def __init__(self, ground: Ground) -> None:
        """Begins with nobody there."""
        self._ground = ground
        self._ways: dict[int, deque[_Seen]] = {}

    def update(self, tracks: Sequence[Track], now_s: float) -> None:
        """Takes the objects of one look into account; `now_s` of a clock that only rises."""
        there = {track.id for track in tracks}
        self._ways = {id_: way for id_, way in self._ways.items() if id_ in there}
        for track in tracks:
            # A box at the lower edge is cut: its foot stands still while the object goes on.
            spot = None if track.misses or track.box.bottom >= _CUT else self._ground.spot(track.box.foot)
            if spot is None:
                continue
            way = self._ways.setdefault(track.id, deque(maxlen=_PLACES_MAX))
            way.append(_Seen(now_s, spot, self._ground.tremble_m(track.box.foot)))
            while now_s - way[0].time_s > _WINDOW_S:
                way.popleft()

    def of(self, track: int) -> Speed | None:
        """The speed of an object; None while it was seen too seldom."""
        way = self._ways.get(track)
        if way is None or len(way) < 2:
            return None
        times = [seen.time_s for seen in way]
        lasted_s = times[-1] - times[0]
        if lasted_s <= 0:
            return None
        vx = _slope(times, [seen.spot.x_m for seen in way])
        vy = _slope(times, [seen.spot.y_m for seen in way])
        km_h = math.hypot(vx, vy) * _KM_H
        # The slope of n places that tremble apart has this error (variance of a least-squares slope).
        worst_m = max(seen.tremble_m for seen in way)
        middle_s = sum(times) / len(times)
        spread = math.sqrt(sum((time_s - middle_s) ** 2 for time_s in times))
        error_km_h = worst_m / spread * _KM_H
        sure = lasted_s >= _LONG_ENOUGH_S and len(way) >= _PLACES_MIN
        sure = sure and error_km_h <= max(_ERROR_SHARE_MAX * km_h, _ERROR_KM_H_MIN)
        return Speed(km_h, error_km_h, Quality.GOOD if sure else Quality.UNCERTAIN)

    def forget(self) -> None:
        """Begins anew after a time without pictures."""
        self._ways.clear()


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    middle_s, middle = sum(times) / len(times), sum(values) / len(values)
    over = sum((time_s - middle_s) * (value - middle) for time_s, value in zip(times, values, strict=True))
    return over / sum((time_s - middle_s) ** 2 for time_s in times)
