"""A device that is not there and talks by itself, on a pseudo-terminal or over TCP: says a frame again and again."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from haechi.sdk.simulated import OnTerminal


class Talker(OnTerminal):
    """One device. An async context manager: entering makes it reachable at :attr:`port`."""

    def __init__(self, frame: Callable[[], bytes], *, period_s: float = 0.02) -> None:
        """Say what ``frame`` returns, every ``period_s``."""
        super().__init__()
        self.period_s = period_s
        self.silent = False
        """True: it says nothing."""
        self.noise: deque[bytes] = deque()
        """Bytes that are put on the line in place of the next frames."""
        self._frame = frame
        self._task: asyncio.Task[None] | None = None

    def unplug(self) -> None:
        """Pull the cable: the port vanishes under whoever holds it. May be called more than once."""
        if self._task is not None:
            self._task.cancel()
        super().unplug()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._task = asyncio.create_task(self._talk())
        return self

    async def _talk(self) -> None:
        while True:
            if not self.silent:
                self.put(self.noise.popleft() if self.noise else self._frame())
            await asyncio.sleep(self.period_s)


class ServedTalker(Talker):
    """The same behind a serial server: who connects to ``tcp://…`` hears it."""

    def __init__(self, frame: Callable[[], bytes], *, period_s: float = 0.02) -> None:
        """Say what ``frame`` returns, every ``period_s``."""
        super().__init__(frame, period_s=period_s)
        self._server: asyncio.Server | None = None
        self._listeners: set[asyncio.StreamWriter] = set()

    @property
    def is_held(self) -> bool:
        """Tell whether somebody is connected."""
        return bool(self._listeners)

    def put(self, data: bytes) -> None:
        """Say ``data`` to everybody now."""
        for listener in self._listeners:
            listener.write(data)

    def unplug(self) -> None:
        """Take the server away, with its connections. May be called more than once."""
        if self._task is not None:
            self._task.cancel()
        if self._server is not None:
            self._server.close()
        for listener in list(self._listeners):
            listener.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self.unplug()
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._listeners.add(writer)
        with suppress(OSError):
            while await reader.read(1024):
                pass
        self._listeners.discard(writer)
        writer.transport.abort()
