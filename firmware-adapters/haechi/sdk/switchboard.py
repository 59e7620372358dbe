"""Lets somebody listen to the wires that a running gateway holds: so ``record`` need not take a port away from it.

The gateway puts a :class:`Switchboard` below its transports; it offers what passes on a Unix socket that only the
gateway's user can open: first the last frames of every wire (:mod:`haechi.sdk.trace`), then all that comes. Listeners
hear, and can do nothing else. One that does not keep up is cut off: a gateway waits for nobody.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from haechi.sdk.errors import NotConnected
from haechi.sdk.trace import Trace
from haechi.sdk.wire import Tap, Wire
from haechi.text import _

_HEAD = struct.Struct(">BIHI")
"""Way, age in milliseconds, size of the address, size of the data."""
_LISTENERS_MAX = 4
_WAITING_BYTES_MAX = 256 * 1024
_PIECE_BYTES_MAX = 65536
_ADDRESS_BYTES_MAX = 512
_CAME, _SENT = 0, 1
_AGE_MS_MAX = 2**32 - 1
_CATCHES_UP_S = 10.0
_RETRY_S = 5.0


class Heard(NamedTuple):
    """What passed a wire."""

    way: str
    """``came`` from the device, or ``sent`` to it."""
    address: str
    data: bytes
    age_s: float | None = None
    """How long ago it passed, where it had passed before we listened; None for what passes now."""


class Switchboard(Wire):
    """Nothing but wire to the transports; an async context manager: entering opens the socket."""

    def __init__(self, path: Path) -> None:
        """``path`` is the socket; what an earlier gateway left there is replaced."""
        self._path = path
        self._connected: set[asyncio.StreamWriter] = set()
        self._listeners: set[asyncio.StreamWriter] = set()
        """Of those connected, who has caught up."""
        self._trace = Trace()

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        """Return a tap that tells the listeners."""
        return _Telling(self, address)

    def tell(self, way: int, address: str, data: bytes) -> None:
        """Keep what passes, and tell every listener; cuts off who is too far behind."""
        self._trace.keep(way, address, data)
        for start in range(0, len(data) if self._listeners else 0, _PIECE_BYTES_MAX):
            frame = _frame(way, address, data[start : start + _PIECE_BYTES_MAX])
            for listener in list(self._listeners):
                if listener.transport.get_write_buffer_size() > _WAITING_BYTES_MAX:
                    self._listeners.discard(listener)
                    listener.transport.abort()
                else:
                    listener.write(frame)

    @property
    def is_heard(self) -> bool:
        """Tell whether anybody listens."""
        return bool(self._listeners)

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(str(self._path))
            self._path.chmod(0o600)  # before anybody can connect
            self._server = await asyncio.start_unix_server(self._serve, sock=listener)
        except OSError:
            listener.close()
            raise
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._server.close()
        for listener in list(self._connected):
            listener.transport.abort()
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connected) >= _LISTENERS_MAX:
            writer.transport.abort()
            return
        self._connected.add(writer)
        with suppress(OSError, TimeoutError, asyncio.CancelledError):
            # The past at the pace at which it is read; only who has it all can be too slow for the present.
            async with asyncio.timeout(_CATCHES_UP_S):
                for kept in self._trace.frames():
                    writer.write(_frame(kept.way, kept.address, kept.data, kept.age_s))
                    await writer.drain()
            self._listeners.add(writer)
            while await reader.read(_PIECE_BYTES_MAX):  # whatever a listener says is not heard
                pass
        self._connected.discard(writer)
        self._listeners.discard(writer)
        writer.transport.abort()


class _Telling(Tap):
    def __init__(self, board: Switchboard, address: str) -> None:
        self._board, self._address = board, address

    def came(self, data: bytes) -> bytes:
        self._board.tell(_CAME, self._address, data)
        return data

    def sent(self, data: bytes) -> bytes:
        self._board.tell(_SENT, self._address, data)
        return data


def _frame(way: int, address: str, data: bytes, age_s: float | None = None) -> bytes:
    name = address.encode()[:_ADDRESS_BYTES_MAX]
    age_ms = 0 if age_s is None else max(1, min(_AGE_MS_MAX, round(1000 * age_s)))
    return _HEAD.pack(way, age_ms, len(name), len(data)) + name + data


async def overhear(path: Path) -> AsyncGenerator[Heard, None]:
    """Yield what passed the wires of the gateway whose socket ``path`` is, then what passes, until it ends.

    Raises:
        NotConnected: no gateway listens there, or it has cut us off.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        what = _("{path}: no gateway offers its wires here ({why})").format(path=path, why=error.strerror or error)
        raise NotConnected(what, _RETRY_S) from None
    try:
        while True:
            way, age_ms, name_size, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
            name = await reader.readexactly(name_size)
            data = await reader.readexactly(size)
            age_s = age_ms / 1000 if age_ms else None
            yield Heard("sent" if way == _SENT else "came", name.decode(errors="replace"), data, age_s)
    except (asyncio.IncompleteReadError, OSError):
        raise NotConnected(_("{path}: the gateway has ended, or cut us off").format(path=path), _RETRY_S) from None
    finally:
        writer.transport.abort()
