"""Ultrasonic gauges that talk by themselves: emits the distance from sensor to water, in metres, as the gauge said it.

What the limits of a gauge mean: at its farthest (and at zero) it heard no echo, so there is no value and ``no_echo``
is counted; at its nearest the water may be nearer still, so the value is emitted with uncertain quality, because
nothing matters more than water that reaches the sensor.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from haechi.adapters.serial_level.config import SerialLevelConfig
from haechi.adapters.serial_level.protocols import A02, MaxbotixR, Talker
from haechi.contract.observations import Quality
from haechi.contract.places import Datastream
from haechi.sdk import Adapter, NotConnected, Sample
from haechi.sdk.transports.serial_line import LineSettings, SerialLine
from haechi.text import _

_UNCERTAIN = (Quality.UNCERTAIN,)


class SerialLevel(Adapter[SerialLevelConfig]):
    """One gauge on one serial port."""

    Config: ClassVar = SerialLevelConfig

    def describe(self) -> list[Datastream]:
        """Return the one datastream: the distance."""
        step = talker_for(self.config).step
        return [
            Datastream(
                id=f"{self.device}.distance",
                thing=self.device,
                observed_property="distance",
                unit="m",
                step=(step.numerator, step.denominator),
                period_s=self.config.period_s,
            )
        ]

    async def probe(self) -> str:
        """Listen until the gauge has said one distance."""
        talker = talker_for(self.config)
        line = self._line()
        try:
            line.open()
            count = (await self._listen(line, talker))[-1]
        finally:
            line.close()
        return _("{port} hears {protocol}: {distance} m").format(
            port=self.config.port, protocol=self.config.protocol, distance=talker.step.value(count)
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield the newest distance, at most one a period."""
        clock = self.host.clock
        datastreams = (f"{self.device}.distance",)
        nearest_m, farthest_m = self.config.range_m
        talker = talker_for(self.config)
        line = self._line()
        try:
            line.open()
            due_s = clock.now()
            while True:
                # Of frames that came together only the newest is as old as its arrival says.
                distance_m = talker.step.value((await self._listen(line, talker))[-1])
                now_s = clock.now()
                if now_s < due_s:
                    continue
                due_s = max(due_s + self.config.period_s, now_s)
                if not 0 < distance_m < farthest_m:
                    self.host.count("no_echo")
                    continue
                yield Sample(datastreams, (distance_m,), _UNCERTAIN if distance_m <= nearest_m else None)
        finally:
            line.close()

    async def _listen(self, line: SerialLine, talker: Talker) -> list[int]:
        """Return the next sound frames, at least one.

        Raises:
            NotConnected: none came within ``silence_s``.
        """
        heard = 0
        try:
            async with asyncio.timeout(self.config.silence_s):
                while True:
                    data = await line.read()
                    heard += len(data)
                    bad_before = talker.bad
                    counts = talker.feed(data)
                    if talker.bad > bad_before:
                        self.host.count("frames_bad", talker.bad - bad_before)
                    if counts:
                        return counts
        except TimeoutError:
            seconds = self.config.silence_s
            if heard:
                what = _(
                    "{port}: {bytes} bytes but no {protocol} frame within {seconds} s; look at baud and protocol"
                ).format(port=self.config.port, bytes=heard, protocol=self.config.protocol, seconds=seconds)
            else:
                what = _("{port}: silent for {seconds} s; look at power and wiring").format(
                    port=self.config.port, seconds=seconds
                )
            raise NotConnected(what, self.config.retry_s) from None

    def _line(self) -> SerialLine:
        return SerialLine(LineSettings(self.config.port, self.config.baud), retry_s=self.config.retry_s)


def talker_for(config: SerialLevelConfig) -> Talker:
    """Return what understands the configured gauge, at the beginning of a stream."""
    if config.protocol == "a02":
        return A02()
    digits = config.digits or (4 if config.resolution == "mm" else 3)
    return MaxbotixR(config.resolution, digits)
