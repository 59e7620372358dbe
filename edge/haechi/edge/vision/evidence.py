"""The picture that shows why an event was raised: small, marked, and nobody's face in it.

Promise: at most so many bytes as asked for, and the head of every person that the detector saw is blurred beyond
recognition before the picture is compressed. Faces that no box covers are not found: the privacy of a place rests on
where the camera points, this lessens what leaves the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.tracker import Track

PERSON_SCORE_MIN = 0.1
"""Whoever may be a person is blurred, long before it counts as one."""
ORIGINAL_BYTES_MAX = 2_000_000
_WIDTH_MAX_PX = 960
_HEAD_SHARE = 0.25  # of a standing person's height, hat and a margin included
_BESIDE_SHARE = 0.08  # of that height, on either side
_ABOVE_SHARE = 0.12  # boxes end too low more often than they are off to a side
_QUALITY_MIN = 40
_MARKED = (40, 80, 255)  # BGR: the object or zone that the event is about
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_OTHERS = (210, 210, 210)


class Picture(NamedTuple):
    """A compressed picture."""

    width_px: int
    height_px: int
    jpeg: bytes


def draw(
    picture: NDArray[np.uint8],
    tracks: Iterable[Track],
    *,
    people: Iterable[Box],
    polygon: Sequence[Point],
    about: Box | None,
    quality: int,
    bytes_max: int,
) -> Picture:
    """Makes the evidence picture.

    Args:
        picture: uint8[H, W, 3] BGR; it is not changed.
        tracks: all objects, for marking.
        people: every box that may be a person, for blurring.
        polygon: the zone, in fractions; empty for an event about the whole view.
        about: the object that the event began with.
        quality: JPEG quality to begin with, lowered until the picture fits.
        bytes_max: limit of the compressed picture.
    """
    shown = picture.copy()
    tracks = list(tracks)
    blur_heads(shown, people)
    shown = _at_most_wide(shown, _WIDTH_MAX_PX)
    if polygon:
        corners = pixels(polygon, shown)
        cv2.polylines(shown, [corners], isClosed=True, color=_MARKED, thickness=2, lineType=cv2.LINE_AA)
    for track in tracks:
        if track.settled and not track.misses and track.box != about:
            _mark(shown, track.box, "", _OTHERS)
    for track in tracks:
        if track.box == about:
            _mark(shown, track.box, f"{track.label} {track.score:.0%}", _MARKED)
    return _compressed(shown, quality, bytes_max)


def original(picture: NDArray[np.uint8]) -> bytes:
    """The picture as it is, as JPEG of at most :data:`ORIGINAL_BYTES_MAX`: to be sealed before it goes anywhere."""
    return _compressed(picture, 90, ORIGINAL_BYTES_MAX).jpeg


def blur_heads(picture: NDArray[np.uint8], people: Iterable[Box]) -> None:
    """Blurs the head of each person beyond recognition, in the picture itself (uint8[H, W, 3])."""
    for box in people:
        _blur_head(picture, box)


def pixels(points: Iterable[Point], picture: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Where points given as fractions lie in a picture: int32[n, 2], x and y."""
    height, width = picture.shape[:2]
    return np.array([(round(p.x * (width - 1)), round(p.y * (height - 1))) for p in points], np.int32)


def head_px(box: Box, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """What is blurred for a person's box, in pixels: left, top, right, bottom; the last two are outside."""
    # Boxes are a little off, and heads stick out of them: a margin on three sides.
    beside, above = _BESIDE_SHARE * box.height, _ABOVE_SHARE * box.height
    return (
        max(0, int((box.left - beside) * width_px)),
        max(0, int((box.top - above) * height_px)),
        min(width_px, int((box.right + beside) * width_px) + 1),
        min(height_px, int((box.top + _HEAD_SHARE * box.height) * height_px) + 1),
    )


def _blur_head(picture: NDArray[np.uint8], box: Box) -> None:
    height, width = picture.shape[:2]
    left, top, right, bottom = head_px(box, width, height)
    if right <= left or bottom <= top:
        return
    head = picture[top:bottom, left:right]
    # A few averaged patches carry no features; enlarging them smoothly keeps the picture readable.
    patches = cv2.resize(head, (min(3, right - left), min(3, bottom - top)), interpolation=cv2.INTER_AREA)
    head[:] = cv2.resize(patches, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)


def _at_most_wide(picture: NDArray[np.uint8], width_px: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if width <= width_px:
        return picture
    size = (width_px, max(1, round(height * width_px / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _mark(picture: NDArray[np.uint8], box: Box, text: str, colour: tuple[int, int, int]) -> None:
    (left, top), (right, bottom) = pixels([Point(box.left, box.top), Point(box.right, box.bottom)], picture)
    thickness = 2 if text else 1
    cv2.rectangle(picture, (int(left), int(top)), (int(right), int(bottom)), colour, thickness, cv2.LINE_AA)
    if text:
        (wide, high), _ = cv2.getTextSize(text, _FONT, 0.5, 3)
        at = (
            max(0, min(int(left), picture.shape[1] - wide)),
            int(top) - 6 if top > high + 6 else min(int(bottom) + high + 6, picture.shape[0] - 1),
        )
        cv2.putText(picture, text, at, _FONT, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(picture, text, at, _FONT, 0.5, (255, 255, 255), 1, cv2.LINE_AA)


def _compressed(picture: NDArray[np.uint8], quality: int, bytes_max: int) -> Picture:
    while True:
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(encoded) <= bytes_max:
            return Picture(picture.shape[1], picture.shape[0], encoded.tobytes())
        if quality > _QUALITY_MIN:
            quality = max(_QUALITY_MIN, quality - 10)
        else:
            picture = _at_most_wide(picture, max(16, picture.shape[1] * 3 // 4))
