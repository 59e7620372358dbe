"""Whose head the blur covers, on hand-made boxes."""

from haechi.edge.vision.evaluation.heads import Heads
from haechi.edge.vision.geometry import Box

PERSON = Box(100, 100, 140, 200)  # the head: 14 px high from the top, in the middle


def covered(person: Box, *blurred: Box) -> tuple[int, int]:
    heads = Heads()
    heads.add([person], blurred, width_px=640, height_px=360)
    return heads.persons, heads.covered


def test_a_head_under_a_blur_is_covered() -> None:
    assert covered(PERSON, Box(110, 95, 130, 120)) == (1, 1)


def test_a_head_beside_or_half_under_a_blur_is_not() -> None:
    assert covered(PERSON) == (1, 0)
    assert covered(PERSON, Box(200, 95, 230, 120)) == (1, 0)
    assert covered(PERSON, Box(110, 107, 130, 120)) == (1, 0)


def test_two_blurs_cover_it_together() -> None:
    assert covered(PERSON, Box(110, 95, 120, 120), Box(120, 95, 130, 120)) == (1, 1)


def test_what_lies_beyond_the_picture_needs_no_blur() -> None:
    assert covered(Box(-20, 100, 20, 200), Box(0, 95, 30, 120)) == (1, 1)
    assert covered(Box(-60, 100, -20, 200)) == (0, 0)


def test_small_people_are_not_asked_for() -> None:
    assert covered(Box(100, 100, 115, 140)) == (0, 0)
    assert covered(Box(100, 100, 115, 141)) == (1, 0)
