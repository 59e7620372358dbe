"""Modbus/TCP conversations out of a packet capture. No I/O.

Classic pcap (little-endian, Ethernet, IPv4), as the public test captures have it; what is repeated counts once. Frames
are cut here a second time, without the master's code.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_PORT = 502
_HEADER_BYTES, _RECORD = 24, struct.Struct("<IIII")
_ETHERNET_BYTES, _IPV4, _TCP = 14, b"\x08\x00", 6
_MBAP = struct.Struct(">HHHB")


class Exchange(NamedTuple):
    """A request and the answer that followed it on the same connection, with the same transaction."""

    request: bytes
    """Without header: function and data."""
    unit: int
    answer: bytes


class _Segment(NamedTuple):
    connection: tuple[bytes, bytes]
    is_request: bool
    sequence: int
    payload: bytes


def exchanges(capture: bytes) -> list[Exchange]:
    """Return the exchanges of a capture, in order."""
    found: list[Exchange] = []
    asked: dict[tuple[tuple[bytes, bytes], int, int], bytes] = {}
    seen: set[tuple[tuple[bytes, bytes], bool, int]] = set()
    for segment in _segments(capture):
        if (key := segment[:3]) in seen:
            continue
        seen.add(key)
        for transaction, unit, pdu in _frames(segment.payload):
            place = (segment.connection, transaction, unit)
            if segment.is_request:
                asked[place] = pdu
            elif place in asked:
                found.append(Exchange(asked.pop(place), unit, pdu))
    return found


def _segments(capture: bytes) -> Iterator[_Segment]:
    place = _HEADER_BYTES
    while place + _RECORD.size <= len(capture):
        size = _RECORD.unpack_from(capture, place)[2]
        packet = capture[place + _RECORD.size : place + _RECORD.size + size]
        place += _RECORD.size + size
        ip = packet[_ETHERNET_BYTES:]
        if packet[12:14] != _IPV4 or ip[9] != _TCP:
            continue
        tcp = ip[4 * (ip[0] & 15) : int.from_bytes(ip[2:4], "big")]
        source, target, sequence = struct.unpack_from(">HHI", tcp)
        payload = tcp[4 * (tcp[12] >> 4) :]
        if payload and _PORT in (source, target):
            here, there = ip[12:16] + tcp[:2], ip[16:20] + tcp[2:4]
            is_request = target == _PORT
            yield _Segment((here, there) if is_request else (there, here), is_request, sequence, payload)


def _frames(payload: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield transaction, unit and PDU; stops at what is no whole frame."""
    while len(payload) > _MBAP.size:
        transaction, protocol, length, unit = _MBAP.unpack_from(payload)
        if protocol or length < 2 or len(payload) < 6 + length:
            return
        yield transaction, unit, payload[_MBAP.size : 6 + length]
        payload = payload[6 + length :]
