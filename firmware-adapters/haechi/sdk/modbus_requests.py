"""Modbus as a device sees it: requests cut out of a stream, and answered. For simulated devices.

Nothing here is the master's code: what a master sends is parsed a second time, from the specification, so that the two
can disagree. (MODBUS Application Protocol V1.1b3: functions 1 to 6 and clause 7; MODBUS over Serial Line V1.02: 2.5.1.)
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from haechi.sdk.transports.modbus_frames import Table, crc16

_WRITES = {5: Table.COIL, 6: Table.HOLDING}
_COIL_STATES = {0x0000: 0, 0xFF00: 1}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_MBAP = struct.Struct(">HHHB")
_REQUEST_BYTES = 8
"""Of a read over RTU: unit, function, address, count, check field."""


class Asked(NamedTuple):
    """What a request wants to read."""

    table: Table
    first: int
    size: int
    """How many elements."""


class Told(NamedTuple):
    """What a request wants to write."""

    table: Table
    address: int
    element: int
    """A register's content, or a coil's 0 or 1."""


def told(pdu: bytes) -> Told | None:
    """Return what ``pdu`` wants to write; None where it is no sound write of one element."""
    table = _WRITES.get(pdu[0])
    if table is None or len(pdu) != 5:
        return None
    address, element = struct.unpack(">HH", pdu[1:])
    if table is Table.COIL:
        if element not in _COIL_STATES:
            return None
        element = _COIL_STATES[element]
    return Told(table, address, element)


def asked(pdu: bytes) -> Asked | bytes:
    """Return what ``pdu`` asks for, or else the refusal: only reads are understood."""
    if pdu[0] not in set(Table):
        return refusal(pdu[0], ILLEGAL_FUNCTION)
    table = Table(pdu[0])
    if len(pdu) != 5:
        return refusal(table, ILLEGAL_VALUE)
    first, count = struct.unpack(">HH", pdu[1:])
    if not 1 <= count <= table.elements_max:
        return refusal(table, ILLEGAL_VALUE)
    if first + count > 0x10000:
        return refusal(table, ILLEGAL_ADDRESS)
    return Asked(table, first, size=count)


def refusal(function: int, code: int) -> bytes:
    """Return the exception ``code`` to a request for ``function``."""
    return bytes([function | 0x80, code])


def answer(table: Table, elements: Sequence[int]) -> bytes:
    """Return the answer that holds ``elements``: registers (0 to 65535) or bits (0 and 1)."""
    if table.is_bits:
        bits = sum((bit & 1) << place for place, bit in enumerate(elements))
        data = bits.to_bytes((len(elements) + 7) // 8, "little")
    else:
        data = struct.pack(f">{len(elements)}H", *elements)
    return bytes([table, len(data)]) + data


def take_rtu_request(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the next sound request out of ``buffer``: unit and PDU; None while there is none. Noise is dropped."""
    while len(buffer) >= _REQUEST_BYTES:
        frame = bytes(buffer[:_REQUEST_BYTES])
        if crc16(frame[:-2]) == frame[-2:]:
            del buffer[:_REQUEST_BYTES]
            return frame[0], frame[1:-2]
        del buffer[:1]
    return None


def rtu_answer(unit: int, pdu: bytes) -> bytes:
    """Return ``pdu`` as ``unit`` puts it on the bus."""
    frame = bytes([unit]) + pdu
    return frame + crc16(frame)


async def serve_tcp(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer_of: Callable[[int, bytes], Awaitable[bytes | None]],
) -> None:
    """Serve one connection until it ends: ``answer_of`` gets unit and PDU, and returns None where nobody answers."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            transaction, _protocol, length, unit = _MBAP.unpack(await reader.readexactly(_MBAP.size))
            pdu = await answer_of(unit, await reader.readexactly(length - 1))
            if pdu is not None:
                writer.write(_MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
                await writer.drain()
    writer.transport.abort()
