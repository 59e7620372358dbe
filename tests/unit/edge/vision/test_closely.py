"""Pictures that are to be shown: nobody is too small, too far to a side or of the wrong class to be found in them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from haechi.edge.vision import closely
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box

_SEEN_PX = 20


class SeesBright:
    """Finds what is bright, where it is large enough in its own input."""

    input_px = (256, 416)

    def __init__(self) -> None:
        self.looks = 0

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        self.looks += 1
        high, wide = picture.shape[:2]
        rows, columns = np.nonzero(picture[:, :, 0])
        scale = min(self.input_px[0] / high, self.input_px[1] / wide)
        if not rows.size or (np.ptp(rows) + 1) * scale < _SEEN_PX:
            return []
        left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
        return [Detection(Box(left / wide, top / high, right / wide, bottom / high), "person", 0.5)]


@settings(max_examples=30)
@given(
    size=st.sampled_from([(1080, 1920), (720, 1280), (576, 768), (480, 640)]),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_somebody_of_40_pixels_is_found_wherever_they_stand(size: tuple[int, int], x: float, y: float) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    left, top = int(x * (size[1] - 16)), int(y * (size[0] - 40))
    picture[top : top + 40, left : left + 16] = 255
    found = closely.people(SeesBright(), picture)
    there = Box(left / size[1], top / size[0], (left + 16) / size[1], (top + 40) / size[0])
    assert any(box.likeness(there) > 0.9 for box in found)
    assert all(box.overlap(there) > 0 for box in found)


@pytest.mark.parametrize(("size", "looks"), [((360, 640), 1), ((720, 1280), 5), ((1080, 1920), 10), ((2160, 3840), 10)])
def test_it_costs_so_many_runs(size: tuple[int, int], looks: int) -> None:
    detector = SeesBright()
    closely.people(detector, np.zeros((*size, 3), np.uint8))
    assert detector.looks == looks


def test_a_detector_that_knows_no_people_finds_none_and_says_so() -> None:
    camera = CameraConfig.model_validate(
        {"id": "cam-1", "url": "clip.mp4", "place": "bridge", "detector": {"model": "background"}}
    )
    assert closely.finder(camera, SeesBright()) is None
