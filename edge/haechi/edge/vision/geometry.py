"""Plane geometry of camera pictures: boxes, lines, polygons. Pure, and exact about its conventions.

All coordinates are fractions of the picture: (0, 0) is the top left corner, x grows to the right, y grows **down**.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Point(NamedTuple):
    """A point of the picture."""

    x: float
    y: float


class Box(NamedTuple):
    """An upright rectangle; `right` ≥ `left`, `bottom` ≥ `top`."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent along y."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Share of the picture that it covers."""
        return self.width * self.height

    @property
    def centre(self) -> Point:
        """Its middle."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    @property
    def foot(self) -> Point:
        """The middle of its lower edge: where the object stands on the ground."""
        return Point((self.left + self.right) / 2, self.bottom)

    def moved(self, dx: float, dy: float) -> Box:
        """The same box elsewhere."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def grown(self, share: float) -> Box:
        """The box with `share` of its width added left and right, of its height above and below."""
        dx, dy = self.width * share, self.height * share
        return Box(self.left - dx, self.top - dy, self.right + dx, self.bottom + dy)

    def overlap(self, other: Box) -> float:
        """Area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0

    def likeness(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        shared = self.overlap(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


def side(a: Point, b: Point, p: Point) -> float:
    """Signed distance of `p` from the straight line through `a` and `b`: positive on the **right** of a→b.

    Right and left are those of somebody who stands on the picture at `a`, sees it as it is shown, and walks to `b`:
    with `a` at the left edge and `b` at the right edge, the right side is the lower half of the picture. `a` and `b`
    must differ.
    """
    dx, dy = b.x - a.x, b.y - a.y
    return float((dx * (p.y - a.y) - dy * (p.x - a.x)) / (dx * dx + dy * dy) ** 0.5)


def along(a: Point, b: Point, p: Point) -> float:
    """How far `p` lies ahead of `a` on the way to `b`, which must differ; behind `a` it is negative."""
    dx, dy = b.x - a.x, b.y - a.y
    return float((dx * (p.x - a.x) + dy * (p.y - a.y)) / (dx * dx + dy * dy) ** 0.5)


def extent_across(a: Point, b: Point, box: Box) -> float:
    """How large a box is when measured at right angles to the line through `a` and `b`, which must differ."""
    dx, dy = abs(b.x - a.x), abs(b.y - a.y)
    return float((dy * box.width + dx * box.height) / (dx * dx + dy * dy) ** 0.5)


def segments_cross(a: Point, b: Point, p: Point, q: Point) -> bool:
    """Whether the segments a–b and p–q have a point in common, ends included."""

    def turn(o: Point, u: Point, v: Point) -> float:
        return (u.x - o.x) * (v.y - o.y) - (u.y - o.y) * (v.x - o.x)

    def between(o: Point, u: Point, v: Point) -> bool:
        return min(o.x, u.x) <= v.x <= max(o.x, u.x) and min(o.y, u.y) <= v.y <= max(o.y, u.y)

    d1, d2, d3, d4 = turn(p, q, a), turn(p, q, b), turn(a, b, p), turn(a, b, q)
    if ((d1 > 0 > d2) or (d1 < 0 < d2)) and ((d3 > 0 > d4) or (d3 < 0 < d4)):
        return True
    return (
        (d1 == 0 and between(p, q, a))
        or (d2 == 0 and between(p, q, b))
        or (d3 == 0 and between(a, b, p))
        or (d4 == 0 and between(a, b, q))
    )


def inside(polygon: Sequence[Point], p: Point) -> bool:
    """Whether `p` lies in the polygon (even-odd rule); on the very edge either answer may come."""
    within = False
    before = polygon[-1]
    for corner in polygon:
        if (corner.y > p.y) != (before.y > p.y):
            x = corner.x + (p.y - corner.y) / (before.y - corner.y) * (before.x - corner.x)
            within ^= p.x < x
        before = corner
    return within


def area(polygon: Sequence[Point]) -> float:
    """Area of a polygon that does not cross itself."""
    return abs(sum(p.x * q.y - q.x * p.y for p, q in zip(polygon, [*polygon[1:], polygon[0]], strict=True))) / 2


def crosses_itself(polygon: Sequence[Point]) -> bool:
    """Whether two sides of the polygon that are not neighbours meet."""
    sides = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    return any(
        segments_cross(*sides[i], *sides[j])
        for i in range(len(sides))
        for j in range(i + 2, len(sides))
        if (j + 1) % len(sides) != i
    )
