"""A clip by its own time, from its first picture: each look gets the one that a camera would have had then.

Promise: which pictures are looked at depends on the clip alone, never on how busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.evaluation.sequence import open_sequence
from haechi.edge.vision.masking import Masks
from haechi.edge.vision.picture import Decoded, Picture
from haechi.edge.vision.source import CannotOpen, open_source
from haechi.text import _

_EARLY_S = 1e-4  # times are rounded where they come from


class Shot(NamedTuple):
    """One picture to look at."""

    number: int
    """Of its frame, from 1."""
    time_s: float
    """Since the clip's beginning."""
    picture: Picture


class Replay:
    """A clip that is played once."""

    def __init__(self, config: CameraConfig) -> None:
        """Opens the clip that the camera's ``url`` names: a video file, or the folder of a MOT Challenge sequence.

        Raises:
            CannotOpen: it is not there, or neither.
        """
        self._config = config
        path = Path(config.url)
        self._source = open_sequence(path) if path.is_dir() else open_source(config, {})
        self._masks = Masks(config.masks)
        self._frame_s = 1 / self._source.frames_a_s
        self.frames_expected = self._source.frames_expected
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
        first_s: float | None = None
        begun_s = time.process_time()
        try:
            for frame in self._source.frames():
                self.frames += 1
                # Recorders cut out of a stream what goes on counting from when that began.
                first_s = frame.time if first_s is None else first_s
                stamp_s = None if frame.time is None or first_s is None else frame.time - first_s
                # Time stamps repeat and run backwards in what recorders write; the rate then says how time goes on.
                time_s = stamp_s if stamp_s is not None and stamp_s > time_s else time_s + self._frame_s
                self.decoding_cpu_s += time.process_time() - begun_s
                if time_s >= looks / self._config.looks_per_s - _EARLY_S:
                    looks = int((time_s + _EARLY_S) * self._config.looks_per_s) + 1
                    yield Shot(self.frames, time_s, Decoded(frame, self._masks))
                begun_s = time.process_time()
        finally:
            self._source.close()
        if not self.frames:
            raise CannotOpen(_("{path}: holds no pictures").format(path=self._config.url))
        self.length_s = time_s + self._frame_s
