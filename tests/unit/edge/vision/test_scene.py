"""Counts across lines and events in zones, without a camera."""

import math
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.vision.config import LineConfig, ZoneConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.scene import Crossing, Scene
from haechi.edge.vision.tracker import Tracker
from haechi.edge.vision.zones import Change
from support.moving import between, seen

LOOK_S = 0.2
LINE = LineConfig(name="gate", a=(0.1, 0.5), b=(0.9, 0.5))
ZONE = ZoneConfig(name="bank", kind="intrusion", polygon=((0.4, 0.4), (0.8, 0.4), (0.8, 0.8), (0.4, 0.8)))
STOP = ZoneConfig(name="lane", kind="stopped_vehicle", polygon=ZONE.polygon, min_duration_s=10)


class Film:
    """Runs tracker and scene over looks."""

    def __init__(self, *, lines: Iterable[LineConfig] = (), zones: Iterable[ZoneConfig] = (), active: str = "") -> None:
        self.tracker = Tracker(score_min=0.4)
        self.scene = Scene(lines, zones, active=frozenset({active} - {""}))
        self.now_s = 0.0
        self.crossings: list[Crossing] = []
        self.changes: list[tuple[float, Change]] = []

    def show(self, looks: Iterable[Sequence[Detection]]) -> "Film":
        for detections in looks:
            crossings, changes = self.scene.update(self.tracker.look(detections, self.now_s), self.now_s)
            self.crossings += crossings
            self.changes += [(round(self.now_s, 3), change) for change in changes]
            self.now_s += LOOK_S
        return self

    @property
    def directions(self) -> list[str]:
        return [crossing.direction for crossing in self.crossings]

    @property
    def phases(self) -> list[bool]:
        return [change.raised for _, change in self.changes]


def walk(a: Point, b: Point, looks: int = 25) -> list[list[Detection]]:
    return [[seen(between(a, b, i / (looks - 1)))] for i in range(looks)]


def test_down_the_picture_over_a_line_drawn_to_the_right_is_forward() -> None:
    assert Film(lines=[LINE]).show(walk(Point(0.5, 0.2), Point(0.5, 0.9))).directions == ["forward"]
    assert Film(lines=[LINE]).show(walk(Point(0.5, 0.9), Point(0.5, 0.2))).directions == ["backward"]


def ride(a: Point, b: Point, looks: int = 25) -> list[list[Detection]]:
    """Somebody on a bicycle, as a detector says it."""
    return [
        [
            seen(Point(at.x + 0.005, at.y - 0.03)),
            *([seen(at, "bicycle", 0.6, width=0.08, height=0.09)] if i % 4 else []),  # it misses one now and then
        ]
        for i in range(looks)
        for at in [between(a, b, i / (looks - 1))]
    ]


@pytest.mark.parametrize("classes", [("person", "bicycle"), ("person",), ("bicycle", "car")])
def test_somebody_on_a_bicycle_crosses_once_there_and_once_back(classes: tuple[str, ...]) -> None:
    line = LineConfig.model_validate({"name": "gate", "a": (0.1, 0.5), "b": (0.9, 0.5), "classes": classes})
    there, back = ride(Point(0.3, 0.2), Point(0.6, 0.9)), ride(Point(0.6, 0.9), Point(0.3, 0.2))
    assert Film(lines=[line]).show(there + back).directions == ["forward", "backward"]


def test_who_passes_a_cyclist_or_a_bicycle_that_stands_there_counts_as_well() -> None:
    cyclist, walker = ride(Point(0.5, 0.2), Point(0.5, 0.9)), walk(Point(0.5, 0.9), Point(0.52, 0.2))
    both = [[*one, *other] for one, other in zip(cyclist, walker, strict=True)]
    assert sorted(Film(lines=[LINE]).show(both).directions) == ["backward", "forward"]
    parked = seen(Point(0.52, 0.52), "bicycle", width=0.08, height=0.09)
    assert Film(lines=[LINE]).show([[*look, parked] for look in walker]).directions == ["backward"]


def test_past_the_end_of_the_line_is_no_crossing() -> None:
    assert not Film(lines=[LINE]).show(walk(Point(0.95, 0.2), Point(0.95, 0.9))).crossings


def test_other_classes_are_not_counted() -> None:
    only_cars = LINE.model_copy(update={"classes": ("car",)})
    assert not Film(lines=[only_cars]).show(walk(Point(0.5, 0.2), Point(0.5, 0.9))).crossings


def test_a_fast_one_that_crosses_before_it_counts_is_counted_once_it_does() -> None:
    film = Film(lines=[LINE]).show(walk(Point(0.5, 0.47), Point(0.5, 0.8), looks=5))
    assert film.directions == ["forward"]


def hidden(film: Film, looks: int) -> None:
    """Looks that could not show who is there."""
    for _ in range(looks):
        crossings, changes = film.scene.update(film.tracker.look([], film.now_s, lambda _box: True), film.now_s)
        film.crossings += crossings
        film.changes += [(film.now_s, change) for change in changes]
        film.now_s += LOOK_S


@pytest.mark.parametrize("seen_beyond", [False, True])
def test_who_could_not_be_seen_crosses_and_comes_in_only_when_seen_there(seen_beyond: bool) -> None:
    """Where somebody should be by now proves nothing."""
    polygon = ((0.1, 0.5), (0.9, 0.5), (0.9, 0.9), (0.1, 0.9))
    beyond = ZONE.model_copy(update={"polygon": polygon, "min_duration_s": 0.2})
    film = Film(lines=[LINE], zones=[beyond]).show(walk(Point(0.5, 0.3), Point(0.5, 0.45), looks=6))
    hidden(film, 4)
    assert film.tracker.tracks[0].box.foot.y > 0.53
    assert not film.crossings
    assert not film.changes
    film.show([[seen(Point(0.5, 0.6))] if seen_beyond else []] * 12)
    assert film.directions == ["forward"] * seen_beyond
    assert film.phases == [True] * seen_beyond


@given(st.integers(0, 2**32 - 1))
def test_a_parked_car_whose_box_trembles_on_the_line_is_never_counted(seed: int) -> None:
    chance = random.Random(seed)
    looks = [[seen(Point(0.5, 0.5 + chance.uniform(-0.02, 0.02)), "car", width=0.12, height=0.12)] for _ in range(200)]
    assert not Film(lines=[LINE]).show(looks).crossings


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_each_way_over_the_line_counts_once_however_the_box_trembles(seed: int, turns: int) -> None:
    chance = random.Random(seed)
    ends = [Point(0.5, 0.25), Point(0.5, 0.85)]
    looks = []
    for turn in range(turns + 1):
        for detections in walk(ends[turn % 2], ends[(turn + 1) % 2], looks=30):
            ((box, label, score),) = detections
            tremble = chance.uniform(-0.008, 0.008)
            looks.append([Detection(box.moved(tremble, tremble), label, score)])
    assert (
        Film(lines=[LINE]).show(looks).directions
        == ["forward", "backward", "forward", "backward", "forward"][: turns + 1]
    )


def test_intrusion_is_raised_once_and_cleared_once() -> None:
    film = Film(zones=[ZONE])
    film.show(walk(Point(0.1, 0.6), Point(0.6, 0.6))).show(walk(Point(0.6, 0.6), Point(0.95, 0.6)))
    film.show([[]] * 60)
    assert film.phases == [True, False]
    (raised_s, raised), (cleared_s, cleared) = film.changes
    assert raised.label == "person"
    assert raised.box is not None
    assert raised_s - raised.since_s >= ZONE.lasting_s - 1e-6
    assert cleared_s - raised_s > ZONE.clear_after_s
    assert cleared.number == 1


def test_a_zone_to_the_edge_of_the_picture_holds_whose_feet_are_below_it() -> None:
    whole = ZONE.model_copy(update={"polygon": ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))})
    film = Film(zones=[whole]).show(walk(Point(0.2, 1.0), Point(0.8, 1.0)))
    assert film.phases == [True]


def test_who_comes_after_nobody_was_there_for_long_enough_is_an_event_of_their_own() -> None:
    """A flicker is bridged, and is no longer absence."""
    here = [[seen(Point(0.6, 0.6))]] * 30
    film = Film(zones=[ZONE]).show(here).show([[]] * 24).show(here)
    assert film.phases == [True]
    film.show([[]] * 27).show(here)
    assert film.phases == [True, False, True]


def test_a_short_step_into_the_zone_is_no_intrusion() -> None:
    film = Film(zones=[ZONE])
    film.show(walk(Point(0.2, 0.6), Point(0.42, 0.6), 20)).show(walk(Point(0.42, 0.6), Point(0.2, 0.6), 20))
    assert not film.changes


def test_flicker_and_a_second_person_do_not_raise_again() -> None:
    film = Film(zones=[ZONE])
    chance = random.Random(3)
    for i in range(200):
        people = [seen(Point(0.5, 0.6))] if chance.random() > 0.3 else []
        people += [seen(Point(0.7, 0.7))] if i > 80 else []
        film.show([people])
    assert film.phases == [True]
    film.show([[]] * 60)
    assert film.phases == [True, False]
    assert film.changes[1][1].number == 2


def test_a_condition_from_before_ends_when_nothing_is_there() -> None:
    film = Film(zones=[ZONE], active="bank").show([[]] * 60)
    assert film.phases == [False]
    assert film.changes[0][0] >= ZONE.clear_after_s


def test_a_condition_from_before_that_lasts_is_not_raised_again() -> None:
    film = Film(zones=[ZONE], active="bank").show([[seen(Point(0.6, 0.6))]] * 100)
    assert not film.changes


def test_a_vehicle_that_stops_is_told_and_one_that_crawls_is_not() -> None:
    stopped = [[seen(Point(0.6, 0.6), "car")]] * 75
    assert Film(zones=[STOP]).show(stopped).phases == [True]
    crawling = [[seen(Point(0.42 + 0.004 * i, 0.6), "car")] for i in range(90)]
    assert not Film(zones=[STOP]).show(crawling).changes


def test_a_stopped_vehicle_ends_when_it_drives_on() -> None:
    film = Film(zones=[STOP]).show([[seen(Point(0.6, 0.6), "car")]] * 75)
    film.show([[seen(Point(0.6 + 0.01 * i, 0.6), "car")] for i in range(30)]).show([[]] * 40)
    assert film.phases == [True, False]


def test_a_person_standing_is_no_stopped_vehicle() -> None:
    assert not Film(zones=[STOP]).show([[seen(Point(0.6, 0.6))]] * 75).changes


def test_a_camera_that_was_away_ends_no_condition_by_its_absence() -> None:
    film = Film(zones=[ZONE]).show([[seen(Point(0.6, 0.6))]] * 20)
    film.scene.forget()
    film.tracker = Tracker(score_min=0.4)
    film.now_s += 600
    film.show([[seen(Point(0.6, 0.6))]] * 20)
    assert film.phases == [True]
    film.show([[]] * 60)
    assert film.phases == [True, False]
    assert film.changes[1][1].since_s < 1


def test_looks_may_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that manages a look only every two seconds still sees who stays."""
    monkeypatch.setattr(f"{__name__}.LOOK_S", 2.0)
    assert Film(zones=[ZONE]).show([[seen(Point(0.6, 0.6))]] * 10).phases == [True]


def zone(kind: str, **changes: object) -> ZoneConfig:
    return ZoneConfig.model_validate({"name": "area", "kind": kind, "polygon": ZONE.polygon} | changes)


def test_who_stays_loiters_though_they_walk_about_and_who_passes_does_not() -> None:
    about = [[seen(Point(0.6 + 0.1 * math.sin(i / 20), 0.6))] for i in range(320)]
    film = Film(zones=[zone("loitering")]).show(about)
    assert film.phases == [True]
    assert film.changes[0][0] >= 60
    passing = walk(Point(0.2, 0.6), Point(0.95, 0.6), 100)
    assert not Film(zones=[zone("loitering", min_duration_s=15)]).show(passing).changes


def test_a_crowd_is_so_many_for_so_long() -> None:
    def people(count: int) -> list[Detection]:
        return [seen(Point(0.42 + 0.08 * n, 0.6)) for n in range(count)]

    film = Film(zones=[zone("crowding", count_min=4, min_duration_s=5)])
    assert not film.show([people(3)] * 60).changes
    assert not film.show([people(4)] * 20).changes
    assert not film.show([people(3)] * 20).changes
    film.show([people(4)] * 40)
    assert film.phases == [True]
    (at_s, raised) = film.changes[0]
    assert raised.number == 4
    assert at_s - raised.since_s == pytest.approx(5, abs=0.3)
    film.show([people(2)] * 60)
    assert film.phases == [True, False]


def test_parking_is_standing_for_long() -> None:
    film = Film(zones=[zone("parking", min_duration_s=30)]).show([[seen(Point(0.6, 0.6), "car")]] * 145)
    assert not film.changes
    assert film.show([[seen(Point(0.6, 0.6), "car")]] * 15).phases == [True]


@pytest.mark.parametrize(
    ("way", "wrong"), [(((0, 0), (0, 1)), "up"), (((0, 1), (0, 0)), "down"), (((0, 0), (1, 0)), "left")]
)
def test_who_goes_against_the_way_is_told_and_nobody_else(way: tuple[object, object], wrong: str) -> None:
    ways = {
        "up": (Point(0.6, 0.95), Point(0.6, 0.3)),
        "down": (Point(0.6, 0.3), Point(0.6, 0.95)),
        "left": (Point(0.95, 0.6), Point(0.3, 0.6)),
        "right": (Point(0.3, 0.6), Point(0.95, 0.6)),
    }
    for name, (start, end) in ways.items():
        drive = [[seen(between(start, end, i / 24), "car")] for i in range(25)]
        film = Film(zones=[zone("wrong_way", way=way)]).show(drive)
        assert film.phases == ([True] if name == wrong else [])


def test_a_car_that_stands_or_rolls_back_a_little_is_not_on_the_wrong_way() -> None:
    film = Film(zones=[zone("wrong_way", way=((0, 0), (0, 1)))])
    film.show([[seen(Point(0.6, 0.7 + 0.02 * math.sin(i)), "car")] for i in range(100)])
    film.show([[seen(Point(0.6, 0.7 - 0.001 * i), "car")] for i in range(60)])
    assert not film.changes


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "wrong_way"},
        {"kind": "intrusion", "way": ((0, 0), (1, 1))},
        {"kind": "wrong_way", "way": ((0.5, 0.5), (0.5, 0.5))},
    ],
)
def test_a_way_belongs_to_the_wrong_way_alone(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="way:"):
        ZoneConfig.model_validate({"name": "area", "polygon": ZONE.polygon} | changes)


CAR, GONE, CROWD = (
    [seen(Point(0.6, 0.6), "car")],
    list[Detection](),
    [seen(Point(0.42 + 0.08 * n, 0.6)) for n in range(5)],
)


@pytest.mark.parametrize(
    ("watched", "there", "hidden"),
    [
        (STOP, CAR, GONE),
        (zone("parking", min_duration_s=30), CAR, GONE),
        (zone("loitering", min_duration_s=30), [seen(Point(0.6, 0.6))], GONE),
        (zone("crowding"), CROWD, CROWD[1:]),
        (zone("bay", min_duration_s=5, stay_max_s=30), CAR, GONE),
    ],
    ids=lambda value: value.kind if isinstance(value, ZoneConfig) else "",
)
def test_what_was_raised_and_still_stands_is_raised_once(
    watched: ZoneConfig, there: list[Detection], hidden: list[Detection]
) -> None:
    """A lorry in front of it makes another object of it, a lost camera or a restart of everybody."""
    film = Film(zones=[watched]).show([there] * 200)
    assert film.phases == [True]
    film.show([hidden] * 15).show([there] * 200)
    film.scene.forget()
    film.tracker = Tracker(score_min=0.4)
    film.now_s += 60
    film.show([there] * 200)
    assert film.phases == [True]
    after = Film(zones=[watched], active="" + watched.name).show([there] * 200)
    assert not after.changes
    assert after.show([GONE] * 60).phases == [False]
    assert film.show([GONE] * 60).phases == [True, False]


def test_who_drives_past_is_no_stopped_vehicle_that_still_stands() -> None:
    film = Film(zones=[STOP]).show([CAR] * 75)
    for _vehicle in range(8):
        film.show([[seen(between(Point(0.42, 0.6), Point(0.78, 0.6), i / 9), "car")] for i in range(10)])
    assert film.phases == [True, False]


def test_another_vehicle_in_a_bay_is_no_violation_that_still_stands() -> None:
    film = Film(zones=[zone("bay", min_duration_s=2, stay_max_s=20)]).show([CAR] * 120)
    film.show([GONE] * 5).show([[seen(Point(0.5, 0.75), "car", width=0.1, height=0.1)]] * 50)
    assert film.phases == [True, False]


def test_a_slow_camera_has_three_looks_to_know_who_is_there_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.LOOK_S", 6.0)
    film = Film(zones=[STOP], active="lane").show([CAR] * 10)
    assert not film.changes
    assert film.show([GONE] * 10).phases == [False]
