"""Pictures that stop coming, or stop changing their time."""

import pytest

from haechi.edge.vision.faults import NO_PICTURE_S, Fault
from haechi.edge.vision.flow import FROZEN_S, Flow


def told(flow: Flow, now_s: float) -> list[tuple[Fault, bool]]:
    return [(change.fault, change.raised) for change in flow.judge(now_s)]


def test_a_camera_without_pictures_is_told_once_and_once_when_they_come() -> None:
    flow = Flow(100.0)
    assert told(flow, 100 + NO_PICTURE_S - 1) == []
    (change,) = flow.judge(100 + NO_PICTURE_S)
    assert (change.fault, change.raised, change.since_s) == ("no_picture", True, 100)
    assert told(flow, 500) == []
    flow.take(600, 0)
    assert told(flow, 600) == [("no_picture", False)]
    assert told(flow, 601) == []


def test_time_stamps_that_stand_while_pictures_come_are_a_frozen_camera() -> None:
    flow = Flow(0)
    flow.take(20, FROZEN_S - 1)
    assert told(flow, 20) == []
    flow.take(21, FROZEN_S)
    (change,) = flow.judge(21)
    assert (change.fault, change.raised, change.since_s) == ("frozen", True, 21 - FROZEN_S)
    assert flow.frozen
    # No pictures at all prove neither that it is over nor that it goes on.
    assert told(flow, 45) == []
    flow.take(60, 0)
    assert sorted(told(flow, 60)) == [("frozen", False)]
    assert not flow.frozen


@pytest.mark.parametrize("fault", ["no_picture", "frozen"])
def test_what_was_told_before_a_restart_ends_with_the_first_picture_and_not_before(fault: Fault) -> None:
    flow = Flow(0, active=frozenset({fault, "black"}))
    assert told(flow, NO_PICTURE_S - 1) == []
    flow.take(NO_PICTURE_S, 0)
    assert told(flow, NO_PICTURE_S) == [(fault, False)]


def test_single_pictures_may_be_minutes_apart() -> None:
    flow = Flow(0.0, every_s=900)
    flow.take(0.0, 0.0)
    assert not flow.judge(1700)
    assert [change.fault for change in flow.judge(1831)] == ["no_picture"]
    flow.take(1900, 0.0)
    assert [change.raised for change in flow.judge(1900)] == [False]
