"""NanoDet's numbers: what goes in, and what its six outputs mean. Pure numpy.

The head (RangiLyu/nanodet, 2020, "generalised focal loss") answers on grids of 8, 16 and 32 pixels. Each cell gives a
score per class (the sigmoid is in the graph) and the distances from its centre to the four sides of the box, each as a
distribution over 0, 1, … 10 strides: the softmax's expectation is the distance. The centre of a cell is
(i + 0.5) × stride.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import COCO_INDEX, Label

STRIDES_PX = (8, 16, 32)
OUTPUTS = ("Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5")
"""Scores of the three grids, then distances of the three grids."""

LETTERBOX_GREY = 114
_MEAN_BGR = np.array([103.53, 116.28, 123.675], np.float32).reshape(3, 1, 1)
_SCALE_BGR = np.array([1 / 57.375, 1 / 57.12, 1 / 58.395], np.float32).reshape(3, 1, 1)
_BINS = np.arange(11, dtype=np.float32)


class Letterbox(NamedTuple):
    """How a picture lies in the detector's input: scaled to `width_px` × `height_px`, its corner at left, top."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    picture_width_px: int
    picture_height_px: int

    @classmethod
    def fit(cls, picture: tuple[int, int], target: tuple[int, int]) -> Letterbox:
        """Centres a picture of (height, width) in an input of (height, width), as large as it fits."""
        scale = min(target[0] / picture[0], target[1] / picture[1])
        height, width = max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
        left, top = (target[1] - width) // 2, (target[0] - height) // 2
        return cls(left, top, width, height, picture[1], picture[0])


def normalised(letterboxed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turns uint8[H, W, 3] BGR into the detector's float32[1, 3, H, W]."""
    planes = np.ascontiguousarray(letterboxed.transpose(2, 0, 1), dtype=np.float32)
    planes -= _MEAN_BGR
    planes *= _SCALE_BGR
    return planes[np.newaxis]


def detections(
    outputs: Sequence[NDArray[np.float32]],
    letterbox: Letterbox,
    *,
    size: tuple[int, int],
    labels: Sequence[Label],
    score_min: float,
) -> list[Detection]:
    """Reads the six outputs; doubles are still in it.

    Args:
        outputs: in the order of :data:`OUTPUTS`, batch of one.
        letterbox: how the picture was laid into the input.
        size: (height, width) of the input.
        labels: what is looked for; a cell whose surest class is not among them may still give its surest one of these.
        score_min: boxes below are left out.
    """
    columns = [COCO_INDEX[label] for label in labels]
    found: list[Detection] = []
    for stride, scores, distances in zip(STRIDES_PX, outputs[:3], outputs[3:], strict=True):
        wanted = scores[0].take(columns, axis=1)
        best = wanted.max(axis=1)
        cells = np.flatnonzero(best >= score_min)
        if not cells.size:
            continue
        which = wanted[cells].argmax(axis=1)
        sides = expected(distances[0][cells]) * stride
        x = (cells % (size[1] // stride) + 0.5) * stride
        y = (cells // (size[1] // stride) + 0.5) * stride
        edges = np.stack([x - sides[:, 0], y - sides[:, 1], x + sides[:, 2], y + sides[:, 3]], axis=1)
        boxes = _in_picture(edges, letterbox).tolist()
        for box, index, score in zip(boxes, which.tolist(), best[cells].tolist(), strict=True):
            found.append(Detection(Box(*box), labels[index], score))
    return [detection for detection in found if detection.box.area > 0]


def expected(distributions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Expectation of the four distributions over 11 bins of each cell: float32[n, 44] → float32[n, 4]."""
    logits = distributions.reshape(-1, 4, 11)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    return np.asarray((weights @ _BINS) / weights.sum(axis=2), np.float32)


def _in_picture(edges: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.float32]:
    """Pixels of the input (left, top, right, bottom) → fractions of the picture, clipped to it."""
    corner = np.array([letterbox.left_px, letterbox.top_px] * 2, np.float32)
    extent = np.array([letterbox.width_px, letterbox.height_px] * 2, np.float32)
    return np.asarray(np.clip((edges - corner) / extent, 0, 1), np.float32)
