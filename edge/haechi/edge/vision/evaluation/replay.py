"""A clip by its own time: every picture is decoded, and each look gets the one that a camera would have had then.

Promise: which pictures are looked at depends on the clip alone, never on how busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.capture import CannotOpen, open_source
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.masking import Masks
from haechi.text import _

_RATE_DEFAULT = 25.0
_EARLY_S = 1e-4  # times are rounded where they come from


class Shot(NamedTuple):
    """One picture to look at."""

    number: int
    """Of its frame, from 1."""
    time_s: float
    """Since the clip's beginning."""
    picture: NDArray[np.uint8]


class Replay:
    """A clip that is played once."""

    def __init__(self, config: CameraConfig) -> None:
        """Opens the clip that the camera's ``url`` names.

        Raises:
            CannotOpen: it is not there or no video.
        """
        self._config = config
        self._source: Any = open_source(config, {})
        self._masks = Masks(config.masks)
        rate = self._source.get(cv2.CAP_PROP_FPS)
        self._frame_s = 1 / (rate if 0 < rate < 1000 else _RATE_DEFAULT)
        self.frames_expected = max(0, round(self._source.get(cv2.CAP_PROP_FRAME_COUNT)))
        """What the file says of itself; 0 when it says nothing."""
        self.frames = 0
        self.length_s = 0.0
        self.decoding_cpu_s = 0.0

    def shots(self) -> Iterator[Shot]:
        """The pictures that are due at the configured rate, in order.

        Raises:
            CannotOpen: the clip holds not one picture.
        """
        looks, time_s = 0, -self._frame_s
        try:
            while (begun_s := time.process_time()) is not None and self._source.grab():
                self.frames += 1
                stamp_s = self._source.get(cv2.CAP_PROP_POS_MSEC) / 1000
                # Time stamps repeat and run backwards in what recorders write; the rate then says how time goes on.
                time_s = stamp_s if stamp_s > time_s else time_s + self._frame_s
                due = time_s >= looks / self._config.looks_per_s - _EARLY_S
                taken, picture = self._source.retrieve() if due else (False, None)
                self.decoding_cpu_s += time.process_time() - begun_s
                if taken and picture is not None:
                    looks = int((time_s + _EARLY_S) * self._config.looks_per_s) + 1
                    self._masks.black_out(picture)
                    yield Shot(self.frames, time_s, picture)
        finally:
            self._source.release()
        if not self.frames:
            raise CannotOpen(_("{path}: holds no pictures").format(path=self._config.url))
        self.length_s = time_s + self._frame_s
