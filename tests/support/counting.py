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
from types import TracebackType
from typing import Self

from support.modbus_answers import ModbusAnswers

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
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ModbusAnswers(self._registers), "127.0.0.1", 0
        )
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

    def next_number(self) -> int:
        """Count one read."""
        self._times_us.append(max(time.time_ns() // 1000, self._times_us[-1] if self._times_us else 0))
        return len(self._times_us)

    def _registers(self, first: int, count: int) -> bytes:
        if first >= NOISE:
            return os.urandom(2 * count)
        return struct.pack(">I", self.next_number()) * (count // 2)
