"""A serial port that several devices share: one line, one question at a time, in order of arrival.

For protocols in which one master asks and one of many devices answers. A serial port exists once in a process, whoever
configured it, so devices on one port meet here: SDI-12, UMB and Modbus RTU alike, where their settings agree.
"""

import asyncio
import os
from contextlib import suppress

from haechi.sdk.errors import ConfigError, NotConnected
from haechi.sdk.transports.serial_line import LineSettings, SerialLine
from haechi.sdk.wire import wire
from haechi.text import _

_BUSES: dict[str, "SerialBus"] = {}


class BreakingLine(SerialLine):
    """A serial line that can also be held in break, by which some protocols wake their devices."""

    async def send_break(self, seconds: float) -> None:
        """Hold the line in break for at least ``seconds``.

        Raises:
            NotConnected: the port is closed or was pulled out, or cannot do it.
        """
        port = self._check()
        try:
            port.break_condition = True
            await wire().pause(seconds)
        except OSError as error:
            self._hang_up(error.strerror or str(error))
            self._check()
        finally:
            with suppress(OSError):
                port.break_condition = False


class SerialBus:
    """One port in this process; made by :meth:`join`, gone when the last one has left."""

    def __init__(self, key: str, settings: LineSettings, retry_s: float) -> None:
        """Keep what is given; open nothing. Use :meth:`join`."""
        self.line = BreakingLine(settings, retry_s=retry_s)
        self.turn = asyncio.Lock()
        """Held by whoever speaks, until the answer has come or is given up."""
        self._key = key
        self._users = 0

    @classmethod
    def join(cls, settings: LineSettings, *, retry_s: float) -> "SerialBus":
        """Return the bus on this port, opening it where nobody has; leave it with :meth:`leave`.

        Raises:
            ConfigError: another device uses the same port with other settings.
            NotConnected: the port cannot be opened.
        """
        key = os.path.realpath(settings.port)  # now, because a link may point elsewhere than last time
        bus = _BUSES.get(key)
        if bus is None:
            bus = _BUSES[key] = cls(key, settings, retry_s)
        elif bus.line.settings[1:] != settings[1:]:
            expected = _("the settings of the other devices on this bus, {settings}").format(settings=bus.line.settings)
            raise ConfigError("port", str(settings), expected)
        bus._users += 1
        try:
            bus.line.open()
        except BaseException:
            bus.leave()
            raise
        return bus

    def leave(self) -> None:
        """Leave the bus; the last one releases the port. Call it once for each :meth:`join`."""
        self._users -= 1
        if self._users == 0:
            del _BUSES[self._key]
            self.line.close()


class OnBus:
    """One device on a bus that it may share with others in this process."""

    def __init__(self, name: str, settings: LineSettings, *, timeout_s: float, retry_s: float) -> None:
        """Keep what is given; ``name`` is the device for texts."""
        self.name = name
        self.strays = 0
        """Bytes that belonged to no question; they are dropped."""
        self._settings, self._timeout_s, self._retry_s = settings, timeout_s, retry_s
        self._bus: SerialBus | None = None

    def join(self) -> None:
        """Join the bus; after :meth:`close`, again.

        Raises:
            ConfigError: another device uses the same port with other settings.
            NotConnected: the port cannot be opened.
        """
        self.close()
        self._bus = SerialBus.join(self._settings, retry_s=self._retry_s)

    def close(self) -> None:
        """Leave the bus; the last one releases the port. May be called more than once."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.leave()

    def joined(self) -> SerialBus:
        """Return the bus.

        Raises:
            NotConnected: it was left.
        """
        if self._bus is None:
            raise NotConnected(_("{name}: the bus was left").format(name=self.name), self._retry_s)
        return self._bus
