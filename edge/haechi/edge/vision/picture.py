"""One decoded picture, converted only as far as somebody looks at it.

Promise: the gate reads the brightness that the decoder made, without a copy of the picture; colours are computed once,
and only for a picture that the detector or a person sees. Privacy masks are black in both. A picture that is to be
shown turned, as phones say of theirs, is turned: points of the configuration are those of the picture as it is shown.
"""

from __future__ import annotations

from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.masking import Masks

_PLANES_OF_BYTES = frozenset(
    {"gray", "nv12", "nv16", "nv21", "yuv411p", "yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p"}
)
"""Formats whose first plane is the brightness, a byte a pixel."""

GREY_HEIGHT_PX = 80
"""A small grey picture is at least so high (where the camera's own is) …"""

GREY_HEIGHT_PX_MAX = 320
"""… and less than this; and a quarter as large as the camera's or less, where that is large enough."""
_HALVED = 2
_QUARTER = 90  # degrees


class Picture(Protocol):
    """What looks at pictures asks of one."""

    def grey(self) -> NDArray[np.uint8]:
        """The brightness, made small as :func:`small_grey` does: uint8[h, w]; masks are black."""
        ...

    def colours(self) -> NDArray[np.uint8]:
        """The whole picture, uint8[H, W, 3] BGR, masks black; the same array each time, not to be changed."""
        ...


class Decoded:
    """A picture as the decoder made it."""

    def __init__(self, frame: av.VideoFrame, masks: Masks) -> None:
        """Holds the decoder's frame; nothing is converted yet."""
        self._frame = frame
        self._masks = masks
        self._colours: NDArray[np.uint8] | None = None

    def grey(self) -> NDArray[np.uint8]:
        """See :class:`Picture`."""
        frame = self._frame
        plain = frame.format.name in _PLANES_OF_BYTES
        plane = (frame if plain else frame.reformat(format="gray")).planes[0]
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return small_grey(turned(rows[: frame.height, : frame.width], quarter_turns(frame)), self._masks)

    def colours(self) -> NDArray[np.uint8]:
        """See :class:`Picture`."""
        if self._colours is None:
            colours = np.asarray(self._frame.to_ndarray(format="bgr24"), np.uint8)
            self._colours = turned(colours, quarter_turns(self._frame))
            self._masks.black_out(self._colours)
        return self._colours


class Drawn:
    """A picture that is an array already."""

    def __init__(self, colours: NDArray[np.uint8], masks: Masks | None = None) -> None:
        """Takes uint8[H, W, 3] BGR, and blackens what the masks cover in it."""
        self._colours = colours
        if masks is not None:
            masks.black_out(colours)

    def grey(self) -> NDArray[np.uint8]:
        """See :class:`Picture`."""
        return small_grey(np.asarray(cv2.cvtColor(self._colours, cv2.COLOR_BGR2GRAY), np.uint8))

    def colours(self) -> NDArray[np.uint8]:
        """See :class:`Picture`."""
        return self._colours


def quarter_turns(frame: av.VideoFrame) -> int:
    """How often a decoded picture is to be turned by a quarter, counterclockwise, to be shown."""
    return round(frame.rotation / _QUARTER) % 4


def turned(picture: NDArray[np.uint8], quarters: int) -> NDArray[np.uint8]:
    """The picture turned counterclockwise by so many quarters; the same array for none."""
    return np.ascontiguousarray(np.rot90(picture, quarters)) if quarters else picture


def shrunk(picture: NDArray[np.uint8], height_px: int, width_px: int) -> NDArray[np.uint8]:
    """The picture halved by averages as often as it stays at least so large; an odd last row or column is left out.

    Halving is what OpenCV does fastest: averaging to just any size takes twenty times as long, as much as half a look.
    """
    while picture.shape[1] >= 2 * width_px and picture.shape[0] >= 2 * height_px:
        high, wide = picture.shape[0] // 2, picture.shape[1] // 2
        even = picture[: 2 * high, : 2 * wide]
        picture = np.asarray(cv2.resize(even, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    return picture


def resized(texture: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """What was learned of one size, for pictures of another: float32[h, w]; nearly what they would have taught."""
    return np.asarray(cv2.resize(texture, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def small_grey(grey: NDArray[np.uint8], masks: Masks | None = None) -> NDArray[np.uint8]:
    """Halves a grey picture twice, and on until it is below :data:`GREY_HEIGHT_PX_MAX`; its masks are black."""
    height_px = max(GREY_HEIGHT_PX, min(grey.shape[0] >> _HALVED, GREY_HEIGHT_PX_MAX // 2))
    small = shrunk(grey, height_px, 1)
    if masks is not None:
        # What was not made smaller is still the decoder's own, which later pictures are made of.
        small = small.copy() if small.base is not None or small is grey else small
        masks.black_out(small)
    return small
