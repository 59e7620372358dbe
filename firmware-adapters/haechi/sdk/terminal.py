"""A pseudo-terminal for simulators: the device's side of a serial line, without the serial line.

What it cannot show: speed, parity, framing errors and breaks. Try those with a real adapter.
"""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from haechi.sdk.ports import is_held

_CHUNK_BYTES = 4096


class Terminal:
    """One serial line with a device on it; :attr:`path` is what an adapter opens."""

    def __init__(self) -> None:
        """Make the pair; close it with :meth:`close`."""
        # Both ends stay open, so that the line is there before an adapter opens it and after it has closed it.
        self._device, self._line = os.openpty()
        tty.setraw(self._device)
        tty.setraw(self._line)
        os.set_blocking(self._device, False)
        self.path = os.ttyname(self._line)

    @property
    def is_held(self) -> bool:
        """Tell whether somebody has opened the line."""
        return is_held(Path(self.path))

    def say(self, data: bytes) -> None:
        """Put bytes on the line; what does not fit because nobody reads is lost, for a wire has no memory."""
        with suppress(BlockingIOError):
            os.write(self._device, data)

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """Call ``heard`` with what the adapter sends, from the running event loop, until :meth:`close`."""
        asyncio.get_running_loop().add_reader(self._device, self._readable, heard)

    def close(self) -> None:
        """Pull the cable: the port vanishes under whoever holds it. May be called more than once."""
        if self._device < 0:
            return
        with suppress(RuntimeError):  # no running event loop: then nobody listens either
            asyncio.get_running_loop().remove_reader(self._device)
        os.close(self._device)
        os.close(self._line)
        self._device = -1

    def _readable(self, heard: Callable[[bytes], None]) -> None:
        with suppress(BlockingIOError):
            if data := os.read(self._device, _CHUNK_BYTES):
                heard(data)
