"""Bytes of a device over TCP, such as one behind a serial server: a serial line without a serial port.

Bounded: at most 64 KiB wait, beyond that the oldest go and are counted. A network that fails without a word is found
by TCP's own keep-alive within a minute, besides the silence that an adapter watches.
"""

import asyncio
import socket

from haechi.sdk.errors import NotConnected
from haechi.sdk.transports.dialling import Connection, dial, name_of
from haechi.text import _

_WAITING_BYTES_MAX = 65536
_IDLE_S, _PROBE_EVERY_S, _PROBES = 20, 10, 4


class TcpLine:
    """One connection. Open it, read what comes, close it; one reader at a time."""

    def __init__(self, host: str, port: int, *, timeout_s: float = 10.0, retry_s: float = 5.0) -> None:
        """Keep the address; connecting may take ``timeout_s``, ``retry_s`` is what a ``NotConnected`` asks to wait."""
        self.name = name_of(host, port)
        self.bytes_lost = 0
        """Bytes that nobody read while 64 KiB were waiting already."""
        self._host, self._port, self._timeout_s, self._retry_s = host, port, timeout_s, retry_s
        self._stream: _Stream | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it is connected."""
        return self._stream is not None and self._stream.ended is None

    async def open(self) -> None:
        """Connect; does nothing where it is connected.

        Raises:
            NotConnected: nobody answers there.
        """
        if not self.is_open:
            self.close()
            self._stream = await dial(
                self._host,
                self._port,
                lambda: _Stream(self.name),
                timeout_s=self._timeout_s,
                retry_s=self._retry_s,
            )

    def close(self) -> None:
        """Release the connection at once; may be called at any time and more than once."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()

    async def read(self) -> bytes:
        """Wait until at least one byte has come and return all that is there.

        Raises:
            NotConnected: it is closed, or the other side has closed it.
        """
        while True:
            stream = self._living()
            if came := stream.take():
                self.bytes_lost += stream.take_lost()
                return came
            if stream.ended is not None:
                raise NotConnected(_("{name}: {why}").format(name=self.name, why=stream.ended), self._retry_s)
            await stream.came.wait()

    async def write(self, data: bytes) -> None:
        """Send ``data``; returns when it may send more.

        Raises:
            NotConnected: it is closed, or the other side has closed it.
        """
        stream = self._living()
        if stream.ended is not None:
            raise NotConnected(_("{name}: {why}").format(name=self.name, why=stream.ended), self._retry_s)
        await stream.say(data)

    def _living(self) -> "_Stream":
        if self._stream is None:
            raise NotConnected(_("{name}: the connection is closed").format(name=self.name), self._retry_s)
        return self._stream


class _Stream(Connection):
    """One connection."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ended: str | None = None
        """Why it is over, for a person; None while it lives."""
        self.came = asyncio.Event()
        self._waiting = bytearray()
        self._lost = 0
        self._may_write = asyncio.Event()
        self._may_write.set()

    def take(self) -> bytes:
        """Return what has come."""
        came = bytes(self._waiting)
        self._waiting.clear()
        if self.ended is None:
            self.came.clear()
        return came

    def take_lost(self) -> int:
        """Return how many bytes were lost since the last call."""
        lost, self._lost = self._lost, 0
        return lost

    async def say(self, data: bytes) -> None:
        """Send, and wait while the other side does not take it."""
        if self._transport is not None and (sent := self._tap.sent(data)):
            self._transport.write(sent)
        await self._may_write.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and let the kernel look after it."""
        super().connection_made(transport)
        line: socket.socket = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_EVERY_S)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.ended = _("the connection broke ({why})").format(why=exc) if exc else _("the connection was closed")
        self.came.set()
        self._may_write.set()
        self._tap.closed()

    def pause_writing(self) -> None:
        """Let writers wait."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._may_write.set()

    def _deliver(self, data: bytes) -> None:
        """Keep what came."""
        if not data or self.ended is not None:
            return
        self._waiting += data
        surplus = len(self._waiting) - _WAITING_BYTES_MAX
        if surplus > 0:
            del self._waiting[:surplus]
            self._lost += surplus
        self.came.set()
