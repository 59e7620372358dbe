"""A post with a siren, as its maker and a hardware partner would ship it: the device, and its adapter.

The device greets whoever connects, takes one line (``ON seconds``, ``OFF``), and answers ``OK``. A device that does not
greet holds its adapter up before anything is written.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self

from pydantic import Field

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import Actuator, Adapter, AdapterConfig, NotDone, Sample


class SirenPostConfig(AdapterConfig):
    """Where the post is."""

    port: int = Field(ge=1, le=65535, description="TCP port on this machine.")


class SirenPost(Adapter[SirenPostConfig]):
    """Sounds the siren; has nothing to read but whether it is there."""

    Config: ClassVar = SirenPostConfig

    def describe(self) -> list[Datastream]:
        """Return the one datastream."""
        name = f"{self.device}.alive"
        return [Datastream(id=name, thing=self.device, observed_property="alive", unit="1", kind="bool")]

    async def probe(self) -> str:
        """Say where it is looked for."""
        return f"port {self.config.port}"

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Say once that it is there."""
        yield Sample((f"{self.device}.alive",), (True,))
        await asyncio.get_running_loop().create_future()

    def actuators(self) -> list[Actuator]:
        """Return the siren."""
        return [Actuator(name="siren", kind="switch", fail_safe=False, on_s_max=60.0)]

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        """Write one line and wait for the answer."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.config.port)
        except OSError as error:
            raise NotDone(f"{actuator}: {error.strerror}") from error
        try:
            await reader.readline()
            writer.write(f"ON {on_s:g}\n".encode() if value else b"OFF\n")
            if await reader.readline() != b"OK\n":
                raise OSError("no answer")
        finally:
            writer.close()


class SirenDevice:
    """The device: ``async with SirenDevice() as siren`` listens on a free port of loopback."""

    def __init__(self) -> None:
        """Begin silent."""
        self.told: list[str] = []
        """Every line that it was ever told."""
        self.met = 0
        """How often somebody connected."""
        self.greets = asyncio.Event()
        self.greets.set()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def until(self, *told: str) -> None:
        """Wait until it was told exactly this."""
        async with asyncio.timeout(20):
            while self.told != list(told):  # noqa: ASYNC110 - whoever tells is another process
                await asyncio.sleep(0.01)

    async def is_met(self, times: int) -> None:
        """Wait until somebody has connected so often."""
        async with asyncio.timeout(20):
            while self.met < times:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        with suppress(OSError, asyncio.CancelledError):
            await self.greets.wait()
            writer.write(b"HELLO\n")
            if line := (await reader.readline()).decode().strip():
                self.told.append(line)
                writer.write(b"OK\n")
        writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.greets.set()
