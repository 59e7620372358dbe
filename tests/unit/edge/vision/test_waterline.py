"""Where the water meets a gauge: drawn pictures whose truth is known, and pictures in which nobody could tell."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Point
from haechi.edge.vision.water.waterline import Doubt, find

HIGH, WIDE = 300, 400
A, B = Point(0.5, 0.1), Point(0.5, 0.9)
WIDTH = 0.06


def staff(*, evenly: bool = False) -> NDArray[np.float64]:
    """A white staff with marks before dark reeds: as different as figures are, or all the same."""
    dry = np.full((HIGH, WIDE), 70.0)
    dry[:, 180:220] = 210
    chance = np.random.default_rng(4)
    for mark in range(15, HIGH, 12):
        if evenly:
            dry[mark : mark + 5, 200:214] = 40
        elif chance.random() < 0.5:
            dry[mark : mark + chance.integers(3, 10), chance.integers(183, 205) : 214] = 40
    return dry


def gauge(
    water: float,
    *,
    reflects: float = 0.5,
    light: float = 1.0,
    noise: float = 3.0,
    dry: NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    """A staff in water: below the water's row it is mirrored and dimmer."""
    dry = staff() if dry is None else dry
    row = round(water * HIGH)
    seen = dry.copy()
    for y in range(row, HIGH):
        above = 2 * row - y - 1
        seen[y] = reflects * dry[above] if above >= 0 else 40
    chance = np.random.default_rng(round(water * 1e6))
    return np.clip(seen * light + chance.normal(0, noise, seen.shape), 0, 255).astype(np.uint8)


def row_of(picture: NDArray[np.uint8]) -> float | Doubt | None:
    found = find(picture, A, B, WIDTH)
    return found.doubt if found.at is None else A.y + found.at * (B.y - A.y)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.2, 0.8), st.floats(0.3, 0.7), st.floats(0.4, 1.1))
def test_a_level_is_right_or_doubted_whatever_the_light(water: float, reflects: float, light: float) -> None:
    found = row_of(gauge(water, reflects=reflects, light=light))
    assert isinstance(found, Doubt) or found == pytest.approx(water, abs=0.03)


@pytest.mark.parametrize("water", [0.25, 0.4, 0.5, 0.6])
def test_by_day_a_level_is_told(water: float) -> None:
    assert row_of(gauge(water)) == pytest.approx(water, abs=0.01)


def test_a_slanting_line_is_read_along_itself() -> None:
    slant = cv2.warpAffine(
        gauge(0.5), cv2.getRotationMatrix2D((WIDE / 2, HIGH / 2), 3, 1.0), (WIDE, HIGH), borderMode=cv2.BORDER_REPLICATE
    )
    found = find(np.asarray(slant, np.uint8), Point(0.485, 0.1), Point(0.515, 0.9), WIDTH)
    assert found.at == pytest.approx(0.5, abs=0.03)


def test_too_little_light_is_doubt() -> None:
    assert row_of(gauge(0.5, light=0.1)) is Doubt.DARK


def test_glare_is_doubt() -> None:
    washed = np.where(staff() > 100, 255.0, 70.0)
    assert row_of(gauge(0.6, dry=washed)) is Doubt.GLARE, "the line may hide in the white above"
    lit = gauge(0.5)
    lit[150:, 170:230] = 253
    assert isinstance(row_of(lit), Doubt)


def test_fog_over_everything_is_doubt() -> None:
    fog = (gauge(0.5) * 0.1 + 180).astype(np.uint8)
    assert row_of(fog) is Doubt.NO_STEP


def test_a_gauge_without_water_and_water_without_a_gauge_are_doubt() -> None:
    assert row_of(gauge(1.0)) is Doubt.NO_STEP
    assert isinstance(row_of(np.full((HIGH, WIDE), 60, np.uint8)), Doubt)


def test_water_beyond_the_line_is_doubt() -> None:
    assert row_of(gauge(0.91)) is Doubt.AT_THE_END


def test_a_slanting_shadow_is_no_water_line() -> None:
    shaded = gauge(1.0).astype(np.float64)
    y, x = np.mgrid[:HIGH, :WIDE]
    shaded[y > 150 + (x - 200)] *= 0.4
    assert row_of(shaded.astype(np.uint8)) is Doubt.UNLIKE_WATER


def stained(picture: NDArray[np.float64], row: int, factor: float) -> NDArray[np.float64]:
    """What is below a row of the staff is darker, as where mud dried on it."""
    darker = picture.copy()
    darker[row:, 180:220] *= factor
    return darker


@pytest.mark.parametrize("factor", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("row", [80, 112, 131])
def test_the_edge_of_a_stain_is_no_water_line(row: int, factor: float) -> None:
    assert isinstance(row_of(gauge(1.0, dry=stained(staff(), row, factor))), Doubt), "a dry gauge"
    found = row_of(gauge(0.6, dry=stained(staff(), row, factor)))
    assert isinstance(found, Doubt) or found == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("row", range(100, 124, 3))
def test_a_painting_that_is_its_own_mirror_proves_no_mirror(row: int) -> None:
    assert isinstance(row_of(gauge(1.0, dry=stained(staff(evenly=True), row, 0.6))), Doubt)


@pytest.mark.parametrize("reach", [0.2, 0.4, 0.6])
def test_the_level_edge_of_a_shadow_over_everything_is_no_water_line(reach: float) -> None:
    shaded = staff()
    shaded[120:] *= reach
    assert isinstance(row_of(gauge(1.0, dry=shaded)), Doubt)


def test_in_water_that_mirrors_nothing_the_gauge_is_gone() -> None:
    muddy = gauge(0.48)
    muddy[144:] = 60 + np.random.default_rng(1).normal(0, 4, muddy[144:].shape)
    assert row_of(muddy) == pytest.approx(0.48, abs=0.01)


def test_what_covers_the_gauge_and_the_line_is_no_water() -> None:
    covered = gauge(0.6)
    covered[140:200, 160:240] = 30
    assert isinstance(row_of(covered), Doubt)


def test_the_lower_end_of_a_perfect_reflection_is_no_water_line() -> None:
    gauge_ends = staff()
    gauge_ends[:60] = 70
    found = row_of(gauge(0.5, reflects=0.98, dry=gauge_ends))
    assert isinstance(found, Doubt) or found == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("thick", [3, 6, 12])
def test_a_branch_that_floats_is_no_water_line(thick: int) -> None:
    picture = gauge(0.5)
    cv2.line(picture, (60, 180), (340, 176), 20, thick)
    found = row_of(picture)
    assert isinstance(found, Doubt) or found == pytest.approx(0.5, abs=0.03)


def test_a_slanting_figure_in_a_strip_too_narrow_to_show_it_is_no_water_line() -> None:
    y, x = np.mgrid[:HIGH, :WIDE]
    picture = np.where(y > 150 + (x - 200), 50, 210).astype(np.uint8)
    assert find(picture, A, B, 0.03).doubt is Doubt.UNLIKE_WATER


def test_a_weaker_step_above_the_strong_one_is_doubt() -> None:
    picture = np.full((HIGH, WIDE), 200, np.uint8)
    picture[100:112] = np.linspace(200, 140, 12)[:, None]
    picture[112:] = 140
    picture[200:] = 60
    assert row_of(picture) is Doubt.UNLIKE_WATER


def test_the_lower_end_of_the_reflection_is_not_taken_for_the_line() -> None:
    picture = gauge(0.5)
    picture[round(0.8 * HIGH) :] = 15
    assert row_of(picture) == pytest.approx(0.5, abs=0.01)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1), st.floats(0.005, 0.3))
def test_no_picture_and_no_line_is_too_odd(high: int, wide: int, x: float, y: float, width: float) -> None:
    found = find(np.full((high, wide), 128, np.uint8), Point(x, 0), Point(y, 1), width)
    assert found.at is None
