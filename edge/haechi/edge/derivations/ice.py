"""How likely ice lies on a road, out of what a road sensor, a weather station and a camera say. Pure.

Black ice needs a surface at or below the point at which what lies on it freezes, and something that lies on it: a
film of water, or hoar frost, which forms where the surface is below both zero and the frost point of the air. A road
that looks wet to a camera is taken for wet where nobody measures the film; that it looks dry proves nothing, and no
picture shows ice.
"""

from enum import IntEnum
from math import log

_MARGIN_K = 1.0
"""So close above freezing it is possible: sensors err, and shaded spots are colder."""
_WETNESS_MIN = 0.5
"""Of 0 to 1: from here on a road looks wet."""
_FILM_MM_MIN = 0.02
"""Less than this is a dry road, as far as a sensor tells."""


_MAGNUS_CEL, _MAGNUS = 243.12, 17.62
_MAGNUS_ICE_CEL, _MAGNUS_ICE = 272.62, 22.46
"""Saturation over water, over ice: WMO-No. 8, *Guide to Instruments and Methods of Observation*, vol. I, annex 4.B."""


class Risk(IntEnum):
    """How likely; a number, so that a threshold rule can watch it."""

    NONE = 0
    POSSIBLE = 1
    LIKELY = 2


def black_ice_risk(
    road_cel: float,
    *,
    film_mm: float | None = None,
    freezing_cel: float | None = None,
    dew_point_cel: float | None = None,
    wetness: float | None = None,
) -> Risk:
    """Return the risk.

    Args:
        road_cel: temperature of the road surface.
        film_mm: height of the water on it; None where nobody measures it, then it may be wet.
        freezing_cel: at which what lies on it freezes, below zero where salt was spread; None is zero.
        dew_point_cel: of the air above it; None where nobody measures it.
        wetness: how wet it looks to a camera, 0 to 1; None where none looks.
    """
    freezes_at = min(0.0, 0.0 if freezing_cel is None else freezing_cel)
    frost = dew_point_cel is not None and road_cel <= min(0.0, frost_point_cel(dew_point_cel))
    looks_wet = wetness is not None and wetness >= _WETNESS_MIN
    wet = looks_wet if film_mm is None else film_mm >= _FILM_MM_MIN
    if frost or (wet and road_cel <= freezes_at):
        return Risk.LIKELY
    may_be_wet = film_mm is None or wet
    return Risk.POSSIBLE if may_be_wet and road_cel <= freezes_at + _MARGIN_K else Risk.NONE


def frost_point_cel(dew_point_cel: float) -> float:
    """Return at which temperature air with this dew point is saturated over ice: below zero that is a little warmer."""
    dew_cel = max(-100.0, min(dew_point_cel, 100.0))
    reached = _MAGNUS * dew_cel / (_MAGNUS_CEL + dew_cel)
    return _MAGNUS_ICE_CEL * reached / (_MAGNUS_ICE - reached)


def dew_point_cel(air_cel: float, humidity: float) -> float | None:
    """Return the dew point of air of so many degrees and ``humidity`` per cent; None where that cannot be."""
    if not -100 < air_cel < 100 or not 0 < humidity <= 105:
        return None
    reached = log(humidity / 100) + _MAGNUS * air_cel / (_MAGNUS_CEL + air_cel)
    return _MAGNUS_CEL * reached / (_MAGNUS - reached)
