"""Sides, crossings and polygons, on which every count and every zone rests."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from haechi.edge.vision.geometry import Box, Point, area, crosses_itself, inside, segments_cross, side

# A grid finer than any picture, on which the arithmetic is exact: "on the line" then means just that.
fractions = st.integers(0, 4096).map(lambda n: n / 4096)
points = st.builds(Point, fractions, fractions)
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), fractions, fractions, st.floats(0.001, 1), st.floats(0.001, 1)
)
SQUARE = [Point(0.2, 0.2), Point(0.8, 0.2), Point(0.8, 0.8), Point(0.2, 0.8)]


def test_right_of_a_line_drawn_to_the_right_is_the_lower_half() -> None:
    a, b = Point(0, 0.5), Point(1, 0.5)
    assert side(a, b, Point(0.3, 0.9)) == pytest.approx(0.4)
    assert side(a, b, Point(0.3, 0.1)) == pytest.approx(-0.4)


def test_right_of_a_line_drawn_downwards_is_the_left_half_of_the_picture() -> None:
    assert side(Point(0.5, 0), Point(0.5, 1), Point(0.1, 0.5)) > 0


@given(points, points, points)
def test_turning_a_line_round_swaps_its_sides(a: Point, b: Point, p: Point) -> None:
    assume(abs(a.x - b.x) + abs(a.y - b.y) > 0.01)
    assert side(a, b, p) == pytest.approx(-side(b, a, p), abs=1e-9)


@given(points, points, points, points)
def test_crossing_does_not_depend_on_order_or_direction(a: Point, b: Point, p: Point, q: Point) -> None:
    answer = segments_cross(a, b, p, q)
    assert segments_cross(p, q, a, b) == answer
    assert segments_cross(b, a, p, q) == answer
    assert segments_cross(a, b, q, p) == answer


def test_a_path_past_the_end_of_a_line_does_not_cross_it() -> None:
    a, b = Point(0.2, 0.5), Point(0.4, 0.5)
    assert segments_cross(a, b, Point(0.3, 0.4), Point(0.3, 0.6))
    assert not segments_cross(a, b, Point(0.5, 0.4), Point(0.5, 0.6))
    assert segments_cross(a, b, Point(0.4, 0.4), Point(0.4, 0.6))


@given(boxes, boxes)
def test_likeness_is_symmetric_and_one_only_for_the_same(one: Box, other: Box) -> None:
    assert one.likeness(other) == pytest.approx(other.likeness(one))
    assert 0 <= one.likeness(other) <= 1 + 1e-9
    assert one.likeness(one) == pytest.approx(1)


@given(points)
def test_inside_a_square(p: Point) -> None:
    assume(all(abs(v - edge) > 1e-6 for v in p for edge in (0.2, 0.8)))
    assert inside(SQUARE, p) == (0.2 < p.x < 0.8 and 0.2 < p.y < 0.8)


def test_a_notch_is_outside() -> None:
    notched = [Point(0, 0), Point(1, 0), Point(1, 1), Point(0.5, 0.3), Point(0, 1)]
    assert not inside(notched, Point(0.5, 0.8))
    assert inside(notched, Point(0.5, 0.1))


def test_a_bow_tie_crosses_itself() -> None:
    assert crosses_itself([Point(0, 0), Point(1, 1), Point(1, 0), Point(0, 1)])
    assert not crosses_itself(SQUARE)
    assert area(SQUARE) == pytest.approx(0.36)
