"""The post as the gateway sees it: emits battery and siren as the post said them, and sounds the siren on command.

Commands have a connection of their own, so that reading never waits for them. What a post confirmed too late reaches
nobody: the connection is closed by then.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import Actuator, Adapter, NotConnected, NotDone, Sample
from haechi.sdk.scaffold.post.config import AcmePostConfig
from haechi.sdk.scaffold.post.protocol import STEP, Lines, Said, order
from haechi.sdk.transports.tcp_line import TcpLine


class AcmePost(Adapter[AcmePostConfig]):
    """One post."""

    Config: ClassVar = AcmePostConfig

    def describe(self) -> list[Datastream]:
        """Return the battery, and whether the siren sounds."""
        period_s = self.config.period_s
        return [
            self.datastream("battery", "V", observed_property="battery_voltage", step=STEP, period_s=period_s),
            self.datastream("siren", "1", observed_property="siren_state", kind="bool", period_s=period_s),
        ]

    def actuators(self) -> list[Actuator]:
        """Return the siren."""
        return [Actuator(name="siren", kind="switch", fail_safe=False, on_s_max=self.config.on_s_max)]

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        """Tell the post once, and wait for what it says to that."""
        self.admitted(actuator, value, on_s)
        line = self._line()
        try:
            await line.open()
        except NotConnected as error:
            raise NotDone(error.what) from None
        try:
            await line.write(order(sounds=bool(value), on_s=min(on_s, self.config.on_s_max)))
            async with asyncio.timeout(self.config.answer_s):
                said = await self._answer(line)
        except TimeoutError:
            what = f"{line.name} has not answered a command within {self.config.answer_s} s"
            raise NotConnected(what, self.config.retry_s) from None
        finally:
            line.close()
        if not said.obeys:
            raise NotDone(f"{line.name} does not obey; look at its key switch")
        if said.sounds != value:
            raise NotConnected(f"{line.name} has taken a command, but its siren stands otherwise", self.config.retry_s)

    async def probe(self) -> str:
        """Listen until the post has said one line."""
        line = self._line()
        try:
            await line.open()
            said = await self._report(line, Lines())
        finally:
            line.close()
        return f"{line.name} is a post: {STEP.value(said.millivolts or 0)} V"

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield the newest report, at most one a period."""
        clock = self.host.clock
        datastreams = (f"{self.device}.battery", f"{self.device}.siren")
        line, lines = self._line(), Lines()
        try:
            await line.open()
            due_s = clock.now()
            while True:
                said = await self._report(line, lines)
                if clock.now() >= due_s:
                    due_s = max(due_s + self.config.period_s, clock.now())
                    yield Sample(datastreams, (STEP.value(said.millivolts or 0), said.sounds))
        finally:
            line.close()

    async def _report(self, line: TcpLine, lines: Lines) -> Said:
        """Return the newest of the next reports.

        Raises:
            NotConnected: none came within ``silence_s``.
        """
        try:
            async with asyncio.timeout(self.config.silence_s):
                while True:
                    bad_before = lines.bad
                    reports = [said for said in lines.feed(await line.read()) if said.millivolts is not None]
                    if lines.bad > bad_before:
                        self.host.count("frames_bad", lines.bad - bad_before)
                    if reports:
                        return reports[-1]
        except TimeoutError:
            what = f"{line.name}: no sound line for {self.config.silence_s} s; look at power and network"
            raise NotConnected(what, self.config.retry_s) from None

    async def _answer(self, line: TcpLine) -> Said:
        """Return what the post says to a command; its reports go on meanwhile."""
        lines = Lines()
        while True:
            for said in lines.feed(await line.read()):
                if said.millivolts is None:
                    return said

    def _line(self) -> TcpLine:
        config = self.config
        return TcpLine(config.host, config.port, timeout_s=config.answer_s, retry_s=config.retry_s)
