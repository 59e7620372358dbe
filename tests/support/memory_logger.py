"""A data logger with a memory, as its maker and a hardware partner would ship it: the device, and its adapter.

The device speaks one line a record over TCP: asked ``AFTER n``, it gives every record after number ``n`` and
each new one as it is made: ``number,seconds since 1970 in +09:00,level in mm``. The adapter's half (what a gateway
process imports) needs nothing of the tests.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self

from pydantic import Field

from haechi.contract.places import Datastream, DeviceClock, Step
from haechi.sdk import Adapter, AdapterConfig, NotConnected, Sample

ZONE_S = 9 * 3600
_STEP = Step(1, 1000)


class MemoryLoggerConfig(AdapterConfig):
    """Where the logger is."""

    port: int = Field(ge=1, le=65535, description="TCP port on this machine.")


class MemoryLogger(Adapter[MemoryLoggerConfig]):
    """Reads the logger's memory from where it was last committed."""

    Config: ClassVar = MemoryLoggerConfig

    def describe(self) -> list[Datastream]:
        """Return the level, with the device's own clock."""
        return [
            Datastream(
                id=f"{self.device}.level",
                thing=self.device,
                observed_property="water_level",
                unit="m",
                step=(_STEP.numerator, _STEP.denominator),
                device_time=True,
                device_clock=DeviceClock(zone="+09:00"),
            )
        ]

    async def probe(self) -> str:
        """Say where it is looked for."""
        return f"port {self.config.port}"

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield the records after the last one that is durable; those that were there when it began are history."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.config.port)
        except OSError as error:
            raise NotConnected(f"port {self.config.port}: {error.strerror}", 0.2) from error
        try:
            writer.write(f"AFTER {self.host.cursor or 0}\n".encode())
            newest = int((await reader.readline()) or b"0")
            while line := await reader.readline():
                number, local_s, level_mm = (int(part) for part in line.split(b","))
                yield Sample(
                    (f"{self.device}.level",),
                    (_STEP.value(level_mm),),
                    device_time_us=(local_s - ZONE_S) * 1_000_000,
                    cursor=str(number),
                    history=number <= newest,
                )
            raise NotConnected(f"port {self.config.port} closed the connection", 0.2)
        finally:
            writer.close()


class LoggerDevice:
    """The device: ``async with LoggerDevice() as logger`` listens on a free port of loopback."""

    def __init__(self, begun_s: int = 1_790_000_000) -> None:
        """``begun_s``: when it made its first record, UTC."""
        self._begun_s = begun_s
        self._made = asyncio.Event()
        self._is_open = True
        self.levels_mm: list[int] = []
        self.asked: list[int] = []
        """After which number it was asked, each time."""
        self._readers = 0
        self.given = 0
        """How many records have ever left it, repetitions included."""

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def times_us(self) -> list[int]:
        """When each record was made, UTC."""
        return [(self._begun_s + 60 * number) * 1_000_000 for number in range(len(self.levels_mm))]

    def record(self, *levels_mm: int) -> None:
        """Make records."""
        self.levels_mm += levels_mm
        self._wake()

    async def given_since(self, before: int, count: int) -> None:
        """Wait until so many records have left it since it had given ``before``."""
        async with asyncio.timeout(20):
            while self.given < before + count:  # noqa: ASYNC110 - whoever reads is another process
                await asyncio.sleep(0.01)

    async def is_alone(self) -> None:
        """Wait until nobody is connected any more: a killed gateway's child ends a moment after it."""
        async with asyncio.timeout(20):
            while self._readers:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _hang_up(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            await reader.read()
        self._wake()

    def _wake(self) -> None:
        self._made.set()
        self._made = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._readers += 1
        try:
            after = int((await reader.readline()).split()[1])
            self.asked.append(after)
            gone = asyncio.ensure_future(self._hang_up(reader))
            writer.write(f"{len(self.levels_mm)}\n".encode())
            while self._is_open and not gone.done():
                made = self._made
                for number in range(after, len(self.levels_mm)):
                    local_s = self._begun_s + 60 * number + ZONE_S
                    writer.write(f"{number + 1},{local_s},{self.levels_mm[number]}\n".encode())
                    self.given += 1
                after = len(self.levels_mm)
                await writer.drain()
                await made.wait()
        except (OSError, IndexError, asyncio.CancelledError):
            return  # whoever asked is gone
        finally:
            self._readers -= 1
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._is_open = False
        self._wake()
