"""Small things are seen enlarged, large ones in the whole picture, and none of them twice."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.regions import Part, Scale, Sight, holds
from support.moving import standing

HD = Scale((720, 1280), (256, 416))


def person(foot: Point, height_px: float) -> Box:
    """In a picture of 1280x720."""
    return standing(foot, width=0.4 * height_px / 1280, height=height_px / 720)


def test_somebody_far_away_is_enlarged_and_somebody_near_is_not() -> None:
    (part,) = HD.parts([person(Point(0.4, 0.5), 20), person(Point(0.7, 0.9), 200)], 2, 0)
    assert holds(part.box, person(Point(0.4, 0.5), 20))
    rows, columns = part.rows.stop - part.rows.start, part.columns.stop - part.columns.start
    assert 20 * 256 / rows >= 40
    assert abs(columns / rows - 416 / 256) < 0.02
    assert not HD.parts([person(Point(0.7, 0.9), 200)], 2, 0)


def test_neighbours_share_a_part() -> None:
    people = [person(Point(0.40 + 0.02 * n, 0.5), 22) for n in range(4)]
    (part,) = HD.parts(people, 2, 0)
    assert all(holds(part.box, one) for one in people)


def test_more_than_can_be_looked_at_take_turns() -> None:
    people = [person(Point(0.1 + 0.2 * n, 0.3 + 0.1 * (n % 2)), 20 + n) for n in range(5)]
    seen, turn = set(), 0
    for _look in range(3):
        parts = HD.parts(people, 2, turn)
        assert len(parts) == 2
        turn += len(parts)
        seen |= {n for n, one in enumerate(people) if any(holds(part.box, one) for part in parts)}
    assert seen == set(range(5))


def test_a_camera_as_small_as_the_detectors_input_needs_little() -> None:
    small = Scale((256, 416), (256, 416))
    assert not small.parts([Box(0.1, 0.1, 0.2, 0.3)], 2, 0)


def test_a_box_that_a_part_cuts_is_no_object_but_one_at_the_pictures_edge_is() -> None:
    part = Part(Box(0.0, 0.2, 0.3, 0.5), slice(0, 1), slice(0, 1))
    cut = Detection(Box(0.9, 0.4, 1.0, 0.6), "person", 0.9)
    at_the_edge = Detection(Box(0.0, 0.4, 0.1, 0.6), "person", 0.8)
    (found,) = Sight([], [(part, [cut, at_the_edge])], HD).joined()
    assert found.score == 0.8
    assert found.box.left == 0.0
    assert abs(found.box.bottom - 0.38) < 1e-9


def test_who_is_seen_in_both_is_one_and_what_is_large_is_the_whole_pictures_to_see() -> None:
    lorry = Detection(Box(0.1, 0.2, 0.5, 0.9), "truck", 0.5)
    far = Detection(person(Point(0.8, 0.4), 60), "person", 0.3)
    part = Part(Box(0.0, 0.0, 1.0, 1.0), slice(0, 720), slice(0, 1280))
    closer = far._replace(score=0.8)
    wheel = Detection(Box(0.12, 0.6, 0.3, 0.9), "car", 0.9)
    assert Sight([lorry, far], [(part, [closer, wheel])], HD).joined() == [closer, lorry]


def test_who_judges_the_detector_believes_the_whole_picture_first() -> None:
    far = Detection(person(Point(0.8, 0.4), 60), "person", 0.3)
    farther = Detection(person(Point(0.3, 0.4), 30), "person", 0.7)
    part = Part(Box(0.0, 0.0, 1.0, 1.0), slice(0, 720), slice(0, 1280))
    once = (part, [far._replace(score=0.8), farther])
    again = (part, [farther._replace(score=0.5), far])
    less_sure = farther._replace(score=0.35)
    assert Sight([far], [once, again], HD).ranked() == [less_sure, far]
    assert Sight([far], [again, once], HD).ranked() == [less_sure, far]
    assert Sight([far]).ranked() == [far]


def test_a_look_that_could_not_have_shown_somebody_proves_nothing() -> None:
    far, near = person(Point(0.4, 0.5), 30), person(Point(0.4, 0.5), 150)
    assert HD.overlooked(far, [])
    assert not HD.overlooked(far, HD.parts([far], 1, 0))
    assert not HD.overlooked(near, [])


fractions = st.floats(0, 1)


@given(
    st.lists(st.tuples(fractions, fractions, st.floats(1e-4, 0.3), st.floats(1e-4, 0.3)), max_size=12),
    st.tuples(st.integers(2, 4000), st.integers(2, 4000)),
    st.integers(0, 8),
    st.integers(0, 1000),
)
def test_parts_lie_in_the_picture_whatever_moves(
    corners: list[tuple[float, float, float, float]], picture_px: tuple[int, int], most: int, turn: int
) -> None:
    things = [Box(x, y, min(1.0, x + wide), min(1.0, y + high)) for x, y, wide, high in corners]
    parts = Scale(picture_px, (256, 416)).parts(things, most, turn)
    assert len(parts) <= most
    for part in parts:
        assert 0 <= part.rows.start < part.rows.stop <= picture_px[0]
        assert 0 <= part.columns.start < part.columns.stop <= picture_px[1]
