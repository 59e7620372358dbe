"""The gate in front of the detector: is anything moving, so that a look is worth its milliseconds?

As street recorders do it: the picture in grey and about 100 pixels high, compared with a running mean. A change of
nearly everything at once is light, not movement: the mean is set anew and one look is taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Box

_DIFFERENCE_MIN = 22  # grey levels that noise of a street camera at night stays below
_AREA_MIN = 0.0008  # share of the picture; a person at the far end of a car park
_RECALIBRATE_SHARE = 0.8
_MEAN_RATE = 0.05  # share of each picture in the running mean


class Motion(NamedTuple):
    """What moved in one picture."""

    regions: tuple[Box, ...]
    relit: bool
    """True when nearly everything changed at once."""

    @property
    def any(self) -> bool:
        """Whether a look is worth it."""
        return self.relit or bool(self.regions)


class MotionGate:
    """Compares pictures of one camera with what it usually shows."""

    def __init__(self) -> None:
        self._mean: NDArray[np.float32] | None = None

    def watch(self, grey: NDArray[np.uint8]) -> Motion:
        """Compares one picture and learns from it; the first one and any of a new size count as relit.

        Args:
            grey: brightness, uint8[h, w], small; it is not changed.
        """
        if self._mean is None or self._mean.shape != grey.shape:
            self._mean = grey.astype(np.float32)
            return Motion((), True)
        changed = cv2.absdiff(grey, cv2.convertScaleAbs(self._mean))
        _, mask = cv2.threshold(changed, _DIFFERENCE_MIN, 255, cv2.THRESH_BINARY)
        share = cv2.countNonZero(mask) / mask.size
        if share > _RECALIBRATE_SHARE:
            self._mean = grey.astype(np.float32)
            return Motion((), True)
        cv2.accumulateWeighted(grey, self._mean, _MEAN_RATE)
        if share < _AREA_MIN / 4:
            return Motion((), False)
        return Motion(_regions(mask), False)


def _regions(mask: NDArray[Any]) -> tuple[Box, ...]:
    height, width = mask.shape
    contours, _ = cv2.findContours(cv2.dilate(mask, None, iterations=2), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        left, top, wide, high = cv2.boundingRect(contour)
        if wide * high / mask.size >= _AREA_MIN:
            boxes.append(Box(left / width, top / height, (left + wide) / width, (top + high) / height))
    return tuple(boxes)
