"""Devices on a serial line, or behind a serial server, that talk by themselves: frames found, damage counted.

An adapter for such a device says how its frames are found (``frames``) and what one means (``sample_of``). There are
two kinds. Of what a :class:`Talking` device repeats, a level say, the newest frame of each period is taken: of frames
that came together only the newest is as old as its arrival says. What a :class:`Reporting` device says are events, a
vehicle each, and none is left out. Silence is noticed either way. Behind a serial server the line's speed is the
server's business.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from typing import Generic, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import BadReading, NotConnected, wrong
from haechi.sdk.sample import Sample
from haechi.sdk.transports.serial_line import LineSettings, SerialLine
from haechi.sdk.transports.tcp_line import TcpLine
from haechi.text import _

FrameT = TypeVar("FrameT")


class Frames(Protocol[FrameT]):
    """Finds frames in a stream, as the classes of :mod:`haechi.sdk.framing` do."""

    @property
    def bad(self) -> int:
        """How many frames were damaged so far."""

    def feed(self, data: bytes) -> list[FrameT]:
        """Take bytes as they come and return the sound frames that they complete."""


class LineKeys(AdapterConfig):
    """What the configuration of every such device has."""

    serial_port: str = Field(
        min_length=1,
        max_length=255,
        description="Serial port, such as /dev/serial/by-id/usb-…; or `tcp://HOST:PORT` of a serial server.",
    )
    baud: int = Field(default=9600, ge=300, le=4_000_000, description="Bits per second; always 8N1.")
    silence_s: float = Field(default=10.0, ge=0.1, le=3600, description="Without a sound frame for so long it is gone.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before the port is tried again.")

    @property
    def line(self) -> LineSettings:
        """Port and character format."""
        return LineSettings(self.serial_port, self.baud)

    @property
    def server(self) -> tuple[str, int] | None:
        """Host and port of the serial server that the device is behind; None where it is on a port of the gateway."""
        return _server_in(self.serial_port)

    @field_validator("serial_port")
    @classmethod
    def _names_a_server_whole(cls, port: str) -> str:
        if "://" in port and _server_in(port) is None:
            raise ValueError(_("a serial port, or tcp://HOST:PORT"))
        return port


class TalkKeys(LineKeys):
    """What the configuration of a device has that says the same thing again and again."""

    period_s: float = Field(default=1.0, ge=0.01, le=3600, description="At most one sample in this time, the newest.")

    @model_validator(mode="after")
    def _waits_longer_than_a_period(self) -> Self:
        if self.silence_s < self.period_s:
            raise wrong("silence_s", self.silence_s, _("at least period_s ({period})").format(period=self.period_s))
        return self


def _server_in(port: str) -> tuple[str, int] | None:
    parts = urlsplit(port)
    try:
        if parts.scheme == "tcp" and parts.hostname and parts.port and parts.netloc.count("@") == 0 and not parts.path:
            return parts.hostname, parts.port
    except ValueError:
        pass
    return None


KeysT = TypeVar("KeysT", bound=LineKeys)
TalkKeysT = TypeVar("TalkKeysT", bound=TalkKeys)


class Reporting(Adapter[KeysT], Generic[KeysT, FrameT]):
    """An adapter for a device of which every frame is an event of its own."""

    frame_name: str
    """What its frames are called, for texts: ``PMS5003``."""

    @abstractmethod
    def frames(self) -> Frames[FrameT]:
        """Return what finds its frames, at the beginning of a stream."""

    @abstractmethod
    def sample_of(self, frame: FrameT) -> Sample | None:
        """Return what a sound frame says, None where it holds no value. Does no I/O.

        Raises:
            BadReading: it is sound, and yet not what this kind of device says.
        """

    async def probe(self) -> str:
        """Listen until it has said one frame, and say what is in it."""
        line, frames = self._line(), self.frames()
        try:
            await _open(line)
            frame = (await self.listen(line, frames))[-1]
        finally:
            line.close()
        port = self.config.serial_port
        try:
            sample = self.sample_of(frame)
        except BadReading as error:
            raise NotConnected(f"{port}: {error}", self.config.retry_s) from error
        if sample is None:
            return _("{port} talks but has no value").format(port=port)
        first = sample.datastreams[0].partition(".")[2]
        return _("{port} says {count} values, {first} {value}").format(
            port=port, count=len(sample.values), first=first, value=sample.values[0]
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield every frame, in order."""
        line, frames = self._line(), self.frames()
        try:
            await _open(line)
            while True:
                for frame in await self.listen(line, frames):
                    sample = self.read(frame)
                    if sample is not None:
                        yield sample
        finally:
            line.close()

    def read(self, frame: FrameT) -> Sample | None:
        """Return what a frame says; None, and a count, where it is not what this kind of device says."""
        try:
            return self.sample_of(frame)
        except BadReading:
            self.host.count("frames_bad")
            return None

    async def listen(self, line: SerialLine | TcpLine, frames: Frames[FrameT]) -> list[FrameT]:
        """Return the next sound frames as soon as there is one.

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
                        return found
        except TimeoutError:
            if heard:
                what = _("{port}: {bytes} bytes but no {name} frame within {seconds} s; look at speed and device")
            else:
                what = _("{port}: silent for {seconds} s; look at power and wiring")
            what = what.format(port=config.serial_port, bytes=heard, name=self.frame_name, seconds=config.silence_s)
            raise NotConnected(what, config.retry_s) from None

    def _line(self) -> SerialLine | TcpLine:
        server, retry_s = self.config.server, self.config.retry_s
        return SerialLine(self.config.line, retry_s=retry_s) if server is None else TcpLine(*server, retry_s=retry_s)


async def _open(line: SerialLine | TcpLine) -> None:
    if isinstance(line, TcpLine):
        await line.open()
    else:
        line.open()


class Talking(Reporting[TalkKeysT, FrameT]):
    """An adapter for a device that says the same thing again and again."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield the newest frame that has a value, at most one a period."""
        clock = self.host.clock
        line, frames = self._line(), self.frames()
        try:
            await _open(line)
            due_s = clock.now()
            while True:
                came = await self.listen(line, frames)
                now_s = clock.now()
                if now_s < due_s:
                    continue
                # Frames without a value, such as a sign of life, use up no period and hide none that has one.
                sample = next((one for frame in reversed(came) if (one := self.read(frame)) is not None), None)
                if sample is not None:
                    due_s = max(due_s + self.config.period_s, now_s)
                    yield sample
        finally:
            line.close()
