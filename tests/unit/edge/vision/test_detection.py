"""From a detector's numbers to boxes, and doubled boxes to one."""

import numpy as np
import pytest

from haechi.edge.vision import nanodet
from haechi.edge.vision.detection import Detection, distinct, without_doubles
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import COCO_INDEX, LABELS
from haechi.edge.vision.models import vectors
from haechi.edge.vision.models.card import card, height_width_px
from haechi.edge.vision.nanodet import Letterbox

SIZE = (256, 416)


def empty_outputs() -> list[np.ndarray]:
    cells = [SIZE[0] * SIZE[1] // stride**2 for stride in nanodet.STRIDES_PX]
    return [np.zeros((1, n, 80), np.float32) for n in cells] + [np.zeros((1, n, 44), np.float32) for n in cells]


def with_box(
    outputs: list[np.ndarray], *, grid: int, row: int, column: int, sides: tuple[int, ...], label: int
) -> None:
    """One sure cell whose distributions say exactly so many strides to each side."""
    cell = row * (SIZE[1] // nanodet.STRIDES_PX[grid]) + column
    outputs[grid][0, cell, label] = 0.9
    for i, side in enumerate(sides):
        outputs[3 + grid][0, cell, i * 11 + side] = 50


def test_a_cell_becomes_its_box() -> None:
    outputs = empty_outputs()
    with_box(outputs, grid=1, row=4, column=10, sides=(1, 2, 3, 4), label=COCO_INDEX["car"])
    letterbox = Letterbox.fit(SIZE, SIZE)
    (found,) = nanodet.detections(outputs, letterbox, size=SIZE, labels=LABELS, score_min=0.3)
    assert found.label == "car"
    assert found.score == pytest.approx(0.9)
    pixels = [found.box.left * 416, found.box.top * 256, found.box.right * 416, found.box.bottom * 256]
    # Centre of column 10, row 4 at stride 16 is (168, 72).
    assert pixels == pytest.approx([168 - 16, 72 - 32, 168 + 48, 72 + 64], abs=0.01)


def test_a_box_in_a_letterbox_lies_right_in_the_picture() -> None:
    outputs = empty_outputs()
    with_box(outputs, grid=2, row=3, column=6, sides=(2, 2, 2, 2), label=COCO_INDEX["person"])
    letterbox = Letterbox.fit((480, 480), SIZE)  # 256 × 256 in the middle: 80 grey columns on each side
    assert (letterbox.width_px, letterbox.height_px, letterbox.left_px, letterbox.top_px) == (256, 256, 80, 0)
    (found,) = nanodet.detections(outputs, letterbox, size=SIZE, labels=LABELS, score_min=0.3)
    assert found.box.left == pytest.approx((6.5 * 32 - 64 - 80) / 256, abs=1e-4)
    assert found.box.bottom == pytest.approx((3.5 * 32 + 64) / 256, abs=1e-4)


def test_classes_that_are_not_looked_for_are_left_out() -> None:
    outputs = empty_outputs()
    with_box(outputs, grid=0, row=1, column=1, sides=(1, 1, 1, 1), label=67)  # a cell phone
    with_box(outputs, grid=0, row=9, column=9, sides=(1, 1, 1, 1), label=COCO_INDEX["bus"])
    letterbox = Letterbox.fit(SIZE, SIZE)
    found = nanodet.detections(outputs, letterbox, size=SIZE, labels=("person", "car"), score_min=0.3)
    assert found == []


def test_car_and_truck_on_one_vehicle_become_one() -> None:
    one = Detection(Box(0.1, 0.1, 0.3, 0.3), "truck", 0.6)
    two = Detection(Box(0.11, 0.1, 0.3, 0.31), "car", 0.7)
    assert without_doubles([one, two]) == [two]


def test_half_a_person_within_the_whole_one_goes() -> None:
    whole = Detection(Box(0.1, 0.1, 0.2, 0.5), "person", 0.7)
    half = Detection(Box(0.11, 0.11, 0.19, 0.3), "person", 0.5)
    assert without_doubles([half, whole]) == [whole]


def test_a_person_in_front_of_a_bus_and_a_far_car_behind_a_truck_stay() -> None:
    bus = Detection(Box(0.1, 0.1, 0.9, 0.9), "bus", 0.9)
    person = Detection(Box(0.3, 0.4, 0.4, 0.8), "person", 0.6)
    far_car = Detection(Box(0.7, 0.2, 0.75, 0.25), "car", 0.5)
    assert without_doubles([bus, person, far_car]) == [bus, person, far_car]


@pytest.mark.parametrize("size", ["416x416", "256x416", "192x320"])
def test_stored_vectors_are_whole(size: str) -> None:
    model = card("nanodet-g")
    stored = vectors.stored(model, size)
    height, width = height_width_px(size)
    for name, stride in zip(nanodet.OUTPUTS, nanodet.STRIDES_PX * 2, strict=True):
        cells = -(-(height // stride) * (width // stride) // vectors.SAMPLED)
        assert stored[name].shape == (cells, 80 if name in nanodet.OUTPUTS[:3] else 44)
    assert vectors.difference(stored, stored).worst == 0


def test_a_difference_is_seen_and_nan_is_infinitely_far() -> None:
    model = card("nanodet-g")
    stored = vectors.stored(model, "192x320")
    moved = {name: values.copy() for name, values in stored.items()}
    moved["Identity_4"][0, 0] += 0.01
    assert not vectors.agrees(model, "fp32", vectors.difference(moved, stored))
    assert vectors.agrees(model, "int8", vectors.difference(moved, stored))
    moved["Identity"][0, 0] = np.nan
    assert not vectors.agrees(model, "int8", vectors.difference(moved, stored))


def test_raw_boxes_lose_nobody_who_stands_before_somebody_else() -> None:
    behind = Detection(Box(0.2, 0.2, 0.4, 0.8), "person", 0.9)
    before = Detection(Box(0.25, 0.35, 0.38, 0.8), "person", 0.5)
    again = Detection(Box(0.21, 0.2, 0.4, 0.8), "person", 0.4)
    van = Detection(Box(0.2, 0.2, 0.4, 0.8), "truck", 0.3)
    assert distinct([again, before, behind, van]) == [behind, before, van]
    assert without_doubles([again, before, behind, van]) == [behind, van]
