"""The arithmetic behind `haechi camera evaluate` on cases made by hand, and truths that are not what they should be."""

from pathlib import Path

import pytest

from haechi.edge.vision.evaluation import truth
from haechi.edge.vision.evaluation.alarms import matched, upper_bound_per_hour
from haechi.edge.vision.evaluation.boxes import AveragePrecision, Tracking
from haechi.edge.vision.geometry import Box

HERE, THERE, ELSEWHERE = Box(0, 0, 10, 20), Box(50, 0, 60, 20), Box(200, 0, 210, 20)


def test_every_person_found_and_nothing_else_is_one() -> None:
    precision = AveragePrecision()
    precision.add([(HERE, 0.9), (THERE, 0.8)], [THERE, HERE])
    assert precision.value() == 1.0


def test_a_false_box_costs_by_how_sure_it_was() -> None:
    unsure, sure = AveragePrecision(), AveragePrecision()
    unsure.add([(HERE, 0.9), (ELSEWHERE, 0.1)], [HERE])
    sure.add([(HERE, 0.9), (ELSEWHERE, 0.95)], [HERE])
    assert unsure.value() == 1.0
    assert sure.value() == 0.5


def test_a_second_box_on_one_person_is_false_and_a_missed_person_costs_recall() -> None:
    doubled = AveragePrecision()
    doubled.add([(HERE, 0.9), (HERE, 0.8), (THERE, 0.7)], [HERE, THERE])
    assert doubled.value() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    missed = AveragePrecision()
    missed.add([(HERE, 0.9)], [HERE, THERE])
    assert missed.value() == 0.5
    assert AveragePrecision().value() is None


def test_what_is_neither_is_not_held_against_the_detector() -> None:
    precision = AveragePrecision()
    precision.add([(ELSEWHERE, 0.95), (HERE, 0.9)], [HERE], neither=[ELSEWHERE])
    assert precision.value() == 1.0


def test_an_identity_that_changes_is_a_switch_and_one_that_returns_is_none() -> None:
    tracking = Tracking()
    tracking.add({1: HERE, 2: THERE}, {7: HERE, 8: THERE})
    tracking.add({}, {7: HERE})
    tracking.add({1: HERE, 3: THERE}, {7: HERE, 8: THERE})
    assert tracking.id_switches == 1
    assert (tracking.found, tracking.people, tracking.false) == (4, 5, 0)
    assert tracking.recall == 0.8
    assert tracking.precision == 1.0


def test_a_track_on_nobody_is_false() -> None:
    tracking = Tracking()
    tracking.add({1: ELSEWHERE}, {7: HERE})
    assert (tracking.found, tracking.false) == (0, 1)


def test_no_false_alarm_in_three_hours_proves_one_an_hour() -> None:
    assert upper_bound_per_hour(0, 3.0) == pytest.approx(0.9986, abs=1e-3)
    assert upper_bound_per_hour(2, 1.0) == pytest.approx(6.296, abs=1e-2)
    assert upper_bound_per_hour(0, 0.0) is None


def test_crossings_are_matched_in_time_one_to_one() -> None:
    assert matched([1.0, 5.0, 9.0], [1.5, 4.0, 30.0]) == 2
    assert matched([1.0, 1.1], [1.0]) == 1


def test_a_mot_truth_keeps_persons_and_knows_what_is_neither(tmp_path: Path) -> None:
    file = tmp_path / "gt.txt"
    file.write_text("1,1,11,21,30,60,1,1,1\n1,2,1,1,5,5,0,1,1\n2,3,1,1,5,5,1,8,1\n2,4,1,1,5,5,1,3,1\n")
    frames = truth.read(file).frames
    assert frames == {
        1: [truth.TruthBox(1, Box(10, 20, 40, 80), True)],
        2: [truth.TruthBox(3, Box(0, 0, 5, 5), False)],
    }


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("gt.txt", "1,1,11,21,30\n", "line 1"),
        ("gt.txt", "1,1,11,21,-30,60,1,1,1\n", "line 1"),
        ("gt.txt", "1,1,11,21,30,60,0,1,1\n", "names no person"),
        ("t.toml", "", "expected \\[\\[line\\]\\] or"),
        ("t.toml", "x = [", "is not TOML"),
        ("t.toml", '[[line]]\nname = "a"\nforward = -1\nbackward = 0', "forward"),
        ("t.toml", '[[line]]\nname = "a"\nforward = 1\nbackward = 0\nextra = 1', "extra"),
        ("t.toml", ('[[line]]\nname = "a"\nforward = 1\nbackward = 0\n') * 2, "used twice"),
    ],
)
def test_a_truth_that_is_none_is_refused_in_one_line(tmp_path: Path, name: str, content: str, expected: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(truth.TruthError, match=expected) as refused:
        truth.read(file)
    assert "\n" not in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_truth_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(truth.TruthError, match="cannot be read"):
        truth.read(tmp_path / "nothing.toml")
