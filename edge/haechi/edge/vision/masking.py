"""Parts of a picture that nobody is to see: blacked out before the detector or anybody else gets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


class Masks:
    """The privacy masks of one camera."""

    def __init__(self, polygons: Iterable[Sequence[tuple[float, float]]]) -> None:
        """Takes polygons in fractions of the picture."""
        self._polygons = [np.array(polygon, np.float64) for polygon in polygons]
        self._size: tuple[int, int] | None = None
        self._corners: list[NDArray[np.int32]] = []

    def black_out(self, picture: NDArray[np.uint8]) -> None:
        """Blackens what the masks cover, edges included, in the picture itself (uint8[H, W, 3])."""
        if not self._polygons:
            return
        height, width = picture.shape[:2]
        if self._size != (height, width):
            self._size = (height, width)
            extent = np.array([width - 1, height - 1])
            self._corners = [np.rint(polygon * extent).astype(np.int32) for polygon in self._polygons]
        for corners in self._corners:
            cv2.fillPoly(picture, [corners], (0, 0, 0))
