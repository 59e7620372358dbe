"""A clip out of a stretch of the ring: H.264 in MP4, privacy masks black, heads blurred.

Promise: every picture passes through the detector at its least sure, and every head that was found in it, in the
pictures beside it or by the looks of that time is blurred before the picture is encoded. A clip has at most so many
bytes; where it would grow beyond, it ends early. All of it happens in memory.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, cast

import av
import av.error
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from haechi.edge.vision import evidence
from haechi.edge.vision.config import ClipConfig
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.masking import Masks
from haechi.edge.vision.picture import turned
from haechi.edge.vision.ring import Coding, Kept, Seen, Stretch
from haechi.text import _

ENCODERS = ("libopenh264", "libx264")
"""The first that FFmpeg has here: PyAV's own wheels bring x264 (GPL), builds without it may bring openh264 (BSD)."""

_TICKS_A_S = 1000
_QUALITY = "28"  # x264's constant rate factor: small, and still clear enough to see what happened
_INDEX_BYTES = 4096
_INDEX_BYTES_A_FRAME = 32
_BESIDE_S = 0.6  # a look this long before or after a picture still tells where somebody was


class ClipImpossible(Exception):  # noqa: N818 - reads as what it is
    """No clip can be made of it; the text is one line."""


class Clip(NamedTuple):
    """A clip."""

    width_px: int
    height_px: int
    begins_s: float
    """When its first picture was taken, of the ring's clock."""
    length_s: float
    mp4: bytes


class _Shown(NamedTuple):
    picture: NDArray[np.uint8]
    taken_s: float
    people: list[Box]


People = Callable[[NDArray[np.uint8]], list[Box]]
"""Every box that may be a person in a picture of uint8[H, W, 3] BGR."""


def make(
    stretch: Stretch, from_s: float, config: ClipConfig, masks: Masks, people: People, *, blurred: bool = True
) -> Clip:
    """Makes a clip; blocks for seconds.

    Args:
        stretch: what it is made of.
        from_s: earlier pictures are needed for decoding only.
        config: how large it may be.
        masks: what nobody is to see.
        people: finds everybody who may be there.
        blurred: False only for what is sealed before it leaves memory.

    Raises:
        ClipImpossible: nothing of the stretch can be decoded, or there is no encoder.
    """
    pictures = _pictures(stretch, from_s, config, masks)
    shown = _blurred(pictures, stretch.seen, people) if blurred else pictures
    try:
        return _encoded(shown, config, length_s=stretch.packets[-1].taken_s - from_s)
    except (av.error.FFmpegError, MemoryError) as error:
        raise ClipImpossible(_("it cannot be encoded: {reason}").format(reason=error)) from None


def _pictures(
    stretch: Stretch, from_s: float, config: ClipConfig, masks: Masks
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Decodes, thins out, makes small and masks."""
    period_s = 1 / config.frames_per_s
    due_s = from_s
    for frame, taken_s in _decoded(stretch.coding, stretch.packets):
        # Half a frame of grace: a stream of just that rate must not lose every other picture to jitter.
        if taken_s < due_s - 0.25 * period_s:
            continue
        due_s = max(due_s + period_s, taken_s)
        lies = stretch.quarter_turns % 2
        wide, high = (frame.height, frame.width) if lies else (frame.width, frame.height)
        width = min(wide, config.width_px_max) // 2 * 2
        height = max(2, round(high * width / wide) // 2 * 2)
        small = frame.reformat(width=height if lies else width, height=width if lies else height, format="bgr24")
        picture = turned(np.asarray(small.to_ndarray(), np.uint8), stretch.quarter_turns)
        masks.black_out(picture)
        yield picture, taken_s


def _decoded(coding: Coding, packets: Sequence[Kept]) -> Iterator[tuple[av.VideoFrame, float]]:
    decoder = cast(VideoCodecContext, av.CodecContext.create(coding.name, "r"))
    decoder.thread_count = 1
    if coding.extradata:
        decoder.extradata = coding.extradata
    if coding.pixel_format is not None and coding.is_intra_only:
        decoder.width, decoder.height, decoder.pix_fmt = coding.width_px, coding.height_px, coding.pixel_format
    for packet in packets:
        try:
            frames = decoder.decode(av.Packet(packet.data))
        except av.error.FFmpegError:
            continue  # a damaged packet costs its own picture
        for frame in frames:
            yield frame, packet.taken_s


def _blurred(
    pictures: Iterator[tuple[NDArray[np.uint8], float]], seen: Sequence[Seen], people: People
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Blurs who is in a picture, in the one before, in the one after, and whom looks saw about then."""
    before: list[Box] = []
    held: _Shown | None = None
    for picture, taken_s in pictures:
        shown = _Shown(picture, taken_s, people(picture))
        if held is not None:
            yield _one_blurred(held, before, shown.people, seen)
            before = held.people
        held = shown
    if held is not None:
        yield _one_blurred(held, before, [], seen)


def _one_blurred(
    shown: _Shown, before: Sequence[Box], after: Sequence[Box], seen: Sequence[Seen]
) -> tuple[NDArray[np.uint8], float]:
    looked = [box for look in seen if abs(look.taken_s - shown.taken_s) <= _BESIDE_S for box in look.people]
    evidence.blur_heads(shown.picture, [*before, *shown.people, *after, *looked])
    return shown.picture, shown.taken_s


def _encoded(pictures: Iterator[tuple[NDArray[np.uint8], float]], config: ClipConfig, *, length_s: float) -> Clip:
    first = next(pictures, None)
    if first is None:
        raise ClipImpossible(_("nothing of the stream can be decoded"))
    height, width = first[0].shape[:2]
    file = io.BytesIO()
    frames_max = int((length_s + 2) * config.frames_per_s) + 2
    # The index stands in front, so that a player that has the first bytes can begin.
    index = str(_INDEX_BYTES + _INDEX_BYTES_A_FRAME * frames_max)
    begins_s, last_s = first[1], first[1]
    with av.open(file, "w", format="mp4", options={"moov_size": index}) as container:
        stream = _stream(container, width, height, config, max(1.0, length_s))
        number = 0
        while first is not None and number < frames_max:
            picture, taken_s = first
            if picture.shape[:2] != (height, width):
                picture = np.asarray(cv2.resize(picture, (width, height)), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = round((taken_s - begins_s) * _TICKS_A_S)
            frame.time_base = Fraction(1, _TICKS_A_S)
            container.mux(stream.encode(frame))
            number, last_s = number + 1, taken_s
            first = next(pictures, None) if file.tell() < config.bytes_max * 0.9 else None
        container.mux(stream.encode(None))
    if file.tell() > config.bytes_max:
        raise ClipImpossible(_("it would have {size} bytes").format(size=file.tell()))
    return Clip(width, height, begins_s, last_s - begins_s, file.getvalue())


def _stream(
    container: av.container.OutputContainer, width_px: int, height_px: int, config: ClipConfig, length_s: float
) -> VideoStream:
    name = next((name for name in ENCODERS if name in av.codecs_available), None)
    if name is None:
        raise ClipImpossible(_("FFmpeg has no H.264 encoder on this machine"))
    bits_per_s = int(config.bytes_max * 0.8 * 8 / length_s)
    options = {"preset": "veryfast", "crf": _QUALITY, "maxrate": str(bits_per_s), "bufsize": str(bits_per_s)}
    stream = cast(VideoStream, container.add_stream(name, rate=round(config.frames_per_s), options=options))
    stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
    stream.codec_context.time_base = Fraction(1, _TICKS_A_S)
    stream.codec_context.thread_count = 1
    stream.codec_context.gop_size = round(2 * config.frames_per_s)
    if name != "libx264":
        stream.bit_rate = bits_per_s // 2
    return stream
