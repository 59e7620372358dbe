"""Wet and flooded road as far as a drawn picture can show it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from haechi.contract.observations import Quality
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.motion import texture_of
from haechi.edge.vision.raising import Change
from haechi.edge.vision.scene_config import SurfaceConfig
from haechi.edge.vision.water.surface import Dry, Surface

ROAD = ((0.1, 0.5), (0.9, 0.5), (0.9, 0.95), (0.1, 0.95))
HIGH, WIDE = 90, 160


def surface(kind: str, *, active: bool = False, known: Dry | None = None) -> Surface:
    config = SurfaceConfig.model_validate(
        {"name": "dip", "kind": kind, "polygon": ROAD, "min_duration_s": 20, "clear_after_s": 20}
    )
    return Surface(config, period_s=10, active=active, known=known)


def street(seed: int = 0) -> NDArray[np.uint8]:
    chance = np.random.default_rng(1)
    picture = np.kron(chance.uniform(60, 160, (HIGH // 5, WIDE // 5)), np.ones((5, 5)))
    return np.clip(picture + np.random.default_rng(seed).normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def with_road(change: Callable[[NDArray[np.float64]], NDArray[np.float64]], seed: int) -> NDArray[np.uint8]:
    picture = street(seed).astype(np.float64)
    picture[40:88, 12:150] = change(picture[40:88, 12:150])
    return np.clip(picture, 0, 255).astype(np.uint8)


class Watch:
    """Shows a surface pictures, one a second."""

    def __init__(self, kind: str, *, active: bool = False, known: Dry | None = None) -> None:
        self.surface = surface(kind, active=active, known=known)
        self.now_s = 0.0
        self.measures: list[Measure] = []
        self.changes: list[Change] = []

    def show(self, draw: Callable[[int], NDArray[np.uint8]], seconds: int, *, objects: list[Box] | None = None) -> None:
        for _second in range(seconds):
            grey = draw(int(self.now_s))
            measures, change = self.surface.take(grey, texture_of(grey), objects or [], self.now_s)
            self.measures += measures
            self.changes += [] if change is None else [change]
            self.now_s += 1


def covered(seed: int) -> NDArray[np.uint8]:
    ripples = np.random.default_rng(seed).normal(0, 6, (48, 138))
    return with_road(lambda road: np.full_like(road, 95) + ripples, seed)


def test_a_road_whose_markings_are_gone_is_under_water_until_they_are_back() -> None:
    watch = Watch("flooded")
    watch.show(street, 60)
    watch.show(covered, 15)
    assert not watch.changes
    watch.show(covered, 15)
    assert [change.raised for change in watch.changes] == [True]
    watch.show(street, 30)
    assert [change.raised for change in watch.changes] == [True, False]


def test_a_flood_that_stands_is_not_taken_for_the_road_after_a_restart() -> None:
    before = Watch("flooded")
    before.show(street, 60)
    before.show(covered, 60)
    after = Watch("flooded", active=True, known=before.surface.known)
    after.show(covered, 100)
    assert not after.changes
    after.show(street, 30)
    assert [change.raised for change in after.changes] == [False]


def test_a_flood_of_which_nobody_knows_what_was_below_ends_by_no_look() -> None:
    watch = Watch("flooded", active=True)
    watch.show(covered, 60)
    watch.show(street, 60)
    assert not watch.changes
    assert watch.surface.known is None


def test_a_flood_stands_though_the_stream_changes_its_size() -> None:
    watch = Watch("flooded")
    watch.show(street, 60)
    watch.show(covered, 60)
    for draw in (covered, street):
        watch.show(lambda n, draw=draw: np.kron(draw(n), np.ones((2, 2))).astype(np.uint8), 60)  # type: ignore[misc]
    assert [change.raised for change in watch.changes] == [True, False]
    assert watch.now_s > 160


def test_how_dry_it_can_be_is_known_after_a_restart_in_the_rain() -> None:
    before = Watch("wetness")
    before.show(street, 60)
    after = Watch("wetness", known=before.surface.known)
    after.show(lambda seed: with_road(lambda road: road * 0.7, seed), 31)
    assert after.measures[-1].value > 0.3


def test_who_stands_there_while_it_is_learned_is_no_part_of_it() -> None:
    watch = Watch("flooded")
    lorry = Box(0.2, 0.5, 0.5, 0.9)
    drawn = with_road(lambda road: road, 1)
    drawn[45:80, 34:78] = np.random.default_rng(3).integers(0, 255, (35, 44))
    watch.show(lambda _n: drawn, 25, objects=[lorry])
    known = watch.surface.known
    assert known is not None
    assert known.texture is not None
    assert not known.texture[46:80, 33:79].any()


def test_night_and_fog_and_snow_and_a_lorry_are_no_flood() -> None:
    for draw, objects in (
        (lambda seed: (street(seed) * 0.05).astype(np.uint8), []),
        (lambda seed: np.full((HIGH, WIDE), 140, np.uint8), []),
        (lambda seed: with_road(lambda road: np.full_like(road, 250), seed), []),
        (covered, [Box(0.05, 0.3, 0.95, 1.0)]),
        (lambda seed: (street(seed) * 0.6).astype(np.uint8), []),
    ):
        watch = Watch("flooded")
        watch.show(street, 60)
        watch.show(draw, 60, objects=objects)
        assert not watch.changes


def test_a_darker_road_is_wetter_and_never_sure() -> None:
    watch = Watch("wetness")
    watch.show(street, 31)
    assert {measure.value for measure in watch.measures} <= {0.0, 0.01}
    watch.show(lambda seed: with_road(lambda road: road * 0.7, seed), 31)
    wet = watch.measures[-1]
    assert 0.3 < wet.value < 0.8
    assert wet.quality is Quality.UNCERTAIN
    watch.show(lambda seed: (street(seed) * 0.6).astype(np.uint8), 31)
    assert watch.measures[-1].value < 0.1, "a cloud over everything wets nothing"


def test_the_driest_is_learned_however_wet_the_start_was() -> None:
    watch = Watch("wetness")
    watch.show(lambda seed: with_road(lambda road: road * 0.7, seed), 60)
    assert watch.measures[-1].value == 0
    watch.show(street, 300)
    watch.show(lambda seed: with_road(lambda road: road * 0.7, seed), 30)
    assert watch.measures[-1].value > 0.3
