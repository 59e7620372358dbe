"""Datagrams that devices send by themselves: received on one port, from one device, bounded, released when closed.

Anybody can send a datagram, so the sender's address must be the device's; datagrams from others are counted and
dropped. That keeps mistakes apart, not attackers, who can forge an address: keep such devices on a network of their
own.
"""

import asyncio
import errno
import socket
from collections import deque

from haechi.sdk.errors import NotConnected
from haechi.sdk.wire import Tap, wire
from haechi.text import _

_WAITING_MAX = 256
_DATAGRAM_BYTES_MAX = 65535


class Datagrams:
    """One UDP port. Open it, receive what comes, close it; one reader at a time."""

    def __init__(self, listen: str, port: int, sender: str, *, retry_s: float) -> None:
        """Keep the addresses.

        Args:
            listen: address of this gateway to receive on, ``0.0.0.0`` for all.
            port: UDP port.
            sender: IP address of the device.
            retry_s: what a ``NotConnected`` asks its receiver to wait.
        """
        self.name = f"{listen}:{port}"
        self.strays = 0
        """Datagrams that came from somebody else."""
        self.lost = 0
        """Datagrams that nobody received while 256 were waiting already."""
        self._listen, self._port, self._sender, self._retry_s = listen, port, sender, retry_s
        self._waiting: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._socket: socket.socket | None = None
        self._tap = Tap()

    def open(self) -> None:
        """Take the port; does nothing where it is taken already.

        Raises:
            NotConnected: the port is in use, or the address is not one of this gateway.
        """
        if self._socket is not None:
            return
        host, _colon, port = wire().leads_to(self.name).rpartition(":")
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.setblocking(False)
        try:
            taken.bind((host, int(port)))
        except OSError as error:
            taken.close()
            raise NotConnected(self._cannot_open(error), self._retry_s) from error
        self._socket = taken
        self._tap = wire().tap(self.name, self._deliver, datagrams=True)
        asyncio.get_running_loop().add_reader(taken, self._readable)

    def close(self) -> None:
        """Release the port at once; may be called at any time and more than once."""
        taken, self._socket = self._socket, None
        self._waiting.clear()
        self._came.clear()
        if taken is not None:
            asyncio.get_running_loop().remove_reader(taken)
            taken.close()
            self._tap.closed()

    async def receive(self) -> bytes:
        """Wait for a datagram of the device and return it; they come in the order in which they arrived."""
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data, (sender, _port) = self._socket.recvfrom(_DATAGRAM_BYTES_MAX)
        except OSError:  # nothing there after all, or an error of a datagram that was sent before
            return
        if sender == self._sender:
            self._deliver(self._tap.came(data))
        else:
            self.strays += 1

    def _deliver(self, data: bytes) -> None:
        if not data or self._socket is None:
            return
        if len(self._waiting) >= _WAITING_MAX:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(data)
        self._came.set()

    def _cannot_open(self, error: OSError) -> str:
        match error.errno:
            case errno.EADDRINUSE:
                return _("{name}: another program, or another device, receives on this port").format(name=self.name)
            case errno.EADDRNOTAVAIL:
                return _("{name}: this gateway has no such address").format(name=self.name)
        return _("{name}: cannot be received on ({why})").format(name=self.name, why=error.strerror or error)
