"""A Modbus RTU master: one serial bus, shared fairly by every device on it, whatever protocol each of them speaks.

Each request waits its turn in order of arrival, so that of several devices every one is served after at most one
request of each other. A device that does not answer costs the bus its time-out; the adapter asks it ever less often.

RTU gives answers no number. After a time-out or a damaged answer the bus is drained until it is silent, and the next
answer must first pass a fence (:mod:`~haechi.sdk.transports.modbus_fence`), which throws away what is late.

Writing is for :mod:`.modbus_rtu_write`, which says what may be written; everybody else reads.

What can't be told apart: a device that answers out of order; one that is later than the ten time-outs for which it is
left alone when nothing else helps; and, before it has ever given data, one that is later than two.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn
from weakref import WeakKeyDictionary

from haechi.sdk.errors import BadReading, NotConnected, NotDone
from haechi.sdk.transports.modbus_fence import Fence
from haechi.sdk.transports.modbus_frames import Read, Refused, rtu_frame, take_confirmation, take_rtu_answer
from haechi.sdk.transports.serial_bus import SerialBus
from haechi.sdk.transports.serial_line import LineSettings, SerialLine
from haechi.sdk.wire import wire
from haechi.sdk.wire_load import WireLoad
from haechi.text import _

_GAP_CHARACTERS = 3.5
_GAP_S_MIN = 0.00175
"""Silence between frames, and its floor above 19,200 baud (MODBUS over Serial Line V1.02, clause 2.5.1.1)."""
_QUIET_S = 0.05
"""Silence that ends a drain: longer than a USB adapter holds bytes back (16 ms by default)."""
_ANSWER_BYTES_MAX = 1024
_REQUEST_BYTES = 8
_ANSWER_FRAME_BYTES = 5
"""Unit, function, byte count and check bytes around an answer's data."""
_REST_TIMEOUTS = 10
"""How long a device is left alone when its late answers can't be told apart any more."""


def load_of(settings: LineSettings, reads: Iterable[tuple[Read, float]]) -> WireLoad:
    """Return what ``reads``, each with its period in seconds, need of a line; the time to think is not in it."""
    schedule = list(reads)
    exchanges_per_s = sum(1 / period_s for _read, period_s in schedule)
    answers_per_s = sum((read.data_bytes + _ANSWER_FRAME_BYTES) / period_s for read, period_s in schedule)
    return WireLoad(
        settings,
        characters_per_s=exchanges_per_s * _REQUEST_BYTES + answers_per_s,
        gaps_per_s=2 * exchanges_per_s,
        gap_characters=_GAP_CHARACTERS,
        gap_s_min=_GAP_S_MIN,
    )


@dataclass
class _Unit:
    """What the bus knows of one device."""

    fence: Fence = field(default_factory=Fence)
    rests_until_s: float = 0.0
    """Until when it is left alone, by the event loop's clock."""


# Two adapters may ask one unit: what it still owes the one, the other must know.
_UNITS: WeakKeyDictionary[SerialBus, dict[int, _Unit]] = WeakKeyDictionary()


class ModbusRtu:
    """Reads one device on a serial bus that it may share with others in this process."""

    def __init__(self, settings: LineSettings, unit: int, *, timeout_s: float, retry_s: float) -> None:
        """Keep the settings; the bus is joined by :meth:`join`.

        Args:
            settings: port and character format, the same for every device on the bus.
            unit: the device's address, 1 to 247.
            timeout_s: how long an answer may take.
            retry_s: what a ``NotConnected`` asks its receiver to wait.
        """
        self.name = f"{settings.port} unit {unit}"
        self.strays = 0
        """Bytes that belonged to no request; they are dropped."""
        self._settings, self._unit = settings, unit
        self._timeout_s, self._retry_s = timeout_s, retry_s
        self._bus: SerialBus | None = None
        self._state = _Unit()

    def join(self, reads: Iterable[Read]) -> None:
        """Join the bus, opening its port where nobody has, and say what will be read; after :meth:`close`, again.

        Raises:
            ConfigError: another device uses the same port with other settings.
            NotConnected: the port cannot be opened.
        """
        self._bus = SerialBus.join(self._settings, retry_s=self._retry_s)
        # Kept after leaving: the device may still owe an answer when the port is opened again.
        self._state = _UNITS.setdefault(self._bus, {}).setdefault(self._unit, self._state)
        self._state.fence.expect(reads)
        self._state.fence.is_needed = True

    def close(self) -> None:
        """Leave the bus; the last one releases the port. May be called more than once."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.leave()

    async def read(self, request: Read) -> bytes:
        """Return the data bytes of the answer to ``request``, which must be among the joined reads.

        Raises:
            NotConnected: no answer in time, or the port is gone.
            Refused: the device answered with an exception.
            BadReading: bytes came that are no sound answer.
        """
        bus = self._bus
        if bus is None:
            raise NotConnected(_("{name}: the bus was left").format(name=self.name), self._retry_s)
        state = self._state
        rest_s = state.rests_until_s - asyncio.get_running_loop().time()
        if rest_s > 0:
            raise self._resting(rest_s)
        async with bus.turn:
            bus.line.open()
            if state.fence.is_needed:
                await self._pass_fence(bus.line, state, request)
            return await self._exchange(bus.line, state, request)

    async def write_once(self, request: bytes, read: Read) -> bytes:
        """Send ``request``, a write, once; return the answer's PDU. For :mod:`.modbus_rtu_write` alone.

        Args:
            request: PDU of function 5 or 6.
            read: how the output can be read, for the fence: a confirmation of something older must not count.

        Raises:
            NotDone: it was not sent: the device is left alone, does not answer before it, or the port is gone.
            NotConnected: it was sent and not answered: nobody knows.
        """
        bus, state = self._bus, self._state
        if bus is None or state.rests_until_s > asyncio.get_running_loop().time():
            raise NotDone(_("{name} is left alone until late answers have passed").format(name=self.name))
        async with bus.turn:
            try:
                bus.line.open()
                state.fence.is_needed = True
                await self._pass_fence(bus.line, state, read)
            except (NotConnected, BadReading) as error:
                raise NotDone(_("{name}: nothing was sent: {why}").format(name=self.name, why=error)) from None
            return await self._confirmed(bus.line, state, request)

    async def _confirmed(self, line: SerialLine, state: _Unit, request: bytes) -> bytes:
        self.strays += len(line.take())
        await wire().pause(max(_GAP_S_MIN, _GAP_CHARACTERS * line.settings.character_s))
        sent = rtu_frame(self._unit, request)
        state.fence.is_needed = True
        came = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s + 2 * len(sent) * line.settings.character_s):
                await line.write(sent)
                while len(came) < _ANSWER_BYTES_MAX:
                    came += await line.read()
                    if (answer := take_confirmation(came, self._unit, request)) is not None:
                        state.fence.is_needed = False
                        return answer
        except TimeoutError:
            pass
        self.strays += len(came)
        raise NotConnected(_("{name} has not confirmed a write").format(name=self.name), self._retry_s)

    async def _pass_fence(self, line: SerialLine, state: _Unit, request: Read) -> None:
        self.strays += await line.drain(quiet_s=_QUIET_S, longest_s=self._timeout_s)
        fence = state.fence.next(request)
        if fence is None:
            self._rest(state)
        try:
            await self._exchange(line, state, fence, may_refuse=not state.fence.is_readable)
        except Refused:
            if not state.fence.is_first:
                self._rest(state)
            # It may have been the late answer to something older. Nobody speaks on the bus meanwhile: the price of
            # not knowing.
            await asyncio.sleep(self._timeout_s)
            self.strays += await line.drain(quiet_s=_QUIET_S, longest_s=self._timeout_s)
        state.fence.passed()

    def _rest(self, state: _Unit) -> NoReturn:
        rest_s = _REST_TIMEOUTS * self._timeout_s
        state.rests_until_s = asyncio.get_running_loop().time() + rest_s
        state.fence.rested()
        raise self._resting(rest_s)

    def _resting(self, rest_s: float) -> NotConnected:
        what = _("{name} does not answer in time and is left alone until late answers have passed")
        return NotConnected(what.format(name=self.name), max(self._retry_s, rest_s))

    async def _exchange(self, line: SerialLine, state: _Unit, request: Read, *, may_refuse: bool = True) -> bytes:
        self.strays += len(line.take())
        await wire().pause(max(_GAP_S_MIN, _GAP_CHARACTERS * line.settings.character_s))
        sent = rtu_frame(self._unit, request.pdu)
        on_wire_s = (len(sent) + request.data_bytes + _ANSWER_FRAME_BYTES) * line.settings.character_s
        was_needed, state.fence.is_needed = state.fence.is_needed, True
        came = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s + on_wire_s):
                await line.write(sent)
                while len(came) < _ANSWER_BYTES_MAX:
                    came += await line.read()
                    data = take_rtu_answer(came, self._unit, request, may_refuse=may_refuse)
                    if data is not None:
                        state.fence.is_needed = was_needed
                        state.fence.answered(request)
                        return data
        except Refused:
            state.fence.is_needed = was_needed
            state.fence.refused(request)
            raise
        except TimeoutError:
            if not came:
                what = _("{name} does not answer within {seconds} s").format(name=self.name, seconds=self._timeout_s)
                raise NotConnected(what, self._retry_s) from None
        self.strays += len(came)
        raise BadReading(_("{request}: {size} bytes that are no sound answer").format(request=request, size=len(came)))
