"""What moves is found without a model, whatever the camera does to its exposure."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from haechi.edge.vision.background import Background
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.scene import Crossing, Scene
from haechi.edge.vision.tracker import Tracker

CAMERA = {
    "id": "cam-1",
    "url": "clip.mp4",
    "place": "bridge",
    "detector": {"model": "background"},
    "lines": [{"name": "road", "a": (0, 0.5), "b": (1, 0.5)}],
}


def asphalt(n: int, cars: dict[float, Point] | None = None, light: float = 1.0) -> NDArray[np.uint8]:
    """A road from above with cars of so many grey levels, the middle of each there."""
    picture = np.full((360, 640, 3), 90.0)
    for grey, middle in (cars or {}).items():
        left, top = round(640 * middle.x) - 40, round(360 * middle.y) - 80
        picture[max(0, top) : max(0, top + 160), max(0, left) : left + 80] = grey
    noise = np.random.default_rng(n).normal(0, 2, picture.shape)
    return np.asarray(np.clip(picture * light + noise, 0, 255), np.uint8)


def crossings(pictures: list[NDArray[np.uint8]]) -> list[Crossing]:
    detector, tracker = Background("car", area_min=0.01), Tracker(score_min=0.4)
    scene = Scene(CameraConfig.model_validate(CAMERA).lines, ())
    found = []
    for n, picture in enumerate(pictures):
        found += scene.update(tracker.look(detector.look(picture), n * 0.2), n * 0.2)[0]
    return found


def test_cars_that_pass_each_other_count_in_their_directions() -> None:
    way = [-0.3 + 0.08 * n for n in range(21)]
    pictures = [asphalt(n) for n in range(20)]
    pictures += [asphalt(n, {220: Point(0.3, y), 30: Point(0.7, 1 - y)}) for n, y in enumerate(way, 20)]
    assert sorted(crossing.direction for crossing in crossings(pictures)) == ["backward", "forward"]


def test_a_car_that_comes_in_the_first_seconds_is_seen() -> None:
    detector = Background("car", area_min=0.01)
    pictures = [asphalt(n, {220: Point(0.3, 0.3 + 0.02 * n)} if n > 3 else None) for n in range(20)]
    found = [detector.look(picture) for picture in pictures]
    assert sum(bool(looks) for looks in found) >= 10, "it is in the picture from the fifth look on, of twenty"


def test_light_that_changes_everywhere_is_nothing_that_moves() -> None:
    detector = Background("car", area_min=0.01)
    seen: list[Detection] = []
    for n in range(100):
        seen += detector.look(asphalt(n, light=1 - 0.3 * (n > 40) + 0.2 * (n > 70)))
    assert not seen


def test_a_picture_of_another_size_begins_anew() -> None:
    detector = Background("car", area_min=0.01)
    for n in range(10):
        detector.look(asphalt(n))
    assert not detector.look(np.full((200, 300, 3), 200, np.uint8))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"zones": [{"name": "z", "kind": "intrusion", "polygon": [(0, 0), (1, 0), (1, 1)]}]}, "only counts at lines"),
        ({"classes": ["person"]}, "detector.moving_class"),
    ],
)
def test_what_it_cannot_do_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        CameraConfig.model_validate(CAMERA | changes)
