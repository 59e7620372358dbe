"""Runs a detector on pictures: letterbox, inference, boxes. One thread unless told otherwise."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision import nanodet
from haechi.edge.vision.background import Background
from haechi.edge.vision.choosing import choose
from haechi.edge.vision.config import BACKGROUND, NOTHING, DetectorConfig
from haechi.edge.vision.detection import Detection, distinct
from haechi.edge.vision.labels import Label
from haechi.edge.vision.models import cache
from haechi.edge.vision.nanodet import Letterbox
from haechi.edge.vision.picture import shrunk
from haechi.edge.vision.runtime import open_session
from haechi.edge.vision.tracker import SCORE_MIN_UNSURE
from haechi.edge.vision.yolox import YoloX


class Detector(Protocol):
    """Finds objects in a picture."""

    @property
    def input_px(self) -> tuple[int, int] | None:
        """Height and width that it scales every picture to; None when it sees pictures as they are."""
        ...

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """Boxes in a picture of uint8[H, W, 3] BGR, surest first, distinct. Blocks while it computes.

        One object may still have several (:func:`~haechi.edge.vision.detection.without_doubles`).
        """
        ...


class Nothing:
    """Looks for nothing."""

    input_px = None

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """See :class:`Detector`."""
        del picture
        return []


class NanoDet:
    """NanoDet-g from the model cache."""

    def __init__(
        self, model: Path, labels: Sequence[Label], *, threads: int = 1, score_min: float = SCORE_MIN_UNSURE
    ) -> None:
        """Loads the model; boxes below `score_min` are left out.

        Raises:
            ModelError: the file is no detector of ours.
        """
        self._session = open_session(model, threads)
        shape = self._session.get_inputs()[0].shape
        self._labels = tuple(labels)
        self._score_min = score_min
        self._size = (int(shape[2]), int(shape[3]))
        self._canvas = np.full((*self._size, 3), nanodet.LETTERBOX_GREY, np.uint8)
        self._letterbox: Letterbox | None = None

    @property
    def input_px(self) -> tuple[int, int]:
        """See :class:`Detector`."""
        return self._size

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """See :class:`Detector`."""
        letterbox = self._fit(picture)
        outputs = self._session.run(list(nanodet.OUTPUTS), {"image": nanodet.normalised(self._canvas)})
        return distinct(
            nanodet.detections(outputs, letterbox, size=self._size, labels=self._labels, score_min=self._score_min)
        )

    def looking_for(self, labels: Sequence[Label], score_min: float) -> NanoDet:
        """The same model, asked for something else; both may be used in turns."""
        other = copy.copy(self)
        other._labels, other._score_min = tuple(labels), score_min
        other._canvas, other._letterbox = self._canvas.copy(), None
        return other

    def _fit(self, picture: NDArray[np.uint8]) -> Letterbox:
        """Draws the picture into the canvas; the grey around it stays from look to look."""
        height, width = picture.shape[:2]
        letterbox = self._letterbox
        if letterbox is None or (letterbox.picture_height_px, letterbox.picture_width_px) != (height, width):
            letterbox = self._letterbox = Letterbox.fit((height, width), self._size)
            self._canvas[:] = nanodet.LETTERBOX_GREY
        high, wide = letterbox.height_px, letterbox.width_px
        part = self._canvas[letterbox.top_px : letterbox.top_px + high, letterbox.left_px : letterbox.left_px + wide]
        cv2.resize(shrunk(picture, high, wide), (wide, high), dst=part, interpolation=cv2.INTER_LINEAR)
        return letterbox


def looking_for_people(detector: Detector, score_min: float) -> Detector:
    """The detector asked for people alone, whatever it looks for itself; without another model in memory."""
    return detector.looking_for(("person",), score_min) if isinstance(detector, NanoDet | YoloX) else detector


def open_detector(
    config: DetectorConfig,
    labels: Sequence[Label],
    *,
    score_min: float = SCORE_MIN_UNSURE,
) -> Detector:
    """Loads the detector that a camera's configuration names; boxes below `score_min` are left out.

    Raises:
        ModelError: it is missing or damaged; the text says what to do.
    """
    if config.model == NOTHING:
        return Nothing()
    if config.model == BACKGROUND:
        return Background(config.moving_class, area_min=config.moving_area_min)
    if cache.is_path(config.model):
        return YoloX(Path(config.model), labels, threads=config.threads, score_min=score_min)
    chosen = choose(config).config
    path = cache.locate(chosen.model, "int8" if chosen.precision == "int8" else "fp32", chosen.input_size)
    return NanoDet(path, labels, threads=config.threads, score_min=score_min)
