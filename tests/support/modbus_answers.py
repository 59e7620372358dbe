"""The server's half of Modbus/TCP, as small as can be: reads of holding registers are answered as fast as they come.

What the registers hold is asked of a function. Every connection is one of these, whatever unit it names; there is no
fault of its own. (MODBUS Application Protocol 1.1b3, 6.3; Messaging on TCP/IP 1.0b, 3.1.3.)
"""

import asyncio
import struct
from collections.abc import Callable

_REQUEST = struct.Struct(">HHHBBHH")
_HEAD = struct.Struct(">HHHBBB")
_HOLDING = 3


class ModbusAnswers(asyncio.Protocol):
    """One connection; ``registers(first, count)`` returns what they hold, big-endian."""

    def __init__(self, registers: Callable[[int, int], bytes]) -> None:
        """Prepare."""
        self._registers = registers
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        assert self._transport is not None
        self._buffer += data
        while len(self._buffer) >= _REQUEST.size:
            transaction, _protocol, _length, unit, function, first, count = _REQUEST.unpack_from(self._buffer)
            del self._buffer[: _REQUEST.size]
            assert function == _HOLDING
            head = _HEAD.pack(transaction, 0, 3 + 2 * count, unit, function, 2 * count)
            self._transport.write(head + self._registers(first, count))
