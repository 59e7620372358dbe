"""Lines of a GPIO chip that are driven, one by one, for adapters that declare actuators. Since SDK 1.1.

A line is taken in the moment in which it is told to leave its rest, and held meanwhile; told to rest, it is driven
there, looked at, and given back. When the process ends, however it ends, the kernel gives back what it held, and most
chips let such a line float: the resistor outside then brings it to rest. Nothing else of the chip is touched.

libgpiod does the work (package ``gpiod``, extra ``haechi[contacts]``). A path that is no GPIO chip is told
:data:`ORDER` and a record of :mod:`haechi.sdk.transports.contacts`, and answers with such a record how the line stands:
so a simulator stands in where there is no GPIO.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from haechi.sdk.errors import BadReading, NotConnected, NotDone
from haechi.sdk.transports.contacts import RECORD, cannot_open, is_chip, record_of
from haechi.sdk.wire import Tap, wire
from haechi.text import _

ORDER = b"!"
_RETRY_S = 1.0
_RISING = 1


class GpioOutputs:
    """Some lines of one chip."""

    def __init__(self, chip: str, rest: Mapping[int, bool], *, timeout_s: float) -> None:
        """Keep what is given; no line is taken before it is told something.

        Args:
            chip: path, such as ``/dev/gpiochip0``.
            rest: line → whether it is high at rest; no other line is ever driven.
            timeout_s: how long looking at a line may take.
        """
        self.chip = chip
        self._rest, self._timeout_s = dict(rest), timeout_s
        self._taken: dict[int, _Line] = {}
        self._number = 0
        self._turn = asyncio.Lock()

    async def drive(self, line: int, *, is_high: bool) -> None:
        """Drive ``line`` once; return when it was seen to stand so.

        Raises:
            NotDone: it is no output, or cannot be taken: nothing has changed.
            NotConnected: it was driven and cannot be looked at: nobody knows.
            BadReading: it was driven and stands otherwise.
        """
        if line not in self._rest:
            raise NotDone(_("{chip}: line {line} is no output").format(chip=self.chip, line=line))
        async with self._turn:
            stands = await self._driven(line, is_high=is_high)
        if stands != is_high:
            raise BadReading(
                _("{chip}: line {line} was driven and does not stand so").format(chip=self.chip, line=line)
            )

    async def _driven(self, line: int, *, is_high: bool) -> bool:
        taken = self._taken.get(line) or self._take(line)
        self._taken[line] = taken
        self._number += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await taken.drive(self._number, is_high=is_high)
        except TimeoutError:
            what = _("{chip}: line {line} does not say how it stands").format(chip=self.chip, line=line)
            raise NotConnected(what, _RETRY_S) from None
        except OSError as error:
            what = _("{chip}: line {line} is gone ({why})")
            raise NotConnected(what.format(chip=self.chip, line=line, why=error.strerror or error), _RETRY_S) from None
        finally:
            if is_high == self._rest[line]:
                del self._taken[line]
                taken.close()

    def _take(self, line: int) -> "_Line":
        try:
            path = wire().leads_to(self.chip)
            return _Gpiod(path, self.chip, line, self._rest[line]) if is_chip(path) else _StandIn(path, self.chip, line)
        except OSError as error:
            raise NotDone(cannot_open(self.chip, [line], error)) from None


class _Line(Protocol):
    """One line that is held."""

    async def drive(self, number: int, *, is_high: bool) -> bool: ...
    def close(self) -> None: ...


class _Gpiod:
    """A line of a real chip."""

    def __init__(self, path: str, chip: str, line: int, rest: bool) -> None:
        try:
            import gpiod
            from gpiod.line import Direction, Value
        except ModuleNotFoundError:
            raise NotDone(_("{chip}: the package gpiod is missing (haechi[contacts])").format(chip=chip)) from None
        self._states = {False: Value.INACTIVE, True: Value.ACTIVE}
        # Taken as it rests, so that taking it alone changes nothing.
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=self._states[rest])
        try:
            self._request = gpiod.request_lines(path, {line: settings}, consumer="haechi")
        except ValueError as error:
            raise NotDone(_("{chip}: has no line {line} ({why})").format(chip=chip, line=line, why=error)) from None
        self._line = line
        self._tap = wire().tap(chip, lambda _data: None, datagrams=True)

    async def drive(self, number: int, *, is_high: bool) -> bool:
        self._tap.sent(ORDER + record_of(self._line, is_high, number=number))
        self._request.set_value(self._line, self._states[is_high])
        stands = self._request.get_value(self._line) is self._states[True]
        self._tap.came(record_of(self._line, stands, number=number))
        return stands

    def close(self) -> None:
        self._request.release()
        self._tap.closed()


class _StandIn:
    """A line of a simulator."""

    def __init__(self, path: str, chip: str, line: int) -> None:
        self._line = line
        self._came = bytearray()
        self._more = asyncio.Event()
        self._descriptor = os.open(Path(path), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        self._tap: Tap = wire().tap(chip, self._deliver)
        with suppress(BlockingIOError):  # what was said to somebody before us
            while os.read(self._descriptor, RECORD.size):
                pass

    async def drive(self, number: int, *, is_high: bool) -> bool:
        loop = asyncio.get_running_loop()
        if sent := self._tap.sent(ORDER + record_of(self._line, is_high, number=number)):
            os.write(self._descriptor, sent)
        loop.add_reader(self._descriptor, self._readable)
        try:
            while (stands := self._answer(number)) is None:
                self._more.clear()
                await self._more.wait()
        finally:
            loop.remove_reader(self._descriptor)
        return stands

    def close(self) -> None:
        os.close(self._descriptor)
        self._tap.closed()

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, RECORD.size)
        except OSError:  # it says nothing more: whoever waits gives up in time
            asyncio.get_running_loop().remove_reader(self._descriptor)
            return
        self._deliver(self._tap.came(data))

    def _deliver(self, data: bytes) -> None:
        self._came += data
        self._more.set()

    def _answer(self, number: int) -> bool | None:
        """Return what the record with this number says; what came too late for an earlier one is dropped."""
        while len(self._came) >= RECORD.size:
            _time_ns, kind, line, its_number, _line_number = RECORD.unpack(self._came[: RECORD.size])
            del self._came[: RECORD.size]
            if (line, its_number) == (self._line, number):
                return bool(kind == _RISING)
        return None
