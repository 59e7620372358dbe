"""Devices on a serial line that talk by themselves: frames found, the newest of each period taken, silence noticed.

An adapter for such a device says how its frames are found (``frames``) and what one means (``sample_of``). Of frames
that came together only the newest is as old as its arrival says, so the others are dropped; so are frames that come
sooner than ``period_s`` after the last sample.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from typing import ClassVar, Protocol, Self, TypeVar

from pydantic import Field, model_validator

from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import BadReading, NotConnected, wrong
from haechi.sdk.sample import Sample
from haechi.sdk.transports.serial_line import LineSettings, SerialLine
from haechi.text import _


class Frames(Protocol):
    """Finds frames in a stream, as the classes of :mod:`haechi.sdk.framing` do."""

    @property
    def bad(self) -> int:
        """How many frames were damaged so far."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come and return the sound frames that they complete."""


class TalkKeys(AdapterConfig):
    """What the configuration of every such device has."""

    serial_port: str = Field(min_length=1, max_length=255, description="Serial port, such as /dev/serial/by-id/usb-…")
    baud: int = Field(default=9600, ge=300, le=4_000_000, description="Bits per second; always 8N1.")
    period_s: float = Field(default=1.0, ge=0.01, le=3600, description="At most one sample in this time, the newest.")
    silence_s: float = Field(default=10.0, ge=0.1, le=3600, description="Without a sound frame for so long it is gone.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before the port is tried again.")

    @model_validator(mode="after")
    def _waits_longer_than_a_period(self) -> Self:
        if self.silence_s < self.period_s:
            raise wrong("silence_s", self.silence_s, _("at least period_s ({period})").format(period=self.period_s))
        return self


KeysT = TypeVar("KeysT", bound=TalkKeys)


class Talking(Adapter[KeysT]):
    """An adapter for one such device."""

    frame_name: ClassVar[str]
    """What its frames are called, for texts: ``PMS5003``."""

    @abstractmethod
    def frames(self) -> Frames:
        """Return what finds its frames, at the beginning of a stream."""

    @abstractmethod
    def sample_of(self, frame: bytes) -> Sample | None:
        """Return what a sound frame says, None where it holds no value. Does no I/O.

        Raises:
            BadReading: it is sound, and yet not what this kind of device says.
        """

    async def probe(self) -> str:
        """Listen until it has said one frame, and say what is in it."""
        line, frames = self._line(), self.frames()
        try:
            line.open()
            frame = await self._listen(line, frames)
        finally:
            line.close()
        try:
            sample = self.sample_of(frame)
        except BadReading as error:
            raise NotConnected(f"{self.config.serial_port}: {error}", self.config.retry_s) from error
        if sample is None:
            return _("{port} talks but has no value").format(port=self.config.serial_port)
        first = sample.datastreams[0].partition(".")[2]
        return _("{port} says {count} values, {first} {value}").format(
            port=self.config.serial_port, count=len(sample.values), first=first, value=sample.values[0]
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield the newest frame, at most one a period."""
        clock = self.host.clock
        line, frames = self._line(), self.frames()
        try:
            line.open()
            due_s = clock.now()
            while True:
                frame = await self._listen(line, frames)
                now_s = clock.now()
                if now_s < due_s:
                    continue
                due_s = max(due_s + self.config.period_s, now_s)
                try:
                    sample = self.sample_of(frame)
                except BadReading:
                    self.host.count("frames_bad")
                    continue
                if sample is not None:
                    yield sample
        finally:
            line.close()

    async def _listen(self, line: SerialLine, frames: Frames) -> bytes:
        """Return the newest sound frame as soon as there is one.

        Raises:
            NotConnected: none came within ``silence_s``.
        """
        config = self.config
        heard = 0
        try:
            async with asyncio.timeout(config.silence_s):
                while True:
                    data = await line.read()
                    heard += len(data)
                    bad_before = frames.bad
                    found = frames.feed(data)
                    if frames.bad > bad_before:
                        self.host.count("frames_bad", frames.bad - bad_before)
                    if found:
                        return found[-1]
        except TimeoutError:
            if heard:
                what = _("{port}: {bytes} bytes but no {name} frame within {seconds} s; look at speed and device")
            else:
                what = _("{port}: silent for {seconds} s; look at power and wiring")
            what = what.format(port=config.serial_port, bytes=heard, name=self.frame_name, seconds=config.silence_s)
            raise NotConnected(what, config.retry_s) from None

    def _line(self) -> SerialLine:
        return SerialLine(LineSettings(self.config.serial_port, self.config.baud), retry_s=self.config.retry_s)
