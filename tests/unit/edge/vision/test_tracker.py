"""One object keeps one identity, and only what is sure enough counts."""

import random

from haechi.edge.vision.geometry import Point
from haechi.edge.vision.labels import Label
from haechi.edge.vision.tracker import Tracker
from support.moving import between, seen

LOOK_S = 0.2


def test_an_object_counts_after_three_looks() -> None:
    tracker = Tracker(score_min=0.4)
    settled = [tracker.look([seen(Point(0.5, 0.5))], i * LOOK_S)[0].settled for i in range(4)]
    assert settled == [False, False, True, True]


def test_a_thing_that_looked_like_somebody_for_a_moment_counts_no_more() -> None:
    """A board in the street: three sure looks, and then what it is. Its box trembles."""
    tracker = Tracker(score_min=0.4)
    scores = [0.55] * 4 + [0.3] * 20
    boxes = [seen(Point(0.5 + 0.016 * (i % 2), 0.5), score=score) for i, score in enumerate(scores)]
    settled = [tracker.look([box], i * LOOK_S)[0].settled for i, box in enumerate(boxes)]
    assert settled[2:8] == [True] * 6
    assert not any(settled[8:])


def test_who_walked_in_and_stands_half_hidden_goes_on_counting() -> None:
    tracker = Tracker(score_min=0.4)
    way = [seen(Point(0.3 + 0.02 * i, 0.5), score=0.6) for i in range(10)]
    stands = [seen(Point(0.48, 0.5), score=0.6)] * 8 + [seen(Point(0.48, 0.5), score=0.3)] * 30
    settled = [tracker.look([box], i * LOOK_S)[0].settled for i, box in enumerate(way + stands)]
    assert all(settled[2:])


def test_unsure_boxes_never_begin_an_object() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(10):
        assert not tracker.look([seen(Point(0.5, 0.5), score=0.35)], i * LOOK_S)


def test_unsure_boxes_keep_a_known_object_but_never_make_it_count() -> None:
    tracker = Tracker(score_min=0.4)
    tracker.look([seen(Point(0.5, 0.5), score=0.5)], 0)
    for i in range(1, 10):
        (track,) = tracker.look([seen(Point(0.5, 0.5), score=0.25)], i * LOOK_S)
        assert track.id == 1
        assert not track.settled


def test_a_fast_car_that_never_overlaps_itself_is_one_object() -> None:
    tracker = Tracker(score_min=0.4)
    ids = set()
    for i in range(8):
        foot = between(Point(0.1, 0.5), Point(0.9, 0.5), i / 8)
        ids |= {track.id for track in tracker.look([seen(foot, "car", width=0.09, height=0.09)], i * LOOK_S)}
    assert ids == {1}


def test_hidden_for_a_second_it_keeps_its_identity() -> None:
    tracker = Tracker(score_min=0.4)
    now_s = 0.0
    for i in range(30):
        now_s = i * LOOK_S
        hidden = 10 <= i < 15
        tracker.look([] if hidden else [seen(between(Point(0.2, 0.6), Point(0.8, 0.6), i / 30))], now_s)
    (track,) = tracker.tracks
    assert track.id == 1


def test_gone_it_is_forgotten() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(5):
        tracker.look([seen(Point(0.5, 0.5))], i * LOOK_S)
    for i in range(5, 20):
        tracker.look([], i * LOOK_S)
    assert not tracker.tracks


def test_two_who_pass_each_other_stay_two() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(31):
        one = seen(between(Point(0.2, 0.50), Point(0.8, 0.50), i / 30))
        other = seen(between(Point(0.8, 0.62), Point(0.2, 0.62), i / 30))
        tracker.look([one, other], i * LOOK_S)
    by_id = {track.id: track.box.foot.x for track in tracker.tracks}
    assert by_id[1] > 0.7
    assert by_id[2] < 0.3


def test_the_label_is_what_most_boxes_said() -> None:
    tracker = Tracker(score_min=0.4)
    said: list[Label] = ["truck", "car", "car", "truck", "car"]
    for i, label in enumerate(said):
        tracker.look([seen(Point(0.5, 0.5), label)], i * LOOK_S)
    assert tracker.tracks[0].label == "car"


def test_what_stands_still_stays_without_a_look() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(5):
        tracker.look([seen(Point(0.5, 0.5), "car")], i * LOOK_S)
    for i in range(5, 600):
        tracker.hold(i * LOOK_S)
    assert [track.id for track in tracker.tracks] == [1]
    (track,) = tracker.look([seen(Point(0.5, 0.5), "car")], 600 * LOOK_S)
    assert track.id == 1


def test_one_blind_look_does_not_lose_a_parked_car() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(5):
        tracker.look([seen(Point(0.5, 0.5), "car")], i * LOOK_S)
    tracker.hold(60)
    tracker.look([], 60 + LOOK_S)
    assert tracker.doubtful
    (track,) = tracker.look([seen(Point(0.5, 0.5), "car")], 60 + 2 * LOOK_S)
    assert track.id == 1
    assert not tracker.doubtful


def test_a_crowd_of_noise_stays_bounded() -> None:
    chance = random.Random(7)
    tracker = Tracker(score_min=0.4)
    for i in range(200):
        tracker.look([seen(Point(chance.random(), chance.random()), score=0.41) for _ in range(20)], i * LOOK_S)
        assert len(tracker.tracks) < 400
    assert all(track.scores.maxlen == 10 for track in tracker.tracks)


def test_a_look_that_could_not_have_shown_it_is_no_miss_but_not_for_ever() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(4):
        tracker.look([seen(Point(0.5, 0.5))], i * LOOK_S)
    for i in range(4, 9):
        (track,) = tracker.look([], i * LOOK_S, lambda _box: True)
        assert not track.misses
    for i in range(9, 30):
        tracker.look([], i * LOOK_S, lambda _box: True)
    assert not tracker.tracks


def test_who_could_not_be_seen_has_gone_on_and_stays_there_when_all_stands_still() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(10):
        tracker.look([seen(Point(0.2 + 0.02 * i, 0.5))], i * LOOK_S)
    for i in range(10, 14):
        (track,) = tracker.look([], i * LOOK_S, lambda _box: True)
    assert 0.44 < track.box.centre.x < 0.48
    there = track.box
    (track,) = tracker.hold(14 * LOOK_S)
    assert track.box == there
    assert abs(track.expected(15 * LOOK_S).centre.x - there.centre.x) < 1e-9


def test_who_should_have_left_the_picture_by_now_is_missed() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(10):
        tracker.look([seen(Point(0.8 + 0.02 * i, 0.5))], i * LOOK_S)
    for i in range(10, 14):
        (track,) = tracker.look([], i * LOOK_S, lambda _box: True)
        assert track.box.centre.x <= 1
    assert track.misses


def test_an_unsure_box_of_half_of_somebody_is_not_where_he_is() -> None:
    tracker = Tracker(score_min=0.4)
    for i in range(4):
        (before,) = tracker.look([seen(Point(0.5, 0.5))], i * LOOK_S)
    there = before.box
    (track,) = tracker.look([seen(Point(0.5, 0.5), score=0.3, height=0.07)], 4 * LOOK_S)
    assert (track.box, track.misses) == (there, 1)


def test_what_never_moved_has_to_be_surer() -> None:
    """A tripod that looks a little like somebody, for hours; and somebody as unsure who walks."""
    tracker = Tracker(score_min=0.4)
    for i in range(12):
        walker = seen(Point(0.2 + 0.02 * i, 0.5), score=0.45)
        tripod, statue = seen(Point(0.7, 0.5), score=0.45), seen(Point(0.9, 0.5), score=0.55)
        tracker.look([walker, tripod, statue], i * LOOK_S)
    assert [track.settled for track in sorted(tracker.tracks, key=lambda track: track.box.left)] == [True, False, True]
