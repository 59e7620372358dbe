"""Cameras at this machine, by Linux's video interface (V4L2): what they offer, and why one does not open.

Promise: of all sizes, rates and codings that a camera offers, the smallest that suffices is asked for. Left alone,
FFmpeg takes the size that the camera has of its last user, and uncompressed pictures, of which USB carries two or five
a second where they are large. Nothing here waits, and nothing is changed in the camera.

Numbers and layouts are those of <linux/videodev2.h>; none of these structures differs between 32 and 64 bits.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from haechi.edge.vision.onvif import HEIGHT_PX_ENOUGH, WIDTH_PX_ENOUGH
from haechi.text import _

RATE_ENOUGH = 10
"""Pictures a second; more where a camera is looked at more often."""

_QUERYCAP, _QUERYCAP_SIZE, _DEVICE_CAPS_AT = 0x80685600, 104, 88
_ENUM_FMT, _ENUM_FMT_SIZE, _FOURCC_AT = 0xC0405602, 64, 44
_ENUM_FRAMESIZES, _ENUM_FRAMESIZES_SIZE, _SIZES_AT = 0xC02C564A, 44, 8
_ENUM_FRAMEINTERVALS, _ENUM_FRAMEINTERVALS_SIZE, _INTERVALS_AT = 0xC034564B, 52, 16
_CAPTURES = 0x00000001  # V4L2_CAP_VIDEO_CAPTURE; a codec or a camera's metadata has another
_VIDEO_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_DISCRETE = 1
_LISTED_MAX = 64

_COMPRESSED = "mjpeg"
_WEIGHT = {_COMPRESSED: 1.0, "h264": 2.0}
_WEIGHT_RAW = 1.5
"""Uncompressed pictures fill the bus, and the memory that clips are made from; H.264 has to be decoded to the last."""

_CODINGS = {
    b"MJPG": _COMPRESSED, b"JPEG": _COMPRESSED, b"H264": "h264", b"YUYV": "yuyv422", b"UYVY": "uyvy422",
    b"NV12": "nv12", b"YU12": "yuv420p", b"RGB3": "rgb24", b"BGR3": "bgr24", b"GREY": "gray",
}  # fmt: skip
"""FFmpeg's names of what cameras send."""

Control = Callable[[int, int, bytearray], object]
"""As :func:`fcntl.ioctl`: an open device, what is asked, and where the question stands and the answer comes."""


class NoCamera(Exception):  # noqa: N818 - reads as what it is
    """It is no camera, or none whose pictures can be read here. The text says why."""


class Mode(NamedTuple):
    """One way in which a camera can send pictures."""

    coding: str
    """FFmpeg's name of it."""
    width_px: int
    height_px: int
    frames_a_s: Fraction | None
    """None where the camera does not say."""

    @property
    def options(self) -> dict[str, str]:
        """What FFmpeg is told."""
        options = {"input_format": self.coding, "video_size": f"{self.width_px}x{self.height_px}"}
        return options if self.frames_a_s is None else options | {"framerate": str(self.frames_a_s)}


def find_mode(path: Path, looks_per_s: float, control: Control = fcntl.ioctl) -> Mode | None:
    """The mode to ask a camera for; None when it does not tell what it offers.

    Args:
        path: of the device.
        looks_per_s: how often its pictures are looked at.
        control: asks the device.

    Raises:
        NoCamera: it gives no pictures, or none that can be read here.
        OSError: it may not be opened, or is gone.
    """
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _find_mode(device, looks_per_s, control)
    finally:
        os.close(device)


def _find_mode(device: int, looks_per_s: float, control: Control) -> Mode | None:
    asked = bytearray(_QUERYCAP_SIZE)
    try:
        control(device, _QUERYCAP, asked)
    except OSError as error:
        if error.errno in {errno.ENOTTY, errno.EINVAL}:
            raise NoCamera(_("it is no camera")) from None
        raise
    if not _number(asked, _DEVICE_CAPS_AT) & _CAPTURES:
        raise NoCamera(_("it gives no pictures; a camera's pictures are at another of its numbers, mostly one lower"))
    fourccs = list(_fourccs(device, control))
    if fourccs and not any(fourcc in _CODINGS for fourcc in fourccs):
        names = ", ".join(sorted({fourcc.decode("ascii", "replace").strip() for fourcc in fourccs}))
        raise NoCamera(_("it sends {codings} alone; MJPG, YUYV or H264 can be read").format(codings=names))
    return choose([mode for fourcc in fourccs for mode in _modes(device, fourcc, control)], looks_per_s)


def choose(modes: Sequence[Mode], looks_per_s: float) -> Mode | None:
    """The smallest and slowest that suffices; where none does, what comes next to it."""
    rate_enough = max(RATE_ENOUGH, looks_per_s)

    def worth(mode: Mode) -> tuple[float, float, float]:
        rate = rate_enough if mode.frames_a_s is None else float(mode.frames_a_s)
        sufficient = (
            min(1.0, mode.width_px / WIDTH_PX_ENOUGH)
            * min(1.0, mode.height_px / HEIGHT_PX_ENOUGH)
            * min(1.0, rate / rate_enough)
        )
        return -sufficient, mode.width_px * mode.height_px * _WEIGHT.get(mode.coding, _WEIGHT_RAW), rate

    return min(modes, key=worth, default=None)


def names_of_cameras(folder: Path = Path("/dev/v4l")) -> list[str]:
    """Paths by which cameras at this machine are known for good, whatever number they have today."""
    for kind in ("by-id", "by-path"):
        # index1 and on are what a camera says beside its pictures.
        paths = sorted(str(path) for path in (folder / kind).glob("*-video-index0"))
        if paths:
            return paths[:_LISTED_MAX]
    return []


def reason(error: OSError, path: Path) -> str:
    """Why a camera does not open, and what to do."""
    if error.errno == errno.EPERM:
        return _("not permitted by the service or container that this runs in; a unit needs DeviceAllow=char-81 rw")
    if error.errno == errno.EACCES:
        text = _("not permitted; the user that this runs as must be in the group {group}")
        return text.format(group=_group(path))
    if error.errno == errno.EBUSY:
        return _("another program has taken it")
    if error.errno == errno.ENOSPC:
        return _("its USB bus has no room beside other cameras; plug it in at another bus")
    if error.errno in {errno.ENODEV, errno.ENXIO, errno.ENOENT}:
        return _("it was unplugged")
    return _("no answer, or refused")


def _group(path: Path) -> str:
    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return "video"


def _fourccs(device: int, control: Control) -> Iterator[bytes]:
    for index in range(_LISTED_MAX):
        asked = bytearray(_ENUM_FMT_SIZE)
        struct.pack_into("=II", asked, 0, index, _VIDEO_CAPTURE)
        if not _answered(device, _ENUM_FMT, asked, control):
            return
        yield bytes(asked[_FOURCC_AT : _FOURCC_AT + 4])


def _modes(device: int, fourcc: bytes, control: Control) -> Iterator[Mode]:
    if fourcc not in _CODINGS:
        return
    for width_px, height_px in _sizes(device, fourcc, control):
        rates: list[Fraction | None] = [*_rates(device, fourcc, width_px, height_px, control)]
        yield from (Mode(_CODINGS[fourcc], width_px, height_px, rate) for rate in rates or [None])


def _sizes(device: int, fourcc: bytes, control: Control) -> Iterator[tuple[int, int]]:
    for index in range(_LISTED_MAX):
        asked = bytearray(_ENUM_FRAMESIZES_SIZE)
        struct.pack_into("=I4s", asked, 0, index, fourcc)
        if not _answered(device, _ENUM_FRAMESIZES, asked, control):
            return
        kind, *numbers = struct.unpack_from("=7I", asked, _SIZES_AT)
        if kind != _DISCRETE:
            # Any size within bounds: 640x480 is what all of them know.
            width, height = numbers[:3], numbers[3:]
            yield _within(WIDTH_PX_ENOUGH, *width), _within(480, *height)
            return
        yield numbers[0], numbers[1]


def _rates(device: int, fourcc: bytes, width_px: int, height_px: int, control: Control) -> Iterator[Fraction]:
    for index in range(_LISTED_MAX):
        asked = bytearray(_ENUM_FRAMEINTERVALS_SIZE)
        struct.pack_into("=I4sII", asked, 0, index, fourcc, width_px, height_px)
        if not _answered(device, _ENUM_FRAMEINTERVALS, asked, control):
            return
        kind, *numbers = struct.unpack_from("=7I", asked, _INTERVALS_AT)
        if kind == _DISCRETE:
            seconds, parts = numbers[:2]
            if seconds and parts:
                yield Fraction(parts, seconds)
            continue
        # The shortest and the longest interval; what lies between is to be had as well.
        rates = [Fraction(parts, seconds) for seconds, parts in (numbers[:2], numbers[2:4]) if seconds and parts]
        if rates:
            yield from {min(max(rates), max(min(rates), Fraction(rate))) for rate in (RATE_ENOUGH, 15, 30)}
        return


def _answered(device: int, request: int, asked: bytearray, control: Control) -> bool:
    """Whether there was one more; a driver need not know the question."""
    try:
        control(device, request, asked)
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.ENOTTY}:
            return False
        raise
    return True


def _number(answer: bytearray, at: int) -> int:
    (number,) = struct.unpack_from("=I", answer, at)
    return int(number)


def _within(wanted: int, least: int, most: int, step: int) -> int:
    stepped = least + -(-max(0, wanted - least) // max(1, step)) * max(1, step)
    return min(most, stepped)
