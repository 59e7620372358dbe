"""People cut out of a real clip, to be pasted where and as large as a measurement needs them.

The clip is the demo's (a pedestrian street, :func:`haechi.demo.clip.obtain`). Its background is the median of its
pictures; a walker is what differs from that in the boxes of one track which nobody else comes near. Walkers are those
that the detector finds in the first place: good for comparing ways of looking, no measure of what it misses for good.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.config import DetectorConfig
from haechi.edge.vision.detector import Detector, open_detector
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.tracker import Tracker

Picture = NDArray[np.uint8]

_SCORE_MIN = 0.6
_DIFFERS = 28  # grey levels from the background, in the colour that differs most
_STEPS_MIN = 12
_SHARE_MIN, _SHARE_MAX = 0.25, 0.85  # of a box that its walker fills
_GROWN = 0.08


class Step(NamedTuple):
    """A walker at one moment."""

    colours: Picture
    """uint8[h, w, 3] BGR."""
    cover: NDArray[np.float32]
    """0..1 of each pixel, float32[h, w]."""


class Walker(NamedTuple):
    """One person over some seconds, ten steps a second, walking to the right."""

    steps: Sequence[Step]

    def at(self, number: int) -> Step:
        """Any step: there and back through what was filmed, for ever."""
        length = len(self.steps)
        place = number % (2 * length - 2)
        return self.steps[min(place, 2 * length - 2 - place)]


class Street(NamedTuple):
    """What was cut apart."""

    empty: Sequence[Picture]
    """Pictures with everybody taken out, the camera's noise and light as they were; 640x360."""
    walkers: Sequence[Walker]


def cut_apart(clip: Path, *, seconds: float, size_px: tuple[int, int] = (640, 360)) -> Street:
    """Takes the people out of a clip; blocks for some seconds."""
    pictures = list(_pictures(clip, seconds))
    still = np.asarray(np.median(np.stack(pictures[::8]), axis=0), np.uint8)
    detector = open_detector(DetectorConfig(precision="fp32"), ("person",))
    empty, walkers = [], []
    for picture in pictures:
        there = _differing(picture, still)
        away = cv2.dilate(there, np.ones((25, 25), np.uint8))
        cover = cv2.GaussianBlur(away.astype(np.float32), (0, 0), 5)[..., np.newaxis]
        alone = picture * (1 - cover) + still * cover
        empty.append(_cropped(np.asarray(alone, np.uint8), size_px))
    for boxes in _paths(pictures, detector):
        steps = [step for number, box in boxes if (step := _step(pictures[number], still, box)) is not None]
        if len(steps) >= _STEPS_MIN and len(steps) >= 0.9 * len(boxes):
            left = boxes[-1][1].centre.x < boxes[0][1].centre.x
            walkers.append(Walker([_mirrored(step) for step in steps] if left else steps))
    return Street(empty, walkers)


def paste(picture: Picture, step: Step, *, left_px: float, foot_px: float, height_px: float, light: float = 1.0) -> Box:
    """Puts a walker into a picture; returns the box, in pixels, of what covers at least a third of a pixel.

    The box is not cut at the picture's edges, as MOT Challenge has it.
    """
    scale = height_px / step.colours.shape[0]
    size = (max(2, round(step.colours.shape[1] * scale)), max(2, round(height_px)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    colours, cover = cv2.resize(step.colours, size, interpolation=how), cv2.resize(step.cover, size, interpolation=how)
    left, top = round(left_px), round(foot_px) - size[1]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + size[0]), min(picture.shape[0], top + size[1])
    if x0 < x1 and y0 < y1:
        inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        part = picture[y0:y1, x0:x1]
        shown = cover[inner][..., np.newaxis]
        part[:] = np.asarray(np.clip(part * (1 - shown) + light * colours[inner] * shown, 0, 255), np.uint8)
    rows, columns = np.flatnonzero(cover.max(axis=1) > 1 / 3), np.flatnonzero(cover.max(axis=0) > 1 / 3)
    if not rows.size:
        return Box(left, top, left + size[0], top + size[1])
    return Box(left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)


def _pictures(clip: Path, seconds: float) -> Iterator[Picture]:
    with av.open(str(clip)) as file:
        for frame in file.decode(video=0):
            if frame.time is not None and frame.time > seconds:
                return
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _differing(picture: Picture, still: Picture) -> Picture:
    differs = (cv2.absdiff(picture, still).max(axis=2) > _DIFFERS).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _paths(pictures: Sequence[Picture], detector: Detector) -> Iterator[list[tuple[int, Box]]]:
    """Picture numbers and boxes of people whom nobody was near."""
    tracker = Tracker(score_min=_SCORE_MIN)
    paths: dict[int, list[tuple[int, Box]]] = {}
    for number, picture in enumerate(pictures):
        tracks = [track for track in tracker.look(detector.look(picture), number / 10) if not track.misses]
        for track in tracks:
            grown = track.box.grown(_GROWN)
            inside = grown.left > 0 and grown.top > 0 and grown.right < 1 and grown.bottom < 1
            if inside and not any(grown.overlap(other.box) for other in tracks if other is not track):
                path = paths.setdefault(track.id, [])
                if not path or number - path[-1][0] <= 2:
                    path.append((number, track.box))
    yield from (path for path in paths.values() if len(path) >= _STEPS_MIN)


def _step(picture: Picture, still: Picture, box: Box) -> Step | None:
    high, wide = picture.shape[:2]
    box = box.grown(_GROWN)
    rows, columns = (
        slice(int(box.top * high), int(box.bottom * high) + 1),
        slice(int(box.left * wide), int(box.right * wide) + 1),
    )
    colours = picture[rows, columns]
    count, labels, found, _centres = cv2.connectedComponentsWithStats(_differing(colours, still[rows, columns]))
    if count < 2:
        return None
    largest = 1 + int(np.argmax(found[1:, cv2.CC_STAT_AREA]))
    mask = np.asarray(labels == largest, np.float32)
    left, top, width, height, area = found[largest].tolist()
    if not _SHARE_MIN < area / (width * height) < _SHARE_MAX or height < 0.75 * colours.shape[0]:
        return None
    cover = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)
    cut = (slice(top, top + height), slice(left, left + width))
    return Step(colours[cut].copy(), cover[cut].copy())


def _mirrored(step: Step) -> Step:
    return Step(step.colours[:, ::-1].copy(), step.cover[:, ::-1].copy())


def _cropped(picture: Picture, size_px: tuple[int, int]) -> Picture:
    """The middle of a picture in the shape that is wanted."""
    high = round(picture.shape[1] * size_px[1] / size_px[0])
    top = (picture.shape[0] - high) // 2
    return np.asarray(cv2.resize(picture[top : top + high], size_px, interpolation=cv2.INTER_AREA), np.uint8)
