"""From a picture's fractions to metres on the ground, and how far that can be trusted. Pure.

Promise: four points whose places are known make a plane (a homography: Hartley & Zisserman, Multiple View Geometry,
2nd ed., section 4.1); what lies at or beyond its horizon has no place. The nearer to the horizon, the more metres the
trembling of a box is worth; :meth:`Ground.tremble_m` says how many, so that nobody takes such a place for sure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from haechi.edge.vision.geometry import Point

TREMBLE = 0.005
"""Fraction of the picture by which a box trembles from look to look."""
_HORIZON_SHARE = 0.02  # of the depth of the known points: so near the horizon nothing is known any more


class Spot(NamedTuple):
    """A place on the ground, metres."""

    x_m: float
    y_m: float

    def distance_m(self, other: Spot) -> float:
        """How far it is from another."""
        return math.hypot(self.x_m - other.x_m, self.y_m - other.y_m)


class Ground:
    """The plane that a camera looks at."""

    def __init__(self, points: Sequence[Point], spots: Sequence[Spot]) -> None:
        """Takes four points of the picture and where each lies; no three on one line.

        Raises:
            ValueError: they make no plane.
        """
        # Measured from their middle, which lies on the ground for sure: there the depth may be called 1.
        self._middle = Point(sum(p.x for p in points) / len(points), sum(p.y for p in points) / len(points))
        import numpy as np

        rows, known = [], []
        for given, spot in zip(points, spots, strict=True):
            point = self._from_middle(given)
            rows.append([point.x, point.y, 1, 0, 0, 0, -point.x * spot.x_m, -point.y * spot.x_m])
            rows.append([0, 0, 0, point.x, point.y, 1, -point.x * spot.y_m, -point.y * spot.y_m])
            known += [spot.x_m, spot.y_m]
        try:
            found = np.linalg.solve(np.array(rows, np.float64), np.array(known, np.float64))
        except np.linalg.LinAlgError:
            raise ValueError("three of the points lie on one line") from None
        self._h = tuple(float(value) for value in found)
        depths = [self._depth(point) for point in points]
        # Points on both sides of the horizon cannot all lie on the ground.
        if min(depths) <= 0 or not all(map(math.isfinite, self._h)):
            raise ValueError("the horizon passes between the points")
        self._depth_min = _HORIZON_SHARE * min(depths)

    def spot(self, point: Point) -> Spot | None:
        """Where a point of the picture lies; None at the horizon and beyond."""
        depth = self._depth(point)
        if depth <= self._depth_min:
            return None
        a, b, c, d, e, f, _g, _h = self._h
        x, y = self._from_middle(point)
        return Spot((a * x + b * y + c) / depth, (d * x + e * y + f) / depth)

    def tremble_m(self, point: Point) -> float:
        """How many metres the trembling of a box is worth there; infinite at the horizon."""
        here = self.spot(point)
        if here is None:
            return math.inf
        beside = [
            self.spot(Point(point.x + dx, point.y + dy)) for dx, dy in ((TREMBLE, 0), (0, TREMBLE), (0, -TREMBLE))
        ]
        return max(math.inf if spot is None else here.distance_m(spot) for spot in beside)

    def square_metres(self, point: Point) -> float:
        """How large a small patch of the picture is there, in square metres a whole picture; 0 beyond the horizon."""
        here = self.spot(point)
        right, down = self.spot(Point(point.x + 1e-4, point.y)), self.spot(Point(point.x, point.y + 1e-4))
        if here is None or right is None or down is None:
            return 0.0
        ax, ay, bx, by = right.x_m - here.x_m, right.y_m - here.y_m, down.x_m - here.x_m, down.y_m - here.y_m
        return abs(ax * by - ay * bx) * 1e8

    def _depth(self, point: Point) -> float:
        x, y = self._from_middle(point)
        return self._h[6] * x + self._h[7] * y + 1.0

    def _from_middle(self, point: Point) -> Point:
        return Point(point.x - self._middle.x, point.y - self._middle.y)
