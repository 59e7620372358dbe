"""A detector of one's own: an ONNX file in YOLOX's format, trained on COCO's eighty classes.

Promise: a file that is none, or answers something else, is refused when it is loaded, in one line that says why.

The format (Megvii-BaseDetection/YOLOX, exported without decoding): input float32[1, 3, H, W], BGR 0..255, the picture
at the top left over grey 114; output float32[1, cells, 85] for strides 8, 16, 32: centre as an offset from the cell in
strides, logarithm of the size in strides, objectness, class scores (both after the sigmoid). The decoding is pure.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.detection import Detection, distinct
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import COCO_INDEX, Label
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.picture import shrunk
from haechi.edge.vision.runtime import open_session, tried
from haechi.edge.vision.tracker import SCORE_MIN_UNSURE
from haechi.text import _

_STRIDES_PX = (8, 16, 32)
_VALUES = 85
_GREY = 114
_ROUNDED = 1e-3  # of a half-precision sigmoid
_SIZE_LOG_MAX = 10.0  # beyond any picture; keeps a broken model from overflowing


class YoloX:
    """A YOLOX-format ONNX file."""

    def __init__(
        self, model: Path, labels: Sequence[Label], *, threads: int = 1, score_min: float = SCORE_MIN_UNSURE
    ) -> None:
        """Loads the model; boxes below `score_min` are left out.

        Raises:
            ModelError: the file is no such model.
        """
        self._session = open_session(model, threads)
        self._input, self._size = _checked_input(model, self._session)
        self._labels = tuple(labels)
        self._score_min = score_min
        self._canvas = np.full((*self._size, 3), _GREY, np.uint8)
        _check_answer(model, tried(self._session, model, {self._input: self._planes()})[0], self._size)

    @property
    def input_px(self) -> tuple[int, int]:
        """See :class:`~haechi.edge.vision.detector.Detector`."""
        return self._size

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """See :class:`~haechi.edge.vision.detector.Detector`."""
        scale = min(self._size[0] / picture.shape[0], self._size[1] / picture.shape[1])
        high, wide = max(1, int(picture.shape[0] * scale)), max(1, int(picture.shape[1] * scale))
        self._canvas[:] = _GREY
        part = self._canvas[:high, :wide]
        cv2.resize(shrunk(picture, high, wide), (wide, high), dst=part, interpolation=cv2.INTER_LINEAR)
        (output,) = self._session.run(None, {self._input: self._planes()})
        return distinct(
            detections(output[0], size=self._size, part=(high, wide), labels=self._labels, score_min=self._score_min)
        )

    def looking_for(self, labels: Sequence[Label], score_min: float) -> YoloX:
        """The same model, asked for something else; both may be used in turns."""
        other = copy.copy(self)
        other._labels, other._score_min = tuple(labels), score_min
        other._canvas = self._canvas.copy()
        return other

    def _planes(self) -> NDArray[np.float32]:
        """The canvas as the model takes it: float32[1, 3, H, W]."""
        return np.ascontiguousarray(self._canvas.transpose(2, 0, 1), np.float32)[np.newaxis]


def _checked_input(model: Path, session: Any) -> tuple[str, tuple[int, int]]:
    """Name and size (height, width) of the one input.

    Raises:
        ModelError: the file has other inputs or outputs.
    """
    entries, outputs = session.get_inputs(), session.get_outputs()
    if len(entries) == 1 and [entry.type for entry in (*entries, *outputs)] == ["tensor(float)"] * 2:
        batch, *rest = entries[0].shape
        sized = len(rest) == 3 and rest[0] == 3 and all(isinstance(n, int) and n >= _STRIDES_PX[-1] for n in rest[1:])
        if sized and (batch == 1 or not isinstance(batch, int)):
            return entries[0].name, (rest[1], rest[2])
    found = ", ".join(f"{entry.type} {entry.shape}" for entry in [*entries, *outputs])[:160]
    text = _(
        "{path}: not of YOLOX's format: expected one input of float32 [1, 3, height, width] with fixed height and "
        "width, and one output; found {found}"
    )
    raise ModelError(text.format(path=model, found=found))


def _check_answer(model: Path, answer: NDArray[np.float32], size: tuple[int, int]) -> None:
    """Checks what the model says of an empty picture.

    Raises:
        ModelError: it is not what YOLOX says.
    """
    origins, strides = _grid(size)
    expected = (1, len(origins), _VALUES)
    if answer.shape != expected:
        text = _(
            "{path}: not of YOLOX's format: expected an output of {cells} x {values} (4 + 1 + COCO's 80 classes), "
            "found {found}"
        )
        found = " x ".join(map(str, answer.shape[1:]))
        raise ModelError(text.format(path=model, cells=expected[1], values=_VALUES, found=found))
    scores = answer[0, :, 4:]
    if not (np.isfinite(answer).all() and scores.min() >= 0 and scores.max() <= 1 + _ROUNDED):
        text = _("{path}: not of YOLOX's format: its scores are not between 0 and 1; export it with the sigmoid")
        raise ModelError(text.format(path=model))
    centres = answer[0, :, :2]
    if np.abs(centres - origins * strides).mean() < np.abs(centres).mean():
        text = _("{path}: not of YOLOX's format: its boxes are in pixels; export it without decode_in_inference")
        raise ModelError(text.format(path=model))


def detections(
    output: NDArray[np.float32],
    *,
    size: tuple[int, int],
    part: tuple[int, int],
    labels: Sequence[Label],
    score_min: float,
) -> list[Detection]:
    """Reads the output; doubles are still in it.

    Args:
        output: float32[cells, 85].
        size: (height, width) of the input.
        part: (height, width) that the picture takes of it, from the top left.
        labels: what is looked for.
        score_min: boxes below are left out; the score is objectness times class score.
    """
    scores = output[:, [5 + COCO_INDEX[label] for label in labels]] * output[:, 4:5]
    best = scores.max(axis=1)
    cells = np.flatnonzero(best >= score_min)
    origins, strides = _grid(size)
    centres = (output[cells, :2] + origins[cells]) * strides[cells]
    halves = np.exp(np.minimum(output[cells, 2:4], _SIZE_LOG_MAX)) * strides[cells] / 2
    extent = np.array([part[1], part[0]], np.float32)
    low = np.clip((centres - halves) / extent, 0, 1).tolist()
    high = np.clip((centres + halves) / extent, 0, 1).tolist()
    found = [
        Detection(Box(*corner, *opposite), labels[index], score)
        for corner, opposite, index, score in zip(
            low, high, scores[cells].argmax(axis=1).tolist(), best[cells].tolist(), strict=True
        )
    ]
    return [detection for detection in found if detection.box.area > 0]


def _grid(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row of each cell, float32[cells, 2], and its stride, float32[cells, 1]."""
    origins, strides = [], []
    for stride in _STRIDES_PX:
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
        origins.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(origins).astype(np.float32), np.concatenate(strides).astype(np.float32)
