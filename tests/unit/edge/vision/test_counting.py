"""Counts by period."""

from haechi.edge.vision.counting import CrossingCounter, Period
from haechi.edge.vision.scene import Crossing

S = 1_000_000
FORWARD = Crossing("gate", "forward", "car", 1)
BACKWARD = Crossing("gate", "backward", "car", 2)


def test_a_period_ends_on_a_whole_multiple_and_counts_both_ways() -> None:
    counter = CrossingCounter(["gate", "side"], period_s=10)
    assert counter.add([FORWARD], 1003 * S) is None
    assert counter.add([FORWARD, BACKWARD], 1009 * S) is None
    assert counter.add([FORWARD], 1010 * S) == Period(1010 * S, {"gate": (2, 1), "side": (0, 0)})
    assert counter.rest() == Period(1020 * S, {"gate": (1, 0), "side": (0, 0)})
    assert counter.rest() is None


def test_of_a_period_without_pictures_nothing_is_said() -> None:
    counter = CrossingCounter(["gate"], period_s=10)
    counter.add([], 1000 * S)
    assert counter.add([], 1045 * S) == Period(1010 * S, {"gate": (0, 0)})
    assert counter.add([], 1050 * S) == Period(1050 * S, {"gate": (0, 0)})


def test_a_clock_set_back_a_little_ends_no_period_twice() -> None:
    counter = CrossingCounter(["gate"], period_s=10)
    ends = [counter.add([FORWARD], at) for at in (1009 * S, 1010 * S, 1010 * S - 1, 1012 * S, 1020 * S)]
    assert [end.end_us for end in ends if end] == [1010 * S, 1020 * S]
    assert sum(end.lines["gate"][0] for end in ends if end) == 4


def test_a_clock_set_back_far_begins_anew() -> None:
    counter = CrossingCounter(["gate"], period_s=10)
    counter.add([FORWARD], 5000 * S)
    assert counter.add([], 100 * S) == Period(5010 * S, {"gate": (1, 0)})
    assert counter.add([], 110 * S) == Period(110 * S, {"gate": (0, 0)})


def test_without_lines_there_is_nothing_to_count() -> None:
    counter = CrossingCounter([], period_s=1)
    assert counter.add([], 0) is None
    assert counter.add([], 5 * S) is None
