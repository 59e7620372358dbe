"""What a technician sees of a scene, and what nobody sees."""

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision import preview
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.masking import Masks

CAMERA = CameraConfig.model_validate(
    {
        "id": "cam-1",
        "url": "clip.mp4",
        "place": "bridge",
        "lines": [{"name": "gate", "a": (0.1, 0.5), "b": (0.9, 0.5)}],
        "zones": [{"name": "bank", "kind": "intrusion", "polygon": [(0.6, 0.7), (0.9, 0.7), (0.9, 0.95)]}],
    }
)


class Finds:
    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes

    input_px = None

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        return [Detection(box, "person", 0.2) for box in self._boxes]


def drawn(picture: NDArray[np.uint8], config: CameraConfig = CAMERA, *people: Box) -> NDArray[np.uint8]:
    png = preview.draw(picture, config, Finds(*people))
    assert png.startswith(b"\x89PNG")
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def test_the_arrow_points_to_the_right_of_the_way_from_a_to_b() -> None:
    """From the left edge to the right edge, forward is down."""
    grey = np.full((360, 640, 3), 90, np.uint8)
    shown = drawn(grey, CAMERA.model_copy(update={"zones": ()}))
    changed = (shown != grey).any(axis=2)
    middle = changed[:, 310:330]
    assert middle[185:205].any()
    assert not middle[:170].any()


def test_the_picture_itself_stays_as_it_was_and_the_zone_is_seen() -> None:
    grey = np.full((360, 640, 3), 90, np.uint8)
    shown = drawn(grey)
    assert (grey == 90).all()
    assert (shown[int(0.75 * 360), int(0.85 * 640)] != 90).any()


def test_heads_are_blurred() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    shown = drawn(noise, CAMERA.model_copy(update={"zones": (), "lines": ()}), Box(0.2, 0.1, 0.3, 0.7))
    head = shown[40:70, 135:185].astype(float)
    assert head.std() < noise[40:70, 135:185].std() / 2
    assert (shown[200:] == noise[200:]).all()


def test_a_mask_leaves_nothing_to_see() -> None:
    white = np.full((90, 160, 3), 255, np.uint8)
    masks = Masks([[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])
    masks.black_out(white)
    assert not white[:, :80].any()
    assert (white[:, 82:] == 255).all()
    other_size = np.full((180, 320, 3), 255, np.uint8)
    masks.black_out(other_size)
    assert not other_size[:, :160].any()
    assert (other_size[:, 162:] == 255).all()
