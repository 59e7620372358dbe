"""Finds what moves, and calls it all by one name: for views from straight above, where detectors recognise nothing.

Promise: no model is needed, and a look takes a few milliseconds. What it finds is whatever differs enough from the
background that it learned and is large enough, its dark shadow included. It cannot tell a car from a cart, two that
touch from one, or see what stands still for long: it counts what crosses lines, no more.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.detection import Detection, without_doubles
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import Label
from haechi.edge.vision.picture import shrunk

_HEIGHT_PX = 160
_HISTORY_LOOKS = 300  # a minute at five looks a second
_SPREADS = 60.0  # squared distance from the background, in variances, at which a pixel differs
_SCORE = 0.9
_LEARNING_LOOKS = 3
_YOUNG_LOOKS = 20
_RATIO_YOUNG, _RATIO = 0.5, 0.9  # of what a place has shown, by its commonest looks, is the background


class Background:
    """A detector of moving things; it has to see every picture that is looked at."""

    def __init__(self, label: Label, *, area_min: float) -> None:
        """Begins with no background.

        Args:
            label: what everything that moves is called.
            area_min: share of the picture that a thing covers at least.
        """
        self._label = label
        self._area_min = area_min
        self._model = cv2.createBackgroundSubtractorMOG2(_HISTORY_LOOKS, _SPREADS, detectShadows=False)
        self._size: tuple[int, ...] = ()
        self._looks = 0
        self._level = 0.0

    @property
    def input_px(self) -> None:
        """See :class:`~haechi.edge.vision.detector.Detector`: parts of a picture would be another background."""
        return

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """See :class:`~haechi.edge.vision.detector.Detector`."""
        small = shrunk(picture, _HEIGHT_PX, 1)
        if small.shape != self._size:
            self._size, self._looks = small.shape, 0
            self._model.clear()
        self._looks += 1
        # A white car makes the camera darken all the rest: the middle brightness is kept where it was at first.
        level = float(np.median(small))
        if self._looks == 1:
            self._level = level
        small = cv2.convertScaleAbs(small, alpha=self._level / max(level, 1.0))
        # The first pictures are the background whatever is in them; then it changes slowly. In the first seconds one
        # look is so large a share of all that nine tenths of them would hold whatever passes.
        self._model.setBackgroundRatio(_RATIO_YOUNG if self._looks <= _YOUNG_LOOKS else _RATIO)
        differs = self._model.apply(small, learningRate=1 / min(self._looks, _HISTORY_LOOKS))
        if self._looks <= _LEARNING_LOOKS:
            return []
        mask = (differs > 0).astype(np.uint8)
        # Specks go, then the parts of one thing (bonnet, windscreen, boot) grow together.
        high, wide = mask.shape
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((high // 12, high // 12), np.uint8))
        _count, _labels, found, _centres = cv2.connectedComponentsWithStats(mask)
        return without_doubles(
            Detection(Box(left / wide, top / high, (left + width) / wide, (top + height) / high), self._label, _SCORE)
            for left, top, width, height, area in found[1:].tolist()
            if area >= self._area_min * mask.size
        )
