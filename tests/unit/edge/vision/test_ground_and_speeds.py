"""Metres and km/h from a picture, and what cannot be known from it."""

import math
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from haechi.contract.observations import Quality
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.ground import Ground, Spot
from haechi.edge.vision.speeds import Speeds
from haechi.edge.vision.tracker import Track

HEIGHT_M, FOCAL = 6.0, 1.2
HORIZON = 0.2


def seen_from_a_pole(x_m: float, y_m: float) -> Point:
    """Where a level camera six metres high sees a place on the road."""
    return Point(0.5 + FOCAL * x_m / y_m, HORIZON + FOCAL * HEIGHT_M / y_m)


SPOTS = (Spot(-3, 10), Spot(3, 10), Spot(3, 30), Spot(-3, 30))
ROAD = Ground([seen_from_a_pole(*spot) for spot in SPOTS], SPOTS)


@given(st.floats(-10, 10), st.floats(8, 120))
def test_places_on_the_road_come_out_where_they_are(x_m: float, y_m: float) -> None:
    found = ROAD.spot(seen_from_a_pole(x_m, y_m))
    assert found is not None
    assert found.distance_m(Spot(x_m, y_m)) < 1e-3


@given(st.floats(-5, 5), st.floats(-5, HORIZON))
def test_nothing_lies_on_the_road_at_the_horizon_or_above(x: float, y: float) -> None:
    assert ROAD.spot(Point(x, y)) is None
    assert ROAD.tremble_m(Point(x, y)) == math.inf
    assert ROAD.square_metres(Point(x, y)) == 0


def test_trembling_is_worth_more_the_further_away() -> None:
    worth = [ROAD.tremble_m(seen_from_a_pole(0, y_m)) for y_m in (10, 20, 40, 80)]
    assert worth == sorted(worth)
    assert worth[0] < 0.2 < 4 < worth[-1]


def test_a_horizon_through_the_corner_of_the_picture_is_none_of_our_business() -> None:
    spots = [Spot(0, 0), Spot(1, 0), Spot(1, 4), Spot(0, 4)]
    ground = Ground([Point(0.2, 0.9), Point(0.8, 0.9), Point(0.6, 0.4), Point(0.4, 0.4)], spots)
    assert ground.spot(Point(0.2, 0.9)) == pytest.approx(spots[0], abs=1e-9)


def seen_at(box: Box) -> Track:
    """An object as far as speeds care."""
    return cast(Track, SimpleNamespace(id=1, box=box, misses=0))


def driven(km_h: float, *, from_m: float, looks: int = 11, look_s: float = 0.2, way: float = 1) -> Speeds:
    speeds = Speeds(ROAD)
    for look in range(looks):
        foot = seen_from_a_pole(0, from_m + way * km_h / 3.6 * look * look_s)
        speeds.update([seen_at(Box(foot.x - 0.05, foot.y - 0.1, foot.x + 0.05, foot.y))], look * look_s)
    return speeds


@given(st.floats(5, 60), st.sampled_from([-1, 1]))
def test_speeds_near_by_are_right_and_sure(km_h: float, way: int) -> None:
    found = driven(km_h, from_m=10 if way > 0 else 10 + km_h / 3.6 * 2, way=way).of(1)
    assert found is not None
    assert found.km_h == pytest.approx(km_h, rel=0.01)
    assume(10 + km_h / 3.6 * 2 < 25)
    assert found.quality is Quality.GOOD


def test_speeds_near_the_horizon_are_uncertain() -> None:
    found = driven(30, from_m=80).of(1)
    assert found is not None
    assert found.quality is Quality.UNCERTAIN
    assert found.error_km_h > 6


def test_a_short_track_makes_an_uncertain_speed_and_one_look_none() -> None:
    short = driven(40, from_m=10, looks=3).of(1)
    assert short is not None
    assert short.quality is Quality.UNCERTAIN
    assert driven(40, from_m=10, looks=1).of(1) is None


def test_a_vehicle_cut_by_the_pictures_edge_does_not_brake() -> None:
    # Seven metres ahead the road leaves the picture: the box's foot stays at the edge while the car goes on.
    speeds = driven(30, from_m=10)
    before = speeds.of(1)
    speeds.update([seen_at(Box(0.4, 0.9, 0.6, 1.0))], 2.2)
    assert speeds.of(1) == before


def test_who_is_gone_is_forgotten() -> None:
    speeds = driven(30, from_m=10)
    speeds.update([], 5.0)
    assert speeds.of(1) is None
