"""The gauge as the gateway sees it: emits the level as the gauge said it, in metres, and nothing else.

While the gauge warms up its values bear uncertain quality; where it hears no echo there is no value, and ``no_echo`` is
counted.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from haechi.contract.observations import Quality
from haechi.contract.places import Datastream
from haechi.sdk import Adapter, NotConnected, Sample
from haechi.sdk.transports.serial_line import LineSettings, SerialLine
from support.frozen_sdk_1_0.config import FrozenGaugeConfig
from support.frozen_sdk_1_0.protocol import STEP, Lines, Said


class FrozenGauge(Adapter[FrozenGaugeConfig]):
    """One gauge on one serial port."""

    Config: ClassVar = FrozenGaugeConfig

    def describe(self) -> list[Datastream]:
        """Return the one datastream: the level."""
        return [
            Datastream(
                id=f"{self.device}.level",
                thing=self.device,
                observed_property="water_level",
                unit="m",
                step=STEP,
                period_s=self.config.period_s,
            )
        ]

    async def probe(self) -> str:
        """Listen until the gauge has said one line."""
        line = self._line()
        try:
            line.open()
            said = await self._listen(line, Lines())
        finally:
            line.close()
        return f"{self.config.port} hears a gauge: {STEP.value(said.level_mm)} m"

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield the newest level, at most one a period."""
        clock = self.host.clock
        datastreams = (f"{self.device}.level",)
        line, lines = self._line(), Lines()
        try:
            line.open()
            due_s = clock.now()
            while True:
                said = await self._listen(line, lines)
                if not said.has_echo:
                    self.host.count("no_echo")
                elif clock.now() >= due_s:
                    due_s = max(due_s + self.config.period_s, clock.now())
                    qualities = (Quality.UNCERTAIN,) if said.is_warming_up else None
                    yield Sample(datastreams, (STEP.value(said.level_mm),), qualities)
        finally:
            line.close()

    async def _listen(self, line: SerialLine, lines: Lines) -> Said:
        """Return the newest of the next sound lines.

        Raises:
            NotConnected: none came within ``silence_s``.
        """
        try:
            async with asyncio.timeout(self.config.silence_s):
                while True:
                    data = await line.read()
                    bad_before = lines.bad
                    said = lines.feed(data)
                    if lines.bad > bad_before:
                        self.host.count("frames_bad", lines.bad - bad_before)
                    if said:
                        return said[-1]
        except TimeoutError:
            what = f"{self.config.port}: no sound line for {self.config.silence_s} s; look at power, wiring and baud"
            raise NotConnected(what, self.config.retry_s) from None

    def _line(self) -> SerialLine:
        return SerialLine(LineSettings(self.config.port, self.config.baud), retry_s=self.config.retry_s)
