"""Evidence is small, and nobody is recognised in it."""

from collections import deque

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision import evidence
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.kalman import Axis
from haechi.edge.vision.labels import Label
from haechi.edge.vision.tracker import Track

ZONE = [Point(0, 0), Point(1, 0), Point(1, 1)]


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """The picture that compresses worst."""
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def track(box: Box, label: Label) -> Track:
    axis = Axis(0.5, 0.1, 0.1, 0.1)
    return Track(1, box, 0, 0, 0.4, axis, axis, votes={label: 1.0}, scores=deque([0.8]))


def decoded(picture: evidence.Picture) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)


@pytest.mark.parametrize(("height", "width"), [(2160, 3840), (576, 768), (40, 40)])
def test_it_fits_whatever_the_picture(height: int, width: int) -> None:
    made = evidence.draw(noise(height, width), [], people=[], polygon=ZONE, about=None, quality=90, bytes_max=20_000)
    assert len(made.jpeg) <= 20_000
    assert decoded(made).shape[:2] == (made.height_px, made.width_px)


def test_the_head_of_every_person_is_blurred_and_the_source_is_not_touched() -> None:
    picture = noise(576, 768)
    before = picture.copy()
    person = Box(0.4, 0.2, 0.6, 0.9)
    shown = decoded(
        evidence.draw(
            picture, [track(person, "person")], people=[person], polygon=ZONE, about=None, quality=95, bytes_max=10**7
        )
    )
    assert (picture == before).all()
    head = shown[int(0.24 * 576) : int(0.32 * 576), int(0.44 * 768) : int(0.56 * 768)]
    legs = shown[int(0.7 * 576) : int(0.85 * 576), int(0.44 * 768) : int(0.56 * 768)]
    # Noise that is blurred has nothing left between neighbours.
    assert np.abs(np.diff(head.astype(int), axis=1)).mean() < 5
    assert np.abs(np.diff(legs.astype(int), axis=1)).mean() > 25


def test_a_head_that_sticks_out_of_its_box_is_blurred() -> None:
    """Boxes end too low more often than they are off to a side: by an eighth of the height at most."""
    _left, top, _right, _bottom = evidence.head_px(Box(0.4, 0.5, 0.5, 0.7), 1000, 1000)
    assert 475 <= top <= 477


def test_a_car_is_not_blurred() -> None:
    box = Box(0.4, 0.2, 0.6, 0.9)
    shown = decoded(
        evidence.draw(
            noise(576, 768), [track(box, "car")], people=[], polygon=ZONE, about=None, quality=95, bytes_max=10**7
        )
    )
    assert np.abs(np.diff(shown[140:180, 340:430].astype(int), axis=1)).mean() > 25


def test_people_at_the_edge_of_the_picture_are_blurred_too() -> None:
    shown = decoded(
        evidence.draw(
            noise(576, 768),
            [],
            people=[Box(0.9, 0, 1, 0.5)],
            polygon=ZONE,
            about=None,
            quality=95,
            bytes_max=10**7,
        )
    )
    assert np.abs(np.diff(shown[10:50, 700:760].astype(int), axis=1)).mean() < 5
