"""A partner's adapter that blocks, leaks or floods after its first value, as its configuration says."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import ClassVar, Literal

from pydantic import Field

from haechi.contract.places import Datastream
from haechi.sdk import Adapter, AdapterConfig, Sample


class FaultyConfig(AdapterConfig):
    """What it does."""

    does: Literal["block", "leak", "flood"] = Field(description="Its fault.")


class Faulty(Adapter[FaultyConfig]):
    """One device."""

    Config: ClassVar = FaultyConfig

    def describe(self) -> list[Datastream]:
        """Return its one datastream."""
        return [Datastream(id=f"{self.device}.level", thing=self.device, observed_property="level", unit="m")]

    async def probe(self) -> str:
        """Say nothing of use."""
        return ""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield one value, and misbehave."""
        names = (f"{self.device}.level",)
        kept: list[bytearray] = []
        while True:
            yield Sample(names, (1.0,))
            if self.config.does == "block":
                time.sleep(1000)  # noqa: ASYNC251 - that is its fault
            if self.config.does == "leak":
                kept.append(bytearray(2**20))
                await asyncio.sleep(0.001)
