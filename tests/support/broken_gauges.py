"""Gauges that each break a rule of the conformance kit, and are sound in all else."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import ClassVar

from pydantic import ConfigDict, Field

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import NotConnected, Sample
from haechi.sdk.recording import Recording
from haechi.sdk.scaffold.skeleton.adapter import AcmeGauge
from haechi.sdk.scaffold.skeleton.config import AcmeGaugeConfig
from haechi.sdk.scaffold.skeleton.protocol import STEP, Lines
from haechi.sdk.transports.serial_line import SerialLine


class Careless(AcmeGauge):
    """Reads like the sound one; what it makes of a line is for others to break."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        line, lines = self._line(), Lines()
        names = (f"{self.device}.level",)
        try:
            line.open()
            while True:
                for level_m in await self.levels(line, lines):
                    yield Sample(names, (level_m,))
        finally:
            line.close()

    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        return [STEP.value((await self._listen(line, lines)).level_mm)]


class Ignores(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Takes any key."""

        model_config = ConfigDict(extra="ignore")


class Undescribed(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Has a key that nobody explains."""

        colour: str = "red"


class Unused(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Has a key that does nothing."""

        colour: str = Field(default="red", description="Nothing looks at it.")


class WrongUnit(AcmeGauge):
    def describe(self) -> list[Datastream]:
        (one,) = super().describe()
        return [Datastream(id=one.id, thing=one.thing, observed_property="water_level", unit="km/h")]


class Surprising(Careless):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            yield Sample((f"{self.device}.depth",), sample.values)


class Smoothing(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        return [(await super().levels(line, lines))[0] / 2 + 0.001]


class Holding(AcmeGauge):
    kept: ClassVar[list[SerialLine]] = []

    async def samples(self) -> AsyncGenerator[Sample, None]:
        line = self._line()
        self.kept.append(line)
        line.open()
        while True:
            yield Sample((f"{self.device}.level",), (STEP.value((await self._listen(line, Lines())).level_mm),))


class Stealing(Careless):
    opened: ClassVar[list[SerialLine]] = []

    def _line(self) -> SerialLine:
        for line in self.opened:
            line.close()
        line = super()._line()
        self.opened.append(line)
        return line


class Leaking(AcmeGauge):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        line = self._line()
        line.open()
        await asyncio.sleep(0.001)  # cancelled here, nobody closes it
        try:
            while True:
                yield Sample((f"{self.device}.level",), (STEP.value((await self._listen(line, Lines())).level_mm),))
        finally:
            line.close()


class Restless(Careless):
    """Leaves a task behind at every start."""

    kept: ClassVar[list["asyncio.Task[None]"]] = []

    async def samples(self) -> AsyncGenerator[Sample, None]:
        self.kept.append(asyncio.create_task(asyncio.sleep(3600)))
        async with aclosing(super().samples()) as samples:
            async for sample in samples:
                yield sample


class Sleepy(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        time.sleep(0.3)  # noqa: ASYNC251 - that is what it does wrong
        return await super().levels(line, lines)


class Zero(AcmeGauge):
    """Counts that there is no echo, and says zero all the same."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        line, lines = self._line(), Lines()
        clock = self.host.clock
        due_s = 0.0
        try:
            line.open()
            while True:
                said = await self._listen(line, lines)
                if not said.has_echo:
                    self.host.count("no_echo")
                if clock.now() >= due_s:
                    due_s = clock.now() + self.config.period_s
                    yield Sample((f"{self.device}.level",), (STEP.value(said.level_mm) if said.has_echo else 0.0,))
        finally:
            line.close()


class Talkative(AcmeGauge):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        try:
            async for sample in super().samples():
                yield sample
        except NotConnected as error:
            raise NotConnected(f"it failed\n{error}", 1.0) from None

    async def probe(self) -> str:
        return f"all is well\n{await super().probe()}"


class Hasty(Careless):
    """Makes up for what it missed while the machine slept."""

    due_s = 0.0

    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        (level_m,) = await super().levels(line, lines)
        now_s = self.host.clock.now()
        missed = min(5000, int((now_s - (self.due_s or now_s)) / self.config.period_s))
        self.due_s = now_s
        return [level_m] * (missed + 1)


class Hoarding(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        came = await super().levels(line, lines)
        self.all = [*getattr(self, "all", ()), [*came]]
        return came


class Offended(AcmeGauge):
    begun = False

    async def samples(self) -> AsyncGenerator[Sample, None]:
        try:
            async for sample in super().samples():
                yield sample
        except NotConnected:
            self.begun = True
            raise
        finally:
            if self.begun:
                self.config = self.config.model_copy(update={"port": None})


class Nervous(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        came = await super().levels(line, lines)
        if lines.bad:
            raise ValueError("a damaged line")
        return came


class Impatient(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        return [int((await line.read())[5:9]) / 1000]


class Credulous(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        data = await line.read()
        return [said.level_mm / 1000 for said in lines.feed(data)] or [int.from_bytes(data[:2], "big") / 1000]


class Inventive(Careless):
    last_m = 0.0

    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        try:
            async with asyncio.timeout(0.04):
                (self.last_m,) = await super().levels(line, lines)
        except TimeoutError:
            self.last_m += 0.001  # "it was rising"
        return [self.last_m]


class Indiscreet(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Has a secret."""

        password: str = Field(default="", max_length=64, description="What opens the line.")

    async def samples(self) -> AsyncGenerator[Sample, None]:
        self.host.log.debug("logging in with %s", getattr(self.config, "password", ""))
        async with aclosing(super().samples()) as samples:
            async for sample in samples:
                yield sample


class Complaining(Indiscreet):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        async with aclosing(AcmeGauge.samples(self)) as samples:
            try:
                async for sample in samples:
                    yield sample
            except NotConnected as error:
                raise NotConnected(f"{error.what} with {getattr(self.config, 'password', '')}", 0.1) from None


class Discreet(Indiscreet):
    samples = AcmeGauge.samples


def decode_off_by_one(_self: object, data: bytes, _recording: Recording) -> list[tuple[str, Value]]:
    return [("level", STEP.value(said.level_mm + 1)) for said in Lines().feed(data) if said.has_echo]


def decode_unchecked(_self: object, data: bytes, _recording: Recording) -> list[tuple[str, Value]]:
    return [("level", int(found) / 1000) for found in re.findall(rb"(\d{4}),[01]\*", data)]


def decode_hastily(_self: object, data: bytes, _recording: Recording) -> list[tuple[str, Value]]:
    return [("level", int(found) / 1000) for found in re.findall(rb"\$LVL,(\d{1,4})(?!\d|,2)", data)]
