"""What a camera's process and the gateway say to each other, and how it is framed.

The gateway writes one :class:`Start` as a line of JSON to the process's standard input and keeps it open, for a line
with a :class:`ClipWanted` now and then; its end tells the process that the gateway is gone. The process answers on a
pipe of its own with MessagePack, each message behind its length (4 bytes, big endian). Neither secrets nor addresses of
cameras ever stand on a command line.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from haechi.edge.vision.faults import Fault
from haechi.edge.vision.labels import Label
from haechi.edge.vision.measures import Measure

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
HEADER = struct.Struct(">I")


class CameraState(StrEnum):
    """How a camera is doing."""

    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"
    """No pictures; it is tried again."""
    NO_MODEL = "no_model"
    """The detector has to be fetched first."""
    ENDED = "ended"
    """A file that is not looped has been seen to its end."""


class Start(Struct, kw_only=True):
    """What a process is started with."""

    config: dict[str, Any]
    """The camera's configuration as JSON has it."""
    active: tuple[str, ...] = ()
    """Zones whose condition was raised before and not cleared."""
    faults: tuple[Fault, ...] = ()
    """What was wrong with the view before, and is not known to be over."""
    without_pictures_s: float = 0.0
    """For how long no process of this camera has had a picture."""
    turn: int | None = None
    """The open file that a process locks while it makes a clip."""
    seal_to: bytes | None = None
    """The city's public key, where originals are kept."""
    memory: str | None = None
    """Folder for what a process is to know again after a restart."""


class ClipWanted(Struct, kw_only=True):
    """A clip of this camera is wanted."""

    event: str
    """Id of the event that it is to show."""
    age_s: Annotated[float, Meta(ge=0)] = 0.0
    """How long ago that was."""
    asked: bool = False
    """A person asks for it, not a rule."""


class Health(Struct, kw_only=True, tag="health"):
    """Said at every change of state, and every second or two as a sign of life. Counters since the process began."""

    state: CameraState
    message: str = ""
    """One line for people: why it is so and what to do; empty while all is well."""
    frames_read: int = 0
    frames_looked_at: int = 0
    frames_analysed: int = 0
    """Those that the detector saw; the gate kept it from the others."""
    frames_skipped: int = 0
    """Read, but never looked at, because a newer one had come."""
    frames_left_out: int = 0
    """Not even decoded, because decoding did not keep up with the stream."""
    reconnects: int = 0
    decoding_share: float = 0.0
    """Share of one core that decoding takes."""
    detector: str = ""
    """Which detector runs, and why this form of it."""
    look_ms: float = 0.0
    """Smoothed time of a look that ran the detector."""


class Counts(Struct, kw_only=True, tag="counts"):
    """Crossings of one period that pictures were seen in: line → (forward, backward)."""

    time_us: int
    lines: dict[str, tuple[int, int]]


class Measures(Struct, kw_only=True, tag="measures"):
    """What was measured beside the counts: one time, several values."""

    time_us: int
    values: tuple[Measure, ...]


class Snapshot(Struct, kw_only=True):
    """A small marked picture, heads blurred."""

    width_px: int
    height_px: int
    jpeg: bytes
    sealed: bytes | None = None
    """The same without blur and marks, sealed; where the policy keeps it."""


class ZoneChange(Struct, kw_only=True, tag="zone"):
    """A condition in a zone began or ended."""

    zone: str
    raised: bool
    time_us: int
    lasted_s: float
    label: Label | None = None
    score: float | None = None
    number: int = 0
    retracted: bool = False
    """At the end: what was raised never was so."""
    level_m: float | None = None
    """At a gauge: of the water."""
    snapshot: Snapshot | None = None


class ViewChange(Struct, kw_only=True, tag="view"):
    """A view became faulty, which suspends the camera's rules, or is well again."""

    fault: Fault
    raised: bool
    time_us: int
    lasted_s: float
    snapshot: Snapshot | None = None


class ClipMade(Struct, kw_only=True, tag="clip"):
    """A clip, heads blurred."""

    event: str
    time_us: int
    """Of its first picture."""
    width_px: int
    height_px: int
    mp4: bytes


class SealedClip(Struct, kw_only=True, tag="sealed"):
    """A clip without blur, sealed; where the policy keeps it."""

    event: str
    time_us: int
    sealed: bytes


class ClipMissed(Struct, kw_only=True, tag="no_clip"):
    """A clip that was wanted and cannot be."""

    event: str
    reason: str


Message = Health | Counts | Measures | ZoneChange | ViewChange | ClipMade | ClipMissed | SealedClip

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encoded(message: Message) -> bytes:
    """The framed bytes of a message."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Length of the body that follows a header of four bytes.

    Raises:
        ValueError: no message of ours is that long; what writes is not a camera's process.
    """
    (length,) = HEADER.unpack(header)
    if length > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message of {length} bytes")
    return int(length)


def decoded(body: bytes) -> Message:
    """A message from its body.

    Raises:
        ValueError: it is none of ours.
    """
    return _decoder.decode(body)
