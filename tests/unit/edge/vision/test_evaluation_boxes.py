"""The arithmetic of evaluation, on cases worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.vision.evaluation import alarms
from haechi.edge.vision.evaluation.boxes import AveragePrecision, Tracking
from haechi.edge.vision.geometry import Box

HERE, THERE, FAR = Box(0.1, 0.1, 0.2, 0.4), Box(0.5, 0.1, 0.6, 0.4), Box(0.8, 0.6, 0.9, 0.9)


def test_everybody_found_and_nothing_else() -> None:
    precision = AveragePrecision()
    precision.add([(HERE, 0.9), (THERE, 0.3)], [THERE, HERE])
    assert precision.value() == 1.0


def test_a_false_box_between_two_right_ones() -> None:
    """Right, false, right: precision 1 up to recall 1/2, then 2/3."""
    precision = AveragePrecision()
    precision.add([(HERE, 0.9), (FAR, 0.8), (THERE, 0.7)], [HERE, THERE])
    assert precision.value() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_a_missed_person_is_an_area_of_nothing() -> None:
    precision = AveragePrecision()
    precision.add([(HERE, 0.9)], [HERE, THERE])
    precision.add([], [HERE, THERE])
    assert precision.value() == pytest.approx(0.25)


def test_a_person_is_found_once() -> None:
    """The doubled box is false: after it, recall 1 comes at precision 2/3."""
    precision = AveragePrecision()
    precision.add([(HERE, 0.9), (HERE, 0.8), (THERE, 0.7)], [HERE, THERE])
    assert precision.value() == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_scores_order_boxes_across_pictures() -> None:
    precision = AveragePrecision()
    precision.add([(FAR, 0.9)], [HERE])
    precision.add([(HERE, 0.95)], [HERE])
    assert precision.value() == pytest.approx(0.5)


def test_boxes_of_one_score_are_one_point_whatever_their_order() -> None:
    first, second = AveragePrecision(), AveragePrecision()
    first.add([(HERE, 0.5)], [HERE])
    first.add([(FAR, 0.5)], [])
    second.add([(FAR, 0.5)], [])
    second.add([(HERE, 0.5)], [HERE])
    assert first.value() == second.value() == pytest.approx(0.5)


def test_what_is_not_asked_for_is_neither_right_nor_false() -> None:
    precision, tracking = AveragePrecision(), Tracking()
    precision.add([(HERE, 0.9), (FAR, 0.8)], [HERE], [FAR])
    tracking.add({1: HERE, 2: FAR}, {7: HERE}, [FAR])
    assert precision.value() == 1.0
    assert (tracking.precision, tracking.recall) == (1.0, 1.0)


def test_nobody_there_has_no_average() -> None:
    precision, tracking = AveragePrecision(), Tracking()
    precision.add([(HERE, 0.9)], [])
    tracking.add({}, {})
    assert precision.value() is None
    assert tracking.precision is None
    assert tracking.recall is None


def test_a_look_with_a_miss_and_a_false_track() -> None:
    tracking = Tracking()
    tracking.add({1: HERE, 2: FAR}, {7: HERE, 8: THERE})
    assert (tracking.precision, tracking.recall, tracking.id_switches) == (0.5, 0.5, 0)


def test_a_new_track_on_the_same_person_is_a_switch() -> None:
    tracking = Tracking()
    tracking.add({1: HERE}, {7: HERE})
    tracking.add({}, {7: HERE})
    tracking.add({2: HERE}, {7: HERE})
    assert tracking.id_switches == 1


def test_two_people_who_swap_tracks_are_two_switches() -> None:
    tracking = Tracking()
    tracking.add({1: HERE, 2: THERE}, {7: HERE, 8: THERE})
    tracking.add({2: HERE, 1: THERE}, {7: HERE, 8: THERE})
    assert tracking.id_switches == 2


def test_a_person_keeps_a_track_that_still_matches_though_another_is_nearer() -> None:
    tracking = Tracking()
    tracking.add({1: HERE}, {7: HERE})
    tracking.add({1: HERE.moved(0.02, 0), 2: HERE}, {7: HERE})
    assert tracking.id_switches == 0
    assert tracking.precision == pytest.approx(2 / 3)


boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.floats(0, 1)] * 2, *[st.floats(0.01, 0.5)] * 2)


@given(st.lists(st.tuples(boxes, st.floats(0, 1)), max_size=8), st.lists(boxes, min_size=1, max_size=5))
def test_an_average_is_a_share(found: list[tuple[Box, float]], people: list[Box]) -> None:
    precision = AveragePrecision()
    precision.add(found, people)
    value = precision.value()
    assert value is not None
    assert 0 <= value <= 1 + 1e-9


@pytest.mark.parametrize(
    ("events", "hours", "bound"), [(0, 1.0, 2.996), (0, 2.0, 1.498), (1, 1.0, 4.744), (5, 10.0, 1.0513)]
)
def test_the_bound_of_a_rate(events: int, hours: float, bound: float) -> None:
    """Half the 95 % quantile of chi-squared with 2 n + 2 degrees of freedom, from the tables."""
    assert alarms.upper_bound_per_hour(events, hours) == pytest.approx(bound, rel=1e-3)


def test_no_time_proves_nothing() -> None:
    assert alarms.upper_bound_per_hour(0, 0.0) is None


def test_crossings_at_their_time() -> None:
    assert alarms.matched([1.0, 10.0], [1.5, 1.6, 30.0]) == 1
    assert alarms.matched([1.0, 1.1], [2.0, 2.1]) == 2
    assert alarms.matched([1.0], []) == 0
