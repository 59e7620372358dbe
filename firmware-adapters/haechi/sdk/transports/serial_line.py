"""A serial line for asyncio: no thread, no busy waiting, released when closed, locked against a second program.

pyserial opens and sets up the port; reading and writing go through the event loop's own readiness of its descriptor.
"""

import asyncio
import errno
import logging
import os
import termios
from contextlib import suppress
from typing import Literal, NamedTuple

import serial

from haechi.sdk.errors import NotConnected
from haechi.sdk.ports import identity_of
from haechi.sdk.wire import Tap, wire
from haechi.text import _

_log = logging.getLogger("haechi.sdk.serial_line")
_CHUNK_BYTES = 4096
_WAITING_BYTES_MAX = 65536

Parity = Literal["none", "even", "odd"]
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class LineSettings(NamedTuple):
    """Port and character format. ``baud`` is bits per second."""

    port: str
    baud: int = 9600
    parity: Parity = "none"
    stopbits: Literal[1, 2] = 1
    databits: Literal[7, 8] = 8

    def __str__(self) -> str:
        """Write it as data sheets do: ``/dev/ttyUSB0 9600 8N1``."""
        return f"{self.port} {self.baud} {self.databits}{self.parity[0].upper()}{self.stopbits}"

    @property
    def character_s(self) -> float:
        """Return how long one character takes on the wire."""
        return (1 + self.databits + (self.parity != "none") + self.stopbits) / self.baud


_LASTING = "/dev/serial/"
_plugged_in: dict[str, str] = {}
"""Port as configured → what was plugged in there when it was opened first, or was last believed."""


def _heed(port: str) -> str:
    """Return why a port that is opened again must not be read: a kernel's name belongs to whichever came first.

    A name by-path is a socket's, so whatever is plugged in there is meant, and that it is another is only said. Empty
    where all is well, or where nothing is known of what is plugged in.
    """
    identity = identity_of(port)
    if not identity:
        return ""
    before = _plugged_in.setdefault(port, identity)
    if identity == before:
        return ""
    what = _("{port}: something else is plugged in now ({now}, before {before})")
    what = what.format(port=port, now=identity, before=before)
    if port.startswith(_LASTING):
        _plugged_in[port] = identity
        _log.warning(what)
        return ""
    return _("{what}; name the port by-id, or restart the gateway if it was replaced").format(what=what)


class SerialLine:
    """One serial port. Open it, read what comes, close it; one reader at a time."""

    def __init__(self, settings: LineSettings, *, retry_s: float = 5.0) -> None:
        """Keep the settings; ``retry_s`` is what a ``NotConnected`` asks its receiver to wait."""
        self.settings = settings
        self.bytes_lost = 0
        """Bytes that nobody read while 64 KiB were waiting already."""
        self._retry_s = retry_s
        self._serial: serial.Serial | None = None
        self._waiting = bytearray()
        self._came = asyncio.Event()
        self._hung_up: str | None = None
        self._tap = Tap()

    @property
    def is_open(self) -> bool:
        """Tell whether the port is held and alive."""
        return self._serial is not None and self._hung_up is None

    def open(self) -> None:
        """Take the port; does nothing where it is open already.

        Raises:
            NotConnected: there is no such port, it may not be used, another program holds it, or it is another port
                than before under the same name.
        """
        if self.is_open:
            return
        self.close()
        settings = self.settings
        if stranger := _heed(settings.port):
            raise NotConnected(stranger, self._retry_s)
        try:
            self._serial = serial.Serial(
                wire().leads_to(settings.port),
                settings.baud,
                bytesize=settings.databits,
                parity=_PARITIES[settings.parity],
                stopbits=settings.stopbits,
                timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError, termios.error) as error:  # the last for a format that the port does not know
            raise NotConnected(self._cannot_open(error), self._retry_s) from error
        self._tap = wire().tap(settings.port, self._deliver)
        asyncio.get_running_loop().add_reader(self._serial.fileno(), self._readable)

    def close(self) -> None:
        """Release the port at once; may be called at any time and more than once."""
        port, self._serial = self._serial, None
        self._waiting.clear()
        self._came.clear()
        self._hung_up = None
        if port is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(port.fileno())
            loop.remove_writer(port.fileno())
            port.close()
            self._tap.closed()

    def take(self) -> bytes:
        """Return what has come, without waiting."""
        came = bytes(self._waiting)
        self._waiting.clear()
        if self._hung_up is None:
            self._came.clear()
        return came

    async def read(self) -> bytes:
        """Wait until at least one byte has come and return all that is there.

        Raises:
            NotConnected: the port is closed or was pulled out.
        """
        while True:
            if came := self.take():
                return came
            self._check()
            await self._came.wait()

    async def drain(self, *, quiet_s: float, longest_s: float) -> int:
        """Throw away what comes until ``quiet_s`` of silence, at most for ``longest_s``; return how many bytes."""
        dropped = len(self.take())
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                came = True
                while came:
                    await wire().pause(quiet_s)
                    came = bool(late := self.take())
                    dropped += len(late)
        return dropped

    async def write(self, data: bytes) -> None:
        """Send ``data``; returns when the operating system has taken all of it.

        Raises:
            NotConnected: the port is closed or was pulled out.
        """
        rest = memoryview(self._tap.sent(data))
        while rest:
            descriptor = self._check().fileno()
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                await self._writable(descriptor)
            except OSError as error:
                self._hang_up(error.strerror or str(error))

    async def _writable(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(descriptor)

    def _readable(self) -> None:
        if self._serial is None:
            return
        try:
            data = os.read(self._serial.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._hang_up(error.strerror or str(error))
            return
        if not data:
            self._hang_up(_("it was unplugged"))
            return
        self._deliver(self._tap.came(data))

    def _deliver(self, data: bytes) -> None:
        if not data or self._serial is None:
            return
        self._waiting += data
        surplus = len(self._waiting) - _WAITING_BYTES_MAX
        if surplus > 0:
            del self._waiting[:surplus]
            self.bytes_lost += surplus
        self._came.set()

    def _hang_up(self, why: str) -> None:
        self._hung_up = why
        self._came.set()
        if self._serial is not None:
            # Else the dead descriptor would be readable for ever and the event loop would spin.
            asyncio.get_running_loop().remove_reader(self._serial.fileno())

    def _check(self) -> serial.Serial:
        if self._hung_up is not None:
            what = _("{port}: the serial port is gone ({why})").format(port=self.settings.port, why=self._hung_up)
            raise NotConnected(what, self._retry_s)
        if self._serial is None:
            raise NotConnected(_("{port}: the serial port is closed").format(port=self.settings.port), self._retry_s)
        return self._serial

    def _cannot_open(self, error: Exception) -> str:
        port = self.settings.port
        match getattr(error, "errno", None):
            case errno.ENOENT:
                return _("{port}: no such serial port").format(port=port)
            case errno.EACCES | errno.EPERM:
                return _("{port}: no permission; put the gateway's user into the group dialout").format(port=port)
            case errno.EWOULDBLOCK | errno.EBUSY:
                return _("{port}: another program holds the serial port").format(port=port)
        return _("{port}: cannot be opened as {settings} ({why})").format(port=port, settings=self.settings, why=error)
