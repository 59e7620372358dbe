"""An SDI-12 data recorder: asks sensors on one bus, of which several devices in this process may share the port.

Meant for a transparent adapter between a serial port and the SDI-12 wire (1200 7E1). Version 1.4, sections 4 and 7:

- a command follows a break and a mark, so that sleeping sensors hear it, unless the sensor has just answered;
- a command without a sound answer is sent up to three times in all. Sending a data command again loses nothing; a
  measurement command sent again starts another measurement, which matters where reading resets a counter;
- during aM! the bus is the sensor's until its service request, or until the announced time has passed; during aC! it
  is free for others;
- what was not asked for is thrown away: before each command the line must be quiet. Answers carry no number: where a
  command was sent again, the next one waits until the answers that are still owed have passed.

An adapter that makes the break by itself hears ours as noise; that does no harm.
"""

import asyncio
from decimal import Decimal

from haechi.sdk.clock import Clock
from haechi.sdk.errors import BadReading, NotConnected
from haechi.sdk.transports import sdi12_frames as frames
from haechi.sdk.transports.serial_bus import OnBus, SerialBus
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.wire import wire
from haechi.sdk.wire_load import WireLoad
from haechi.text import _

_BREAK_S = 0.015
"""At least 12 ms."""
_MARK_S = 0.010
"""At least 8.33 ms between break and command."""
_AWAKE_S = 0.05
"""For so long after its last character a sensor surely hears a command without a break (87 ms)."""
_QUIET_S = 0.02
"""Silence that ends a drain: longer than a USB adapter holds bytes back (16 ms by default)."""
_ATTEMPTS = 3
_CHARACTER_S = 10 / 1200
"""On the SDI-12 wire itself, whatever speed an adapter has on its other side."""
_ANSWERS_S = 0.015
"""A sensor must begin to answer within so long (section 7)."""
_LINE_END, _CRC, _VALUE_CHARACTERS = 2, 3, 9
_ANNOUNCES, _ASKS_FOR_SERVICE = 5, 1
"""Characters of ``atttn`` and of ``a``; a concurrent announcement has one more."""


def load_of(
    settings: LineSettings,
    *,
    period_s: float,
    value_count: int,
    measuring_s: float,
    setting_count: int = 0,
    with_crc: bool = True,
    concurrent: bool = False,
) -> WireLoad:
    """Return what one measurement a period needs of the line.

    Args:
        settings: the port; its speed plays no part, for SDI-12 knows one only.
        period_s: how often it is measured.
        value_count: how many values one measurement has, of at most nine characters.
        measuring_s: how long the sensor measures; the line is its own meanwhile, unless ``concurrent``.
        setting_count: how many settings are asked for before.
        with_crc: values are asked for with a CRC.
        concurrent: aC! in place of aM!.
    """
    wakes_s = _QUIET_S + _BREAK_S + _MARK_S
    room = frames.CHARACTERS_CONCURRENT_MAX if concurrent else frames.CHARACTERS_MAX
    pages = -(-value_count // max(1, room // _VALUE_CHARACTERS))
    asked = 4 + with_crc + _ANNOUNCES + concurrent + _LINE_END
    fetched = pages * (4 + 1 + _LINE_END + (_CRC if with_crc else 0)) + value_count * _VALUE_CHARACTERS
    setting = 5 + 3 + _LINE_END
    held_s = setting_count * (wakes_s + setting * _CHARACTER_S + _ANSWERS_S)
    held_s += 2 * wakes_s + (asked + fetched) * _CHARACTER_S + (1 + pages) * _ANSWERS_S
    if not concurrent and measuring_s:
        held_s += measuring_s + (_ASKS_FOR_SERVICE + _LINE_END) * _CHARACTER_S
    return WireLoad(settings, characters_per_s=0.0, held_s_per_s=held_s / period_s)


class Sdi12(OnBus):
    """One sensor on a bus that it may share with others in this process."""

    def __init__(
        self,
        settings: LineSettings,
        address: str,
        clock: Clock,
        *,
        timeout_s: float,
        retry_s: float,
        ready_s_max: int = 60,
    ) -> None:
        """Keep the settings; the bus is joined by :meth:`join`.

        Args:
            settings: port and character format; 1200 7E1 unless the adapter translates.
            address: the sensor's, one of 0 to 9, a to z and A to Z.
            clock: paces the waiting for a measurement.
            timeout_s: how long an answer may take to come whole.
            retry_s: what a ``NotConnected`` asks its receiver to wait.
            ready_s_max: longest time to measure that is believed; announcements carry no CRC.
        """
        super().__init__(f"{settings.port} sensor {address}", settings, timeout_s=timeout_s, retry_s=retry_s)
        self._address, self._clock, self._ready_s_max = address, clock, ready_s_max
        self._awake_until_s = 0.0
        self._owes_until_s = 0.0
        """Until when an answer may come to a command that was answered already, by the event loop's clock."""

    async def measure(self, *, number: int = 0, with_crc: bool, concurrent: bool = False) -> list[Decimal]:
        """Start a measurement, wait for it, and return its values as the sensor wrote them.

        Args:
            number: 0 for aM!, 1 to 9 for aM1! to aM9!.
            with_crc: ask for a CRC with the values and check it (sensors from version 1.3 on).
            concurrent: aC! in place of aM!: the bus is free for others meanwhile.

        Raises:
            NotConnected: the sensor does not answer, or the port is gone.
            BadReading: what came is no sound answer, or not as many values as announced.
        """
        bus = self.joined()
        command = frames.measure_command(self._address, number=number, with_crc=with_crc, concurrent=concurrent)
        async with bus.turn:
            self._awake_until_s = 0.0  # others may have spoken, which sends it to sleep
            line = await self._ask(bus, command)
            said = frames.announced(line, self._address, concurrent=concurrent)
            if said.value_count == 0:
                raise BadReading(_("{name} has nothing to measure for this command").format(name=self.name))
            if said.ready_s > self._ready_s_max:
                what = _("{name} announces {seconds} s of measuring, more than {longest} s")
                raise BadReading(what.format(name=self.name, seconds=said.ready_s, longest=self._ready_s_max))
            if not concurrent:
                await self._await_service_request(bus, said.ready_s)
                return await self._values(bus, said.value_count, with_crc=with_crc)
        await self._clock.sleep(said.ready_s)
        async with bus.turn:
            self._awake_until_s = 0.0  # others may have spoken, which sends it to sleep
            return await self._values(bus, said.value_count, with_crc=with_crc)

    async def identify(self) -> str:
        """Return what the sensor answers to aI!, behind its address: version, maker, model, serial number (4.4.2).

        Raises:
            NotConnected: the sensor does not answer, or the port is gone.
            BadReading: what came is no sound answer.
        """
        return (await self._told("I"))[1:].decode("ascii", "replace")

    async def setting(self, command: str) -> list[Decimal]:
        """Ask for a setting by a maker's own command, such as ``OSU``, and return what it answers.

        The command must be one that changes nothing; extended commands know no CRC.

        Raises:
            NotConnected: the sensor does not answer, or the port is gone.
            BadReading: what came is no sound answer.
        """
        return frames.values(await self._told(command), self._address, with_crc=False)

    async def _told(self, command: str) -> bytes:
        bus = self.joined()
        async with bus.turn:
            self._awake_until_s = 0.0  # others may have spoken, which sends it to sleep
            return await self._ask(bus, f"{self._address}{command}!".encode("ascii"))

    async def _values(self, bus: SerialBus, count: int, *, with_crc: bool) -> list[Decimal]:
        found: list[Decimal] = []
        for page in range(frames.PAGES):
            line = await self._ask(bus, frames.data_command(self._address, page), with_crc=with_crc)
            came = frames.values(line, self._address, with_crc=with_crc)
            found += came
            if not came or len(found) >= count:
                break
        if len(found) != count:
            what = _("{name} announced {count} values and gave {found}")
            raise BadReading(what.format(name=self.name, count=count, found=len(found)))
        return found

    async def _await_service_request(self, bus: SerialBus, ready_s: int) -> None:
        """Wait until the sensor says that it is ready, at most as long as it announced."""
        if ready_s == 0:
            return
        ready = asyncio.create_task(self._clock.sleep(ready_s))
        asked = asyncio.create_task(self._line(bus))
        try:
            await asyncio.wait((ready, asked), return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                asked.result()  # whatever it is, the sensor has spoken; the data command tells whether it is ready
        finally:
            for task in (ready, asked):
                task.cancel()
            await asyncio.gather(ready, asked, return_exceptions=True)

    async def _ask(self, bus: SerialBus, command: bytes, *, with_crc: bool = False) -> bytes:
        """Send ``command`` until a line of this sensor comes, up to three times in all; return it without line end."""
        trouble: NotConnected | BadReading
        loop = asyncio.get_running_loop()
        first_s = sent_s = 0.0
        for attempt in range(_ATTEMPTS):
            if attempt or loop.time() > self._awake_until_s:
                # Who was late by so much once is late by as much again.
                quiet_s = max(_QUIET_S, self._owes_until_s - loop.time())
                self.strays += await bus.line.drain(quiet_s=quiet_s, longest_s=quiet_s + self._timeout_s)
                await bus.line.send_break(_BREAK_S)
                await wire().pause(_MARK_S)
            self._awake_until_s = 0.0
            self.strays += len(bus.line.take())
            sent_s = loop.time()
            first_s = first_s or sent_s
            await bus.line.write(command)
            try:
                async with asyncio.timeout(self._timeout_s):
                    line = await self._line(bus, after=command)
            except TimeoutError:
                what = _("{name} does not answer {command} within {seconds} s")
                trouble = NotConnected(
                    what.format(name=self.name, command=command.decode(), seconds=self._timeout_s), self._retry_s
                )
                continue
            except BadReading as error:
                trouble = error
                continue
            if line[:1] == self._address.encode("ascii") and (not with_crc or frames.crc(line[:-3]) == line[-3:]):
                if attempt:
                    self._owes_until_s = loop.time() + (sent_s - first_s) + _QUIET_S
                else:
                    self._awake_until_s = loop.time() + _AWAKE_S
                return line
            trouble = BadReading(
                _("{name}: {line!r} is no sound answer to {command}").format(
                    name=self.name, line=line.decode("ascii", "replace"), command=command.decode()
                )
            )
        raise trouble

    async def _line(self, bus: SerialBus, after: bytes = b"") -> bytes:
        """Return the next whole line; the echo of our own command ``after``, and zeros of the break, are dropped."""
        came = bytearray()
        while True:
            came += await bus.line.read()
            text = bytes(came).lstrip(b"\0")
            text = text.removeprefix(after)
            line, end, rest = text.partition(b"\r\n")
            if end:
                self.strays += len(rest)
                return line
            if len(text) > frames.LINE_BYTES_MAX:
                raise BadReading(_("{name}: {size} bytes without a line end").format(name=self.name, size=len(text)))
