"""MQTT 3.1.1 control packets, as bytes and back, as far as one who listens needs them. No I/O, bounded memory.

Clauses are those of *OASIS MQTT Version 3.1.1* (29 October 2014). Everything that comes from the network is judged:
what breaks a rule raises :class:`~haechi.sdk.errors.BadReading`, after which a stream cannot be trusted any more.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from haechi.sdk.errors import BadReading
from haechi.text import _

_U16 = struct.Struct(">H")
_LENGTH_BYTES_MAX = 4
_TEXT_BYTES_MAX = 65535
_QOS_MAX = 2
_DUPLICATE, _RETAINED = 0x08, 0x01
_CLEAN, _PASSWORD, _USERNAME = 0x02, 0x40, 0x80


class Kind(IntEnum):
    """Control packet types (2.2.1)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Packet(NamedTuple):
    """One control packet: type, the four flags beside it, and what follows the remaining length."""

    kind: int
    flags: int
    body: bytes


class Message(NamedTuple):
    """What somebody published."""

    topic: str
    payload: bytes
    qos: int = 0
    retained: bool = False
    """True: the broker had it before we came. It is how something stood at a time that nobody knows."""
    duplicate: bool = False
    """True: the broker sends it again, since it saw no acknowledgement."""
    packet_id: int = 0
    """What an acknowledgement names; only above QoS 0."""
    waited_s: float = 0.0
    """How long it has waited since it came, because its reader was busy."""


class Packets:
    """A stream of bytes → packets."""

    def __init__(self, size_max: int) -> None:
        """Keep at most one packet of ``size_max`` bytes; a larger one is refused before it has come."""
        self._size_max = size_max
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Take bytes as they come and return the packets that they complete.

        Raises:
            BadReading: a packet is longer than allowed, or its length is no length; the stream is of no more use.
        """
        self._rest += data
        packets = []
        while (packet := self._take()) is not None:
            packets.append(packet)
        return packets

    def _take(self) -> Packet | None:
        length = 0
        for place in range(1, _LENGTH_BYTES_MAX + 1):
            if place >= len(self._rest):
                return None
            byte = self._rest[place]
            length |= (byte & 0x7F) << 7 * (place - 1)
            if byte < 0x80:
                break
        else:
            raise BadReading(_("a packet length that MQTT has not"))
        end = place + 1 + length
        if end > self._size_max:
            raise BadReading(_("a packet of {size} bytes; {most} are allowed").format(size=end, most=self._size_max))
        if len(self._rest) < end:
            return None
        packet = Packet(self._rest[0] >> 4, self._rest[0] & 0x0F, bytes(self._rest[place + 1 : end]))
        del self._rest[:end]
        return packet


def packet(kind: Kind, body: bytes = b"", flags: int = 0) -> bytes:
    """Return the bytes of a packet (2.2)."""
    length, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length.append(digit | 0x80 if left else digit)
        if not left:
            return bytes((kind << 4 | flags,)) + bytes(length) + body


def connect(client_id: str, keepalive_s: int, *, clean: bool, username: str | None, password: str | None) -> bytes:
    """Return CONNECT (3.1); ``clean`` is False for a session that the broker keeps while nobody listens."""
    flags = (_CLEAN if clean else 0) | (_USERNAME if username is not None else 0)
    flags |= _PASSWORD if password is not None else 0
    body = _text("MQTT") + bytes((4, flags)) + _U16.pack(keepalive_s) + _text(client_id)
    for secret in (username, password):
        body += _text(secret) if secret is not None else b""
    return packet(Kind.CONNECT, body)


def subscribe(packet_id: int, filters: tuple[str, ...], qos: int) -> bytes:
    """Return SUBSCRIBE (3.8)."""
    body = _U16.pack(packet_id) + b"".join(_text(one) + bytes((qos,)) for one in filters)
    return packet(Kind.SUBSCRIBE, body, 0x02)


def publish(message: Message) -> bytes:
    """Return PUBLISH (3.3)."""
    flags = message.qos << 1 | (_RETAINED if message.retained else 0) | (_DUPLICATE if message.duplicate else 0)
    packet_id = _U16.pack(message.packet_id) if message.qos else b""
    return packet(Kind.PUBLISH, _text(message.topic) + packet_id + message.payload, flags)


def puback(packet_id: int) -> bytes:
    """Return PUBACK (3.4)."""
    return packet(Kind.PUBACK, _U16.pack(packet_id))


def message_of(published: Packet) -> Message:
    """Return what a PUBLISH holds.

    Raises:
        BadReading: it is no PUBLISH, or breaks a rule of clause 3.3.
    """
    if published.kind != Kind.PUBLISH:
        raise BadReading(_("a packet of type {kind} where a message was expected").format(kind=published.kind))
    qos = published.flags >> 1 & 0x03
    if qos > _QOS_MAX or (not qos and published.flags & _DUPLICATE):
        raise BadReading(_("a message with flags that MQTT has not"))
    topic, rest = text_of(published.body)
    if not topic or any(wild in topic for wild in "+#\0"):
        raise BadReading(_("a message with a topic that nobody can publish to"))
    packet_id = 0
    if qos:
        packet_id, rest = number_of(rest)
        if not packet_id:
            raise BadReading(_("a message with the packet identifier 0"))
    flags = published.flags
    return Message(topic, rest, qos, bool(flags & _RETAINED), bool(flags & _DUPLICATE), packet_id)


def connack_of(answer: Packet) -> int:
    """Return the code of a CONNACK: 0 where the broker lets us in (3.2.2.3).

    Raises:
        BadReading: it is no CONNACK.
    """
    if answer.kind != Kind.CONNACK or len(answer.body) != 2:
        raise BadReading(_("no answer to CONNECT"))
    return answer.body[1]


def suback_of(answer: Packet) -> tuple[int, bytes]:
    """Return packet identifier and granted codes of a SUBACK, one a filter; 80h and above is a refusal (3.9.3).

    Raises:
        BadReading: it is no SUBACK.
    """
    if answer.kind != Kind.SUBACK:
        raise BadReading(_("no answer to SUBSCRIBE"))
    return number_of(answer.body)


def text_of(data: bytes) -> tuple[str, bytes]:
    """Return the text at the beginning of ``data``, and what follows it (1.5.3).

    Raises:
        BadReading: it is cut off, or not UTF-8.
    """
    size, rest = number_of(data)
    if len(rest) < size:
        raise BadReading(_("a text that breaks off"))
    try:
        return rest[:size].decode("utf-8"), rest[size:]
    except UnicodeDecodeError:
        raise BadReading(_("a text that is not UTF-8")) from None


def number_of(data: bytes) -> tuple[int, bytes]:
    """Return the two-byte number at the beginning of ``data``, and what follows it.

    Raises:
        BadReading: it is cut off.
    """
    if len(data) < _U16.size:
        raise BadReading(_("a number that breaks off"))
    return int.from_bytes(data[:2], "big"), data[2:]


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a message for ``topic`` belongs to a subscription (4.7); ``+`` is one level, ``#`` all below."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(given) or level not in ("+", given[place]):
            return False
    return len(wanted) == len(given)


def is_filter(topic_filter: str) -> bool:
    """Tell whether a broker can be asked for it (4.7.1)."""
    levels = topic_filter.split("/")
    return (
        0 < len(topic_filter.encode()) <= _TEXT_BYTES_MAX
        and "\0" not in topic_filter
        and all(level in ("+", "#") or not set(level) & set("+#") for level in levels)
        and "#" not in levels[:-1]
    )


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return _U16.pack(len(encoded)) + encoded
