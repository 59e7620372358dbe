"""What a gateway and an adapter in a process of its own say to each other. No I/O.

Frames: four bytes of length, big endian, then MessagePack. A frame has at most a mebibyte, so neither side can make the
other run out of memory.
"""

from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk.actuator import Actuator
from haechi.sdk.sample import Sample

FRAME_BYTES_MAX = 2**20
_LENGTH_BYTES = 4


class Tell(Struct, frozen=True):
    """A command for the device; after its order, the only thing that a child is told."""

    number: int
    """Names the answer."""
    actuator: str
    value: Value
    on_s: float


class Order(Struct, frozen=True):
    """What the child shall do."""

    work: Literal["describe", "probe", "samples", "obey"]
    """``obey``: carry out one command, and end."""
    adapter: str
    device: str
    written: dict[str, Any]
    """Its ``[device.config]``."""
    memory_bytes_max: int
    files_max: int
    cursor: str | None = None
    """Where reading resumes."""
    tell: Tell | None = None
    """What to obey."""
    set_back: tuple[Tell, ...] = ()
    """What to carry out before anything is read: somebody before may have left it on."""


class Described(Struct, frozen=True, tag="described"):
    """What it may emit."""

    datastreams: tuple[Datastream, ...]
    actuators: tuple[Actuator, ...] = ()


class Probed(Struct, frozen=True, tag="probed"):
    """The line of a probe."""

    line: str


class Sampled(Struct, frozen=True, tag="sampled"):
    """One sample."""

    sample: Sample


class Obeyed(Struct, frozen=True, tag="obeyed"):
    """What became of a command."""

    number: int
    actuator: str
    state: Literal["done", "not_done", "unknown"]
    """``not_done``: nothing has changed, for certain."""
    line: str = ""


class Passed(Struct, frozen=True, tag="passed"):
    """Bytes that passed a wire of the child."""

    way: Literal["came", "sent"]
    address: str
    data: bytes


class Alive(Struct, frozen=True, tag="alive"):
    """A sign of life, with all counters."""

    counters: dict[str, int]


class Said(Struct, frozen=True, tag="said"):
    """A line for the log."""

    level: int
    line: str


class Failed(Struct, frozen=True, tag="failed"):
    """It ended; the child says nothing after this."""

    kind: str
    """``config``, ``not_connected`` or ``bug``."""
    line: str
    key: str = ""
    value: str = ""
    retry_after_s: float = 0.0


Message = Described | Probed | Sampled | Obeyed | Passed | Alive | Said | Failed
MessageT = TypeVar("MessageT")

FROM_CHILD: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
TO_CHILD = msgspec.msgpack.Decoder(Tell)
_orders = msgspec.msgpack.Decoder(Order)


class BrokenFrame(Exception):  # noqa: N818 - reads as what it is
    """What came is no message."""


def frame(message: Message | Order | Tell) -> bytes:
    """Return ``message`` as it is sent.

    Raises:
        BrokenFrame: it is too large.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise BrokenFrame(f"{len(body)} bytes in one message")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def order_of(data: bytes) -> Order:
    """Return the order in one whole frame."""
    return _orders.decode(data[_LENGTH_BYTES:])


class Messages(Generic[MessageT]):
    """Bytes as they come → messages."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[MessageT]) -> None:
        """Begin at the beginning of a frame; ``decoder`` is :data:`FROM_CHILD` or :data:`TO_CHILD`."""
        self._rest = bytearray()
        self._decoder = decoder

    def feed(self, data: bytes) -> Iterator[MessageT]:
        """Take bytes and yield the messages that they complete.

        Raises:
            BrokenFrame: these are no messages; nothing that follows can be understood.
        """
        self._rest += data
        start = 0
        try:
            while len(self._rest) >= start + _LENGTH_BYTES:
                end = start + _LENGTH_BYTES + int.from_bytes(self._rest[start : start + _LENGTH_BYTES], "big")
                if end - start > FRAME_BYTES_MAX + _LENGTH_BYTES:
                    raise BrokenFrame("a message that is too large")
                if len(self._rest) < end:
                    return
                body = bytes(self._rest[start + _LENGTH_BYTES : end])
                start = end
                try:
                    message = self._decoder.decode(body)
                except msgspec.MsgspecError as error:
                    raise BrokenFrame(str(error)) from None
                yield message
        finally:
            del self._rest[:start]
