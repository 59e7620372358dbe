"""What simulated devices have in common: they are there while they are entered, and a shell can serve one.

A simulator is an async context manager that says where it is. Most hold another one that speaks their protocol
(:class:`~haechi.sdk.modbus_slave.ModbusSlave`, :class:`~haechi.sdk.sdi12_sensor.Sdi12Sensor`,
:class:`~haechi.sdk.talker.Talker`) and say what its numbers are: :class:`Simulated`. Who speaks a protocol of its own
on a serial line begins with :class:`OnTerminal`.
"""

import asyncio
import sys
from contextlib import suppress
from typing import Generic, Protocol, Self, TypeVar

from haechi.sdk.terminal import Terminal


class Reachable(Protocol):
    """A simulated device; an async context manager: entering makes it reachable."""

    @property
    def where(self) -> str:
        """What to open: a serial port, or ``host:port``."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *_unused: object) -> None: ...


SpeakerT = TypeVar("SpeakerT", bound=Reachable)


class Simulated(Generic[SpeakerT]):
    """A device whose protocol somebody else speaks. An async context manager."""

    def __init__(self, speaker: SpeakerT) -> None:
        """Be there when ``speaker`` is."""
        self._speaker = speaker

    @property
    def where(self) -> str:
        """What to open: a serial port, or ``host:port``."""
        return self._speaker.where

    async def __aenter__(self) -> Self:
        await self._speaker.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self._speaker.__aexit__()


class OnTerminal:
    """A device on a serial line of its own. An async context manager: entering makes it reachable at :attr:`port`."""

    def __init__(self) -> None:
        """Be nowhere yet."""
        self.port = ""
        self._terminal: Terminal | None = None

    @property
    def where(self) -> str:
        """What to open: the serial port."""
        return self.port

    @property
    def is_held(self) -> bool:
        """Tell whether somebody holds the port."""
        return self._terminal is not None and self._terminal.is_held

    def heard(self, data: bytes) -> None:
        """Take what an adapter sends; a device that only talks ignores it."""

    def put(self, data: bytes) -> None:
        """Put bytes on the line now; without a line they are lost."""
        if self._terminal is not None:
            self._terminal.say(data)

    def unplug(self) -> None:
        """Pull the cable: the port vanishes under whoever holds it. May be called more than once."""
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    async def __aenter__(self) -> Self:
        self._terminal = Terminal()
        self._terminal.listen(self.heard)
        self.port = self._terminal.path
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self.unplug()


def serve(device: Reachable) -> None:
    """Let a device be there until interrupted; the first line on standard output says where."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(device))


async def _serve(device: Reachable) -> None:
    async with device:
        sys.stdout.write(device.where + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
