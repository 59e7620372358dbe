"""Modbus/TCP devices whose registers count their reads: what they handed out is the truth about what was measured.

Promise: every read from register 0 on returns the device's next number, in every register pair of the answer (uint32,
high word first), and is put down with the time of the answer. A number is never handed out twice. From :data:`NOISE` on
registers hold noise, which nobody can compress and nobody counts. One port a device; no fault of its own.
"""

import asyncio
import os
import struct
import time
from array import array
from bisect import bisect_left
from types import TracebackType
from typing import Self

_REQUEST = struct.Struct(">HHHBBHH")
_HEAD = struct.Struct(">HHHBBB")
_HOLDING = 3
NOISE = 1_000
"""The first register of noise."""


class CountingDevice:
    """``async with CountingDevice() as device``; the first number is 1."""

    def __init__(self) -> None:
        """Prepare."""
        self.port = 0
        self._times_us = array("q")
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def handed_out(self) -> int:
        """The last number."""
        return len(self._times_us)

    def at_us(self, number: int) -> int:
        """When a number was handed out (µs since 1970)."""
        return self._times_us[number - 1]

    def first_since(self, time_us: int) -> int:
        """The first number that was handed out at this time or later; it may be still to come."""
        return bisect_left(self._times_us, time_us) + 1

    def next_number(self) -> int:
        """Count one read."""
        self._times_us.append(max(time.time_ns() // 1000, self._times_us[-1] if self._times_us else 0))
        return len(self._times_us)


class _Connection(asyncio.Protocol):
    def __init__(self, device: CountingDevice) -> None:
        self._device = device
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while len(self._buffer) >= _REQUEST.size:
            transaction, _protocol, _length, unit, function, first, registers = _REQUEST.unpack_from(self._buffer)
            del self._buffer[: _REQUEST.size]
            assert function == _HOLDING
            assert registers % 2 == 0
            if first >= NOISE:
                words = os.urandom(2 * registers)
            else:
                words = struct.pack(">I", self._device.next_number()) * (registers // 2)
            self._transport.write(_HEAD.pack(transaction, 0, 3 + len(words), unit, function, len(words)) + words)
