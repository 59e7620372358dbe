"""Bays, queues, congestion and left things, without a camera."""

from collections.abc import Callable, Iterable, Sequence

import pytest

from haechi.contract.observations import Quality
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.ground import Ground, Spot
from haechi.edge.vision.labels import Label
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change
from haechi.edge.vision.scene import Scene
from haechi.edge.vision.scene_config import HoursConfig, LineConfig, ZoneConfig
from haechi.edge.vision.tracker import Track, Tracker
from support.moving import between, seen

LOOK_S = 0.2
HALF = ((0.2, 0.3), (0.8, 0.3), (0.8, 1.0), (0.2, 1.0))
FLAT = Ground(  # a road seen from straight above, 40 m by 40 m
    [Point(0, 0), Point(1, 0), Point(1, 1), Point(0, 1)], [Spot(0, 0), Spot(40, 0), Spot(40, 40), Spot(0, 40)]
)


def zone(kind: str, **settings: object) -> ZoneConfig:
    return ZoneConfig.model_validate({"name": "z", "kind": kind, "polygon": HALF} | settings)


class Film:
    """Runs tracker and scene over looks; measures are told every second."""

    def __init__(
        self, *zones: ZoneConfig, lines: Iterable[LineConfig] = (), ground: Ground | None = FLAT, active: str = ""
    ) -> None:
        self.tracker = Tracker(score_min=0.4)
        self.scene = Scene(
            lines, zones, active=frozenset({active} - {""}), ground=ground, period_s=1.0, time_zone="UTC"
        )
        self.now_s = 0.0
        self.now_us: int | None = None
        self.changes: list[tuple[float, Change]] = []
        self.measures: list[Measure] = []
        self.crossings = 0

    def show(self, looks: Iterable[Sequence[Detection]]) -> "Film":
        for detections in looks:
            tracks = self.tracker.look(detections, self.now_s)
            crossings, changes = self.scene.update(tracks, self.now_s, self.now_us)
            self.crossings += len(crossings)
            self.changes += [(round(self.now_s, 3), change) for change in changes]
            self.measures += self.scene.measures(self.now_s)
            self.now_s += LOOK_S
        return self

    def last(self, quantity: str) -> Measure:
        return [measure for measure in self.measures if measure.quantity == quantity][-1]

    @property
    def phases(self) -> list[bool]:
        return [change.raised for _, change in self.changes]


def car(x: float, y: float, *, size: float = 0.1, label: Label = "car") -> Detection:
    return seen(Point(x, y), label, width=size, height=size)


def drive(a: Point, b: Point, looks: int) -> list[list[Detection]]:
    return [[car(*between(a, b, i / (looks - 1)))] for i in range(looks)]


def test_a_bay_is_free_taken_and_free_again() -> None:
    film = Film(zone("bay", min_duration_s=2))
    film.show([[]] * 40)
    assert film.last("occupied") == Measure("z", "occupied", 0.0, Quality.GOOD)
    film.show([[car(0.5, 0.8)]] * 30)
    assert film.last("occupied") == Measure("z", "occupied", 1.0, Quality.GOOD)
    film.show([[]] * 15)
    assert film.last("occupied") == Measure("z", "occupied", 1.0, Quality.UNCERTAIN)
    film.show([[]] * 40)
    assert film.last("occupied") == Measure("z", "occupied", 0.0, Quality.GOOD)
    assert not film.changes, "without stay_max_s nobody stays too long"


def test_nothing_is_said_of_a_bay_before_anything_is_known() -> None:
    assert not Film(zone("bay")).show([[]] * 10).measures


def test_who_drives_through_a_bay_does_not_take_it() -> None:
    film = Film(zone("bay", min_duration_s=3)).show([[]] * 40).show(drive(Point(0.25, 0.5), Point(0.75, 0.95), 25))
    assert {measure.value for measure in film.measures} == {0.0}


def test_who_stays_longer_than_allowed_is_a_violation_until_they_leave() -> None:
    film = Film(zone("bay", min_duration_s=2, stay_max_s=20)).show([[car(0.5, 0.8)]] * 110)
    assert film.phases == [True]
    raised_s, raised = film.changes[0]
    assert raised_s - raised.since_s == pytest.approx(20, abs=0.5)
    assert film.show([[]] * 60).phases == [True, False]


def test_time_that_nobody_watched_makes_nobody_stay_too_long() -> None:
    film = Film(zone("bay", min_duration_s=2, stay_max_s=20)).show([[car(0.5, 0.8)]] * 50)
    film.scene.forget()
    film.now_s += 3600
    film.show([[car(0.5, 0.8)]] * 50)
    assert not film.changes
    assert film.last("occupied") == Measure("z", "occupied", 1.0, Quality.GOOD)


def test_a_queue_is_counted_from_its_head_and_measured_on_the_ground() -> None:
    film = Film(zone("queue", way=[(0.5, 0.3), (0.5, 0.95)]))
    # Three behind each other from the stop line, 8 m apart, and one far behind them.
    standing = [car(0.5, y) for y in (0.9, 0.7, 0.5)]
    film.show([standing] * 20)
    assert film.last("queue").value == 3
    length = film.last("queue_length")
    assert length.value == pytest.approx(0.4 * 40 + 5, abs=0.5)
    assert length.quality is Quality.GOOD


def test_who_drives_is_no_queue() -> None:
    film = Film(zone("queue", way=[(0.5, 0.3), (0.5, 0.95)])).show(drive(Point(0.5, 0.35), Point(0.5, 0.95), 26))
    assert {measure.value for measure in film.measures if measure.quantity == "queue"} == {0}


def test_a_gap_ends_a_queue_and_without_ground_there_are_no_metres() -> None:
    film = Film(zone("queue", way=[(0.5, 0.3), (0.5, 0.95)]), ground=None)
    film.show([[car(0.5, 0.9), car(0.5, 0.8), car(0.5, 0.4)]] * 20)
    assert film.last("queue").value == 2
    assert {measure.quantity for measure in film.measures} == {"queue"}


def test_a_jam_is_congestion_and_a_free_road_is_not() -> None:
    jam = zone("congestion", min_duration_s=5, free_km_h=50)
    rows = [car(x, y) for x in (0.3, 0.5, 0.7) for y in (0.5, 0.7, 0.9)]
    film = Film(jam).show([rows] * 600)
    assert film.last("congestion").value == 3
    assert film.last("speed").value < 1
    assert film.last("occupancy").value > 8
    assert film.phases == [True]
    film.show([[]] * 600)
    assert film.last("congestion").value == 0
    assert film.phases == [True, False]


def test_a_jam_that_still_stands_is_raised_once_though_the_camera_was_away() -> None:
    rows = [car(x, y) for x in (0.3, 0.5, 0.7) for y in (0.5, 0.7, 0.9)]
    film = Film(zone("congestion", min_duration_s=60)).show([rows] * 600)
    assert film.phases == [True]
    for _time in range(2):
        film.scene.forget()
        film.tracker = Tracker(score_min=0.4)
        film.now_s += 60
        film.measures.clear()
        film.show([rows] * 400)
        assert 0 not in {one.value for one in film.measures[6:] if one.quantity == "congestion"}
    assert film.phases == [True]


def test_one_who_parks_in_an_empty_road_is_no_congestion() -> None:
    film = Film(zone("congestion", min_duration_s=5)).show([[car(0.5, 0.8)]] * 100)
    assert film.last("congestion").value == 0
    assert not film.changes


def test_speed_over_a_line_is_the_mean_of_what_crossed() -> None:
    line = LineConfig(name="loop", a=(0.0, 0.6), b=(1.0, 0.6), speed=True)
    # 0.6 of 40 m in 5 s: 17.3 km/h
    film = Film(lines=[line]).show(drive(Point(0.5, 0.3), Point(0.5, 0.9), 26))
    assert film.crossings == 1
    speed = film.last("speed")
    assert speed.value == pytest.approx(24 / 5 * 3.6, rel=0.03)
    assert [measure.quantity for measure in film.measures] == ["speed"], "nothing is said where nothing crossed"


def bag(x: float, y: float) -> Detection:
    return seen(Point(x, y), "suitcase", width=0.04, height=0.05)


def test_a_thing_is_left_when_its_owner_has_gone() -> None:
    left = zone("abandoned", min_duration_s=10)
    person = seen(Point(0.5, 0.8), "person", width=0.06, height=0.2)
    film = Film(left).show([[bag(0.55, 0.8), person]] * 100)
    assert not film.changes, "somebody is with it"
    away = [
        [bag(0.55, 0.8), seen(between(Point(0.5, 0.8), Point(0.05, 0.8), i / 20), "person", width=0.06, height=0.2)]
        for i in range(21)
    ]
    film.show(away).show([[bag(0.55, 0.8)]] * 40)
    assert not film.changes
    film.show([[bag(0.55, 0.8)]] * 30)
    assert film.phases == [True]
    assert film.changes[0][1].label == "suitcase"
    film.show([[]] * 60)
    assert film.phases == [True, False]


def test_a_thing_that_was_left_stays_so_behind_a_passer_by_and_over_a_restart() -> None:
    left = zone("abandoned", min_duration_s=10)
    owner = seen(Point(0.5, 0.8), "person", width=0.06, height=0.2)
    film = Film(left).show([[bag(0.55, 0.8), owner]] * 20).show([[bag(0.55, 0.8)]] * 100)
    assert film.phases == [True]
    film.show([[]] * 15).show([[bag(0.55, 0.8)]] * 60)
    film.show([[bag(0.55, 0.8), owner]] * 10).show([[bag(0.55, 0.8)]] * 60)
    film.scene.forget()
    film.tracker = Tracker(score_min=0.4)
    film.show([[bag(0.55, 0.8)]] * 60)
    assert film.phases == [True]
    after = Film(left, active="z").show([[bag(0.55, 0.8)]] * 100)
    assert not after.changes
    # What lies elsewhere, and nobody was with, is not what was left.
    for one in (film, after):
        one.show([[bag(0.3, 0.6)]] * 60)
        assert one.phases[-1:] == [False]


def test_what_always_stood_there_was_left_by_nobody() -> None:
    assert not Film(zone("abandoned", min_duration_s=5)).show([[bag(0.5, 0.8)]] * 200).changes


def test_n_of_m_keeps_out_what_flickers() -> None:
    flickering = ([[car(0.5, 0.8, label="person")]] * 1 + [[]] * 3) * 30
    steady = zone("intrusion", min_duration_s=0, confirm=(4, 5))
    assert not Film(steady).show(flickering).changes
    assert Film(steady).show([[car(0.5, 0.8, label="person")]] * 10).phases == [True]


def test_a_line_with_n_of_m_and_duration_counts_whom_it_has_seen_for_long_enough() -> None:
    way = drive(Point(0.5, 0.4), Point(0.5, 0.9), 10)
    strict = LineConfig(name="l", a=(0.0, 0.6), b=(1.0, 0.6), confirm=(9, 10))
    assert Film(lines=[strict]).show(way[:8]).crossings == 0
    assert Film(lines=[strict]).show(way).crossings == 1
    late = strict.model_copy(update={"confirm": (1, 1), "min_duration_s": 5})
    assert Film(lines=[late]).show(way).crossings == 0
    assert Film(lines=[late]).show(way).show([way[-1]] * 20).crossings == 1


def test_out_of_its_hours_a_zone_raises_nothing_and_what_was_raised_ends() -> None:
    night = zone("intrusion", schedule=[{"begin": "22:00", "end": "06:00"}])
    somebody = [[car(0.5, 0.8, label="person")]] * 20
    film = Film(night)
    film.now_us = 12 * 3_600_000_000
    assert not film.show(somebody).changes
    film.now_us = 23 * 3_600_000_000
    assert film.show(somebody).phases == [True]
    film.now_us = 30 * 3_600_000_000
    assert film.show(somebody[:1]).phases == [True, False]


def test_out_of_its_hours_a_line_counts_nothing() -> None:
    hours = (HoursConfig.model_validate({"begin": "08:00", "end": "09:00"}),)
    line = LineConfig(name="l", a=(0.0, 0.6), b=(1.0, 0.6), schedule=hours)
    film = Film(lines=[line])
    film.now_us = 0
    assert film.show(drive(Point(0.5, 0.3), Point(0.5, 0.9), 26)).crossings == 0


def test_what_proves_to_be_something_else_is_taken_back_in_time_only() -> None:
    watched = zone("intrusion", min_duration_s=0, retract_within_s=5, clear_after_s=60)
    wrong, right = [seen(Point(0.5, 0.8), "person", 0.5)], [seen(Point(0.5, 0.8), "bicycle", 0.95)]
    film = Film(watched, ground=None)
    film.tracker = LabelSwitch()
    film.show([wrong] * 5).show([right] * 10)
    (_, raised), (_, back) = film.changes
    assert (raised.raised, raised.retracted, back.raised, back.retracted) == (True, False, False, True)

    late = Film(watched, ground=None)
    late.tracker = LabelSwitch()
    late.show([wrong] * 40).show([right] * 100)
    assert late.phases == [True]


def test_what_was_taken_back_is_not_believed_again_at_once() -> None:
    """Votes near a tie change sides again and again, and each event brings pictures."""
    watched = zone("intrusion", min_duration_s=0, retract_within_s=5, clear_after_s=60)
    as_person, as_bicycle = [seen(Point(0.5, 0.8), "person")], [seen(Point(0.5, 0.8), "bicycle")]
    film = Film(watched, ground=None)
    film.tracker = LabelSwitch()
    film.show([as_person] * 5)
    for _flip in range(5):
        film.show([as_bicycle] * 3).show([as_person] * 20)
    assert film.phases == [True, False]
    film.show([as_person] * 10)
    assert film.phases == [True, False, True]


class LabelSwitch(Tracker):
    """Believes the last box's label at once, so that a change of mind comes when the test wants it."""

    def __init__(self) -> None:
        super().__init__(score_min=0.4)

    def look(
        self, detections: Iterable[Detection], now_s: float, overlooks: Callable[[Box], bool] = lambda _box: False
    ) -> Sequence[Track]:
        known = list(detections)
        as_person = [Detection(d.box, "person", d.score) for d in known]
        tracks = super().look(as_person, now_s, overlooks)
        for track, detection in zip(tracks, known, strict=True):
            track.votes = {detection.label: 1.0}
        return tracks


def test_a_box_that_is_seen_no_more_is_no_mistake() -> None:
    watched = zone("intrusion", min_duration_s=0, clear_after_s=3)
    film = Film(watched).show([[car(0.5, 0.8, label="person")]] * 10).show([[]] * 40)
    assert [change.retracted for _, change in film.changes] == [False, False]
