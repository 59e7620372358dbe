"""Modbus reads as bytes, without I/O: what is sent, and which bytes are the answer to it and nothing else.

Written from *MODBUS Application Protocol Specification V1.1b3* (functions 1 to 4: clauses 6.1 to 6.4, exceptions:
clause 7), *MODBUS Messaging on TCP/IP Implementation Guide V1.0b* (header: clause 3.1.3) and *MODBUS over Serial Line
V1.02* (frame: clause 2.5.1, CRC: appendix B). An answer must agree with its request in everything that the protocol
repeats: transaction (TCP), unit, function and byte count. General clients let some of these pass (a transaction of
zero, another function); here a doubtful answer is a :class:`~haechi.sdk.errors.BadReading`.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from haechi.sdk.crc import ReflectedCrc16
from haechi.sdk.errors import BadReading
from haechi.text import _

REGISTERS_MAX = 125
"""Most registers that one read can carry (clauses 6.3 and 6.4)."""
BITS_MAX = 2000
"""Most coils or discrete inputs that one read can carry (clauses 6.1 and 6.2)."""

_MBAP = struct.Struct(">HHHB")
_REQUEST = struct.Struct(">BHH")
_EXCEPTION_BIT = 0x80
_READS = frozenset((1, 2, 3, 4))
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
TARGET_SILENT = frozenset({10, 11})
"""Exceptions by which a gateway to a serial bus says that the device behind it does not answer."""


class Table(IntEnum):
    """The four tables of a device; the number is the function that reads it."""

    COIL = 1
    DISCRETE = 2
    HOLDING = 3
    INPUT = 4

    @property
    def is_bits(self) -> bool:
        """Tell whether its elements are bits instead of registers of 16 bits."""
        return self <= Table.DISCRETE

    @property
    def elements_max(self) -> int:
        """Return how many elements one read can carry."""
        return BITS_MAX if self.is_bits else REGISTERS_MAX


@dataclass(frozen=True, slots=True)
class Read:
    """One read request: ``count`` elements of ``table`` from the zero-based protocol address ``address`` on."""

    table: Table
    address: int
    count: int

    @property
    def data_bytes(self) -> int:
        """Return how many data bytes its answer carries."""
        return (self.count + 7) // 8 if self.table.is_bits else 2 * self.count

    @property
    def pdu(self) -> bytes:
        """Return function, address and count as they are sent."""
        return _REQUEST.pack(self.table, self.address, self.count)

    def __str__(self) -> str:
        """Name it as a person does: ``holding 0…124``."""
        last = self.address + self.count - 1
        span = f"{self.address}" if self.count == 1 else f"{self.address}…{last}"
        return f"{self.table.name.lower()} {span}"


class Refused(BadReading):
    """The device answered with a Modbus exception (clause 7): it is there, but does not give this."""

    def __init__(self, request: Read, code: int) -> None:
        """Keep the request and the exception ``code``."""
        self.request, self.code = request, code
        reason = _EXCEPTIONS.get(code, "unknown exception")
        super().__init__(_("{request}: {reason} (exception {code})").format(request=request, reason=reason, code=code))


def data_of(request: Read, pdu: bytes) -> bytes:
    """Return the data bytes of an answer to ``request``.

    Raises:
        Refused: the device answered with an exception.
        BadReading: function, byte count or length are not those of an answer to this request.
    """
    if len(pdu) == 2 and pdu[0] == request.table | _EXCEPTION_BIT:
        raise Refused(request, pdu[1])
    if pdu[:1] != bytes([request.table]):
        raise BadReading(
            _("{request}: answered with function {function}").format(request=request, function=pdu[:1].hex())
        )
    if len(pdu) != request.data_bytes + 2 or pdu[1] != request.data_bytes:
        raise BadReading(
            _("{request}: answered with {size} bytes instead of {expected}").format(
                request=request, size=len(pdu) - 2, expected=request.data_bytes
            )
        )
    return pdu[2:]


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """Return ``pdu`` behind its MBAP header."""
    return _MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


class TcpFrame(NamedTuple):
    """One frame as it came over TCP."""

    transaction: int
    unit: int
    pdu: bytes


def take_tcp_frame(buffer: bytearray) -> TcpFrame | None:
    """Take the first whole frame out of ``buffer``, or return None while it is incomplete.

    Raises:
        BadReading: the bytes are not Modbus/TCP; the stream can't be trusted any more and must be closed.
    """
    if len(buffer) < _MBAP.size:
        return None
    transaction, protocol, length, unit = _MBAP.unpack_from(buffer)
    if protocol != 0 or not 3 <= length <= 254:
        raise BadReading(_("answers with something that is not Modbus/TCP: {bytes}").format(bytes=buffer[:7].hex(" ")))
    if len(buffer) < 6 + length:
        return None
    pdu = bytes(buffer[_MBAP.size : 6 + length])
    del buffer[: 6 + length]
    return TcpFrame(transaction, unit, pdu)


_CRC = ReflectedCrc16(0xA001, first=0xFFFF)


def crc16(frame: bytes | bytearray) -> bytes:
    """Return the two check bytes that follow ``frame`` on a serial line, low byte first."""
    return _CRC(frame).to_bytes(2, "little")


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """Return ``pdu`` between its unit and its check bytes."""
    frame = bytes([unit]) + pdu
    return frame + crc16(frame)


_NOISE_BYTES_MAX = 2
"""Bytes before an answer that are forgiven: a line that turns round often begins with one or two."""


def take_rtu_answer(buffer: bytearray, unit: int, request: Read, *, may_refuse: bool = True) -> bytes | None:
    """Find the answer to ``request`` at the beginning of ``buffer`` and return its data; None while there is none.

    What stands before it and is a whole, sound frame, but not the answer, is taken out of ``buffer``: our own
    request (adapters that echo) and late answers of another shape; also exceptions, where ``may_refuse`` is False
    because the caller knows that this request is not refused.

    Raises:
        Refused: the answer is an exception.
    """
    echo = rtu_frame(unit, request.pdu)
    if buffer.startswith(echo):
        del buffer[: len(echo)]
    while True:
        for noise in range(min(_NOISE_BYTES_MAX + 1, len(buffer))):
            if buffer[noise] != unit:
                continue
            pdu = _sound_pdu(buffer, noise)
            if pdu is not None and _is_answer(pdu, request, may_refuse=may_refuse):
                return data_of(request, pdu)
        stray = _sound_pdu(buffer, 0)
        if stray is None:
            return None
        del buffer[: len(stray) + 3]


def take_confirmation(buffer: bytearray, unit: int, request: bytes) -> bytes | None:
    """Return the PDU by which ``unit`` confirms or refuses the write ``request``; None while it has not come."""
    echo = rtu_frame(unit, request)
    if echo in buffer:
        return request
    for start in range(len(buffer) - 4):
        if buffer[start] == unit and buffer[start + 1] == request[0] | _EXCEPTION_BIT:
            pdu = _sound_pdu(buffer, start)
            if pdu is not None:
                return pdu
    return None


def _is_answer(pdu: bytes, request: Read, *, may_refuse: bool) -> bool:
    if pdu[0] == request.table | _EXCEPTION_BIT:
        return may_refuse
    return pdu[0] == request.table and pdu[1] == request.data_bytes


def _sound_pdu(buffer: bytearray, start: int) -> bytes | None:
    """Return the PDU of the whole read answer or exception that begins at ``start`` and has the right check bytes."""
    if len(buffer) < start + 5:
        return None
    function = buffer[start + 1]
    if function & _EXCEPTION_BIT:
        end = start + 3
    elif function in _READS:
        end = start + 3 + buffer[start + 2]
    else:
        return None
    if len(buffer) < end + 2 or crc16(buffer[start:end]) != buffer[end : end + 2]:
        return None
    return bytes(buffer[start + 1 : end])
