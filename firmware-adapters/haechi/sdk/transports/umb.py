"""A Lufft UMB master: asks devices on an RS-485 bus, of which several in this process may share the port.

One request waits for its answer before the next; a late answer is addressed to a master that nobody is any more.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from haechi.sdk.errors import BadReading, NotConnected
from haechi.sdk.transports import umb_frames as frames
from haechi.sdk.transports.serial_bus import OnBus, SerialBus
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.wire_load import WireLoad
from haechi.text import _

_MASTERS = 255
_QUIET_S = 0.02
"""Silence before a request: longer than a USB adapter holds bytes back (16 ms by default)."""


def load_of(settings: LineSettings, channel_count: int, *, period_s: float) -> WireLoad:
    """Return what one request a period for so many channels needs of the line."""
    characters = frames.request_bytes(channel_count) + frames.answer_bytes_max(channel_count)
    return WireLoad(settings, characters_per_s=characters / period_s, gaps_per_s=1 / period_s, gap_s_min=_QUIET_S)


class Umb(OnBus):
    """One device on a bus that it may share with others in this process."""

    def __init__(self, settings: LineSettings, device: int, *, timeout_s: float, retry_s: float) -> None:
        """Keep the settings; the bus is joined by :meth:`join`.

        Args:
            settings: port and character format, the same for every device on the bus.
            device: the device's address, class and id, such as 9001h.
            timeout_s: how long an answer may take to begin.
            retry_s: what a ``NotConnected`` asks its receiver to wait.
        """
        super().__init__(f"{settings.port} device {device:04x}h", settings, timeout_s=timeout_s, retry_s=retry_s)
        self._device = device
        self._master = 0

    async def read(self, channels: Sequence[int]) -> list[frames.ChannelValue]:
        """Return what the device says about ``channels``, at most twenty, in their order.

        Raises:
            NotConnected: no answer in time, or the port is gone.
            BadReading: bytes came that are no sound answer.
        """
        answer = await self._ask(lambda master: frames.channels_request(self._device, master, channels))
        return frames.channel_values(answer, channels)

    async def identify(self) -> str:
        """Return what the device says of itself, as hexadecimal text; empty where it knows no such request.

        Raises:
            NotConnected: no answer in time, or the port is gone.
            BadReading: bytes came that are no sound answer.
        """
        said = b""
        for what in frames.IDENTITY:
            said += frames.information(await self._ask(partial(self._information_request, what)), what)
        return said.hex()

    def _information_request(self, what: int, master: int) -> bytes:
        return frames.information_request(self._device, master, what)

    async def _ask(self, request_of: Callable[[int], bytes]) -> bytes:
        """Ask as a master that has not asked for long, and return the payload of the answer."""
        bus = self.joined()
        async with bus.turn:
            self.strays += await bus.line.drain(quiet_s=_QUIET_S, longest_s=self._timeout_s)
            self._master = self._master % _MASTERS + 1
            master = frames.MASTER_CLASS | self._master
            return await self._exchange(bus, request_of(master), master)

    async def _exchange(self, bus: SerialBus, request: bytes, master: int) -> bytes:
        on_wire_s = (len(request) + frames.FRAME_BYTES_MAX) * bus.line.settings.character_s
        buffer = bytearray()
        came = 0
        try:
            async with asyncio.timeout(self._timeout_s + on_wire_s):
                await bus.line.write(request)
                while True:
                    data = await bus.line.read()
                    came += len(data)
                    buffer += data
                    answer = frames.take_answer(buffer, device=self._device, master=master)
                    if answer is not None:
                        self.strays += len(buffer)
                        return answer
        except TimeoutError:
            self.strays += came
        if came:
            raise BadReading(_("{name}: {size} bytes that are no sound answer").format(name=self.name, size=came))
        what = _("{name} does not answer within {seconds} s").format(name=self.name, seconds=self._timeout_s)
        raise NotConnected(what, self._retry_s)
