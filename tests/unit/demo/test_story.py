"""The story shows what the demo promises: every level is passed, the underpass floods, and all is calm at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.demo import story
from haechi.demo.report import Counts, Quantiles


def test_the_river_passes_every_level_and_falls_back() -> None:
    levels = [story.at(second).river_m for second in range(int(story.PERIOD_S))]
    assert levels[0] < 1.9
    assert max(levels) > 3.3
    assert levels[int(story.OVER_S)] < 1.9


def test_the_underpass_floods_and_dries_and_the_traffic_above_stands() -> None:
    assert story.at(5).underpass_m == 0
    assert story.at(105).underpass_m > 0.3
    assert story.at(105).traffic_km_h < 15
    assert story.at(story.OVER_S).underpass_m == 0
    assert story.at(story.OVER_S).traffic_km_h > 40


@given(st.floats(0, 1e6))
def test_nothing_impossible_is_ever_shown(second: float) -> None:
    moment = story.at(second)
    assert 0 <= moment.rain_mm_h < 100
    assert 1 <= moment.river_m < 4
    assert 0 <= moment.underpass_m < 0.6
    assert 0 < moment.traffic_km_h < 60
    assert 0 < moment.traffic_veh_h < 2000
    assert moment.chapter


@pytest.mark.parametrize(("run_s", "speed"), [(None, 1.0), (90.0, story.OVER_S / 76.5), (600.0, 1.0)])
def test_a_short_run_still_tells_the_whole_story(run_s: float | None, speed: float) -> None:
    assert story.speed_for(run_s) == speed


@pytest.mark.parametrize(
    ("committed", "stored", "lost", "expected"),
    [(10, 10, 0, (0, 0)), (10, 11, 0, (1, 0)), (10, 8, 0, (0, 2)), (10, 8, 2, (0, 0)), (10, 8, 1, (0, 1))],
)
def test_committed_against_stored(committed: int, stored: int, lost: int, expected: tuple[int, int]) -> None:
    counts = Counts.of(committed, stored, lost)
    assert (counts.repeated, counts.lost_unreported) == expected


def test_quantiles_are_nearest_ranks() -> None:
    assert Quantiles.of([]) == Quantiles(None, None)
    assert Quantiles.of([3.0]) == Quantiles(3.0, 3.0)
    assert Quantiles.of([float(number) for number in range(100, 0, -1)]) == Quantiles(51.0, 96.0)
