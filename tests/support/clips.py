"""Clips that tests make and look into."""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.ring import Coding, Ring

WIDTH_PX, HEIGHT_PX = 320, 180
Paint = Callable[[int], NDArray[np.uint8]]
"""Frame number to uint8[H, W, 3] BGR."""


def filmed(paint: Paint, *, frames: int, frames_per_s: int = 10, window_s: float = 60, begins_s: float = 0.0) -> Ring:
    """A ring that holds what a camera sent of painted pictures, H.264 with a key frame every two seconds."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    encoder.time_base = Fraction(1, frames_per_s)
    encoder.gop_size = 2 * frames_per_s
    encoder.thread_count = 1
    encoder.options = {"tune": "zerolatency", "crf": "18"}
    ring = Ring(window_s=window_s, bytes_max=8 * 1024**2)
    ring.begin(Coding("h264", None, WIDTH_PX, HEIGHT_PX, "yuv420p", is_intra_only=False))
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(paint(number), format="bgr24")
        frame.pts = number
        for packet in encoder.encode(frame):
            ring.add(bytes(packet), is_key=packet.is_keyframe, taken_s=begins_s + number / frames_per_s)
    return ring


def shown(mp4: bytes) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The pictures of a clip with their times."""
    with av.open(io.BytesIO(mp4), "r") as container:
        for frame in container.decode(video=0):
            yield float(frame.time or 0), np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
