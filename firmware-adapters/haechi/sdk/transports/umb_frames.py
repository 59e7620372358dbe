"""Lufft UMB binary frames, without I/O: what is sent, and which bytes are the answer to it and nothing else.

Written from the *IRS31Pro-UMB Operating Manual* V10 (01.2020), chapter 18.3: framing (18.3.1), addresses (18.3.2),
request of several channels (command 2Fh, example on page 49), status codes (18.3.5), CRC (18.3.6). Little-endian.

Answers carry no number. But they are addressed to whoever asked, and a master may call itself 1 to 255; so every
request comes from another master address, and an answer to an older request is addressed to somebody else.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from haechi.sdk.crc import ReflectedCrc16
from haechi.sdk.errors import BadReading
from haechi.text import _

CHANNELS_MAX = 20
"""Most channels in one request (UMB protocol, command 2Fh)."""
MASTER_CLASS = 0xF000
FRAME_BYTES_MAX = 12 + 255

_SOH, _STX, _ETX, _EOT = 0x01, 0x02, 0x03, 0x04
_VERSION = 0x10
_MANY_CHANNELS, _DEVICE_INFORMATION = 0x2F, 0x2D
_DEVICE_NAME, _EXTENDED_VERSION = 0x10, 0x13
IDENTITY = (_DEVICE_NAME, _EXTENDED_VERSION)
"""What of the device information tells one device from another: its name, and its versions with its serial number."""
_HEAD = struct.Struct("<BBHHBB")
_TAIL_BYTES = 4
_COMMANDS = frozenset((_MANY_CHANNELS, _DEVICE_INFORMATION))
_TYPES = {0x10: "<B", 0x11: "<b", 0x12: "<H", 0x13: "<h", 0x14: "<I", 0x15: "<i", 0x16: "<f", 0x17: "<d"}
_OK = 0x00


class ChannelValue(NamedTuple):
    """What a device says about one channel."""

    channel: int
    status: int
    """0 where ``value`` is good, else why there is none (18.3.5)."""
    value: float | None


_CRC = ReflectedCrc16(0x8408, first=0xFFFF)


def crc(data: bytes) -> bytes:
    """Return the two check bytes over SOH to ETX: CRC-CCITT, least significant bit first, from FFFFh."""
    return _CRC(data).to_bytes(2, "little")


def frame(to: int, sender: int, payload: bytes) -> bytes:
    """Return ``payload`` (command, its version, data) as a whole frame."""
    body = _HEAD.pack(_SOH, _VERSION, to, sender, len(payload), _STX) + payload + bytes([_ETX])
    return body + crc(body) + bytes([_EOT])


def channels_request(to: int, sender: int, channels: Sequence[int]) -> bytes:
    """Return the request for ``channels``, at most twenty."""
    payload = bytes([_MANY_CHANNELS, _VERSION, len(channels)]) + struct.pack(f"<{len(channels)}H", *channels)
    return frame(to, sender, payload)


def information_request(to: int, sender: int, what: int) -> bytes:
    """Return the request for one of the device's own information (command 2Dh)."""
    return frame(to, sender, bytes([_DEVICE_INFORMATION, _VERSION, what]))


def information(payload: bytes, what: int) -> bytes:
    """Return what the answer says, as it came; empty where the device does not know the request.

    Raises:
        BadReading: it is the answer to another request.
    """
    if payload[0] != _DEVICE_INFORMATION or (payload[2] == _OK and payload[3:4] != bytes([what])):
        raise BadReading(_("the answer is about something else"))
    return payload[4:] if payload[2] == _OK else b""


def request_bytes(channel_count: int) -> int:
    """Return how long a request for so many channels is."""
    return _HEAD.size + 3 + 2 * channel_count + _TAIL_BYTES


def answer_bytes_max(channel_count: int) -> int:
    """Return how long its answer is at most, where every value is a float or an integer of four bytes."""
    return _HEAD.size + 4 + 9 * channel_count + _TAIL_BYTES


def take_answer(buffer: bytearray, *, device: int, master: int) -> bytes | None:
    """Take frames out of ``buffer`` until the answer of ``device`` to ``master`` comes; return its payload.

    Returns None while there is none. Other sound frames, and bytes that begin no frame, are dropped; so the buffer
    never grows beyond one frame.
    """
    while buffer:
        if buffer[0] != _SOH:
            del buffer[0]
            continue
        if len(buffer) < _HEAD.size:
            return None
        _soh, version, to, sender, length, stx = _HEAD.unpack_from(buffer)
        if version >> 4 != _VERSION >> 4 or stx != _STX:
            del buffer[0]
            continue
        end = _HEAD.size + length + _TAIL_BYTES
        if len(buffer) < end:
            return None
        whole = bytes(buffer[:end])
        if whole[-4] != _ETX or whole[-1] != _EOT or crc(whole[:-3]) != whole[-3:-1]:
            del buffer[0]
            continue
        del buffer[:end]
        if (to, sender) == (master, device) and length >= 3 and whole[_HEAD.size] in _COMMANDS:
            return whole[_HEAD.size : -_TAIL_BYTES]
    return None


def channel_values(payload: bytes, channels: Sequence[int]) -> list[ChannelValue]:
    """Return what the answer to a request for ``channels`` says, in their order.

    Raises:
        BadReading: the device refused, or the payload is not an answer to that request.
    """
    if payload[0] != _MANY_CHANNELS:
        raise BadReading(_("the answer is about something else"))
    if payload[2] != _OK:
        raise BadReading(_("the device answers with status {status:02x}h").format(status=payload[2]))
    found: list[ChannelValue] = []
    place = 4
    while place < len(payload):
        size = payload[place]
        part = payload[place + 1 : place + 1 + size]
        if size < 3 or len(part) != size:
            raise BadReading(_("a channel's answer breaks off"))
        found.append(_channel_value(part))
        place += 1 + size
    if len(payload) < 4 or payload[3] != len(found) or [one.channel for one in found] != list(channels):
        raise BadReading(_("the answer is about other channels"))
    return found


def _channel_value(part: bytes) -> ChannelValue:
    status, channel = part[0], int.from_bytes(part[1:3], "little")
    if status != _OK:
        return ChannelValue(channel, status, None)
    layout = _TYPES.get(part[3]) if len(part) > 3 else None
    if layout is None or len(part) != 4 + struct.calcsize(layout):
        raise BadReading(_("channel {channel} has a type that is not known").format(channel=channel))
    (value,) = struct.unpack(layout, part[4:])
    return ChannelValue(channel, status, value)
