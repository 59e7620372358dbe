"""A TCP proxy that stands for a bad link: late, slow, frozen, swallowing, half open, cut.

Promise: bytes are never changed or reordered within a connection; what a fault takes, it takes with the whole rest of
that connection, as a network does. Loopback only, on a port of its own, which stays the same for its whole life.

========== ====================================================================================================
mode       what a connection sees
========== ====================================================================================================
delay      every byte arrives late, in both directions
slow       so many bytes a second, in both directions
freeze     nothing moves and nothing closes; afterwards it goes on as if nothing had been
swallow    everything is taken and goes nowhere; afterwards the connection is reset
half_open  the server's end is reset, the client's end stays open and silent; afterwards it is reset as well
cut        reset at once, and so is everybody who comes while it lasts
========== ====================================================================================================
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self, get_args

Mode = Literal["pass", "delay", "slow", "freeze", "swallow", "half_open", "cut"]
MODES: tuple[Mode, ...] = tuple(mode for mode in get_args(Mode) if mode != "pass")
_CHUNK_BYTES = 16 * 1024
_QUEUED_MAX = 64
_RESET = struct.pack("ii", 1, 0)
_FATAL = ("swallow", "half_open", "cut")


class FaultProxy:
    """``async with FaultProxy(port) as link``: connect to ``link.port`` instead of ``port``."""

    def __init__(self, target: int, *, delay_s: float = 0.4, bytes_per_s: float = 20_000) -> None:
        """``delay_s`` and ``bytes_per_s`` are how late and how slow the modes of that name are."""
        self._target, self._delay_s, self._bytes_per_s = target, delay_s, bytes_per_s
        self.mode: Mode = "pass"
        self.port = 0
        self.connections = 0
        """How many clients came so far."""
        self._changed = asyncio.Event()
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.reset()
        for link in tuple(self._links):
            await link.ended.wait()
        await self._server.wait_closed()

    def be(self, mode: Mode) -> None:
        """Let a fault begin; ``pass`` ends it."""
        before, self.mode = self.mode, mode
        for link in self._links:
            if before in _FATAL or mode == "cut":
                link.reset()
            elif mode == "half_open":
                link.reset_server()
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def delay_s(self) -> float:
        """How late bytes are now."""
        return self._delay_s if self.mode == "delay" else 0.0

    def pause_s(self, size: int) -> float:
        """How long so many bytes keep the line busy now."""
        return size / self._bytes_per_s if self.mode == "slow" else 0.0

    async def flowing(self) -> None:
        """Wait while nothing moves."""
        while self.mode in ("freeze", "half_open"):
            await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            if self.mode == "cut":
                link.reset()
            else:
                await link.run(self._target)
        finally:
            self._links.discard(link)
            link.ended.set()


class _Link:
    """One client and its way to the server."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy, self._reader, self._writer = proxy, reader, writer
        self._server: asyncio.StreamWriter | None = None
        self.ended = asyncio.Event()

    async def run(self, target: int) -> None:
        with contextlib.suppress(OSError):
            await self._proxy.flowing()
            reader, self._server = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(self._pump(self._reader, self._server), self._pump(reader, self._writer))
        self.reset()
        for writer in self._writers():
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until it ends; either end takes the whole connection with it."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED_MAX)

        async def take() -> None:
            data = b"-"
            while data:
                try:
                    data = await reader.read(_CHUNK_BYTES)
                except OSError:
                    data = b""
                await queue.put((loop.time() + self._proxy.delay_s, data))

        taking = asyncio.create_task(take())
        try:
            while True:
                due_s, data = await queue.get()
                await asyncio.sleep(max(0.0, due_s - loop.time()) + self._proxy.pause_s(len(data)))
                await self._proxy.flowing()
                if not data:
                    break
                if self._proxy.mode != "swallow":
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass  # the other end has gone; what is here ends with it
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            self.reset()

    def reset(self) -> None:
        """End it as a link that broke: with RST, nothing more is delivered."""
        for writer in self._writers():
            _reset(writer)

    def reset_server(self) -> None:
        """End only the way to the server."""
        if self._server is not None:
            _reset(self._server)

    def _writers(self) -> Iterator[asyncio.StreamWriter]:
        yield self._writer
        if self._server is not None:
            yield self._server


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
