"""Lets somebody listen to the wires that a running gateway holds: so ``record`` need not take a port away from it.

The gateway puts a :class:`Switchboard` below its transports; it offers what passes on a Unix socket that only the
gateway's user can open. Listeners hear, and can do nothing else. One that does not keep up is cut off: a gateway waits
for nobody.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from haechi.sdk.errors import NotConnected
from haechi.sdk.wire import Tap, Wire
from haechi.text import _

_HEAD = struct.Struct(">BHI")
_LISTENERS_MAX = 4
_WAITING_BYTES_MAX = 256 * 1024
_PIECE_BYTES_MAX = 65536
_ADDRESS_BYTES_MAX = 512
_CAME, _SENT = 0, 1
_RETRY_S = 5.0


class Heard(NamedTuple):
    """What passed a wire."""

    way: str
    """``came`` from the device, or ``sent`` to it."""
    address: str
    data: bytes


class Switchboard(Wire):
    """Nothing but wire to the transports; an async context manager: entering opens the socket."""

    def __init__(self, path: Path) -> None:
        """``path`` is the socket; what an earlier gateway left there is replaced."""
        self._path = path
        self._listeners: set[asyncio.StreamWriter] = set()

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        """Return a tap that tells the listeners."""
        return _Telling(self, address)

    def tell(self, way: int, address: str, data: bytes) -> None:
        """Tell every listener; cuts off who is too far behind."""
        name = address.encode()[:_ADDRESS_BYTES_MAX]
        for start in range(0, len(data), _PIECE_BYTES_MAX):
            piece = data[start : start + _PIECE_BYTES_MAX]
            frame = _HEAD.pack(way, len(name), len(piece)) + name + piece
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
        for listener in list(self._listeners):
            listener.transport.abort()
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._listeners) >= _LISTENERS_MAX:
            writer.transport.abort()
            return
        self._listeners.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            while await reader.read(_PIECE_BYTES_MAX):  # whatever a listener says is not heard
                pass
        self._listeners.discard(writer)
        writer.transport.abort()


class _Telling(Tap):
    def __init__(self, board: Switchboard, address: str) -> None:
        self._board, self._address = board, address

    def came(self, data: bytes) -> bytes:
        if self._board.is_heard:
            self._board.tell(_CAME, self._address, data)
        return data

    def sent(self, data: bytes) -> bytes:
        if self._board.is_heard:
            self._board.tell(_SENT, self._address, data)
        return data


async def overhear(path: Path) -> AsyncGenerator[Heard, None]:
    """Yield what passes the wires of the gateway whose socket ``path`` is, until it ends.

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
            way, name_size, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
            name = await reader.readexactly(name_size)
            data = await reader.readexactly(size)
            yield Heard("sent" if way == _SENT else "came", name.decode(errors="replace"), data)
    except (asyncio.IncompleteReadError, OSError):
        raise NotConnected(_("{path}: the gateway has ended, or cut us off").format(path=path), _RETRY_S) from None
    finally:
        writer.transport.abort()
