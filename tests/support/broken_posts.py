"""Posts with a siren that each break a rule about commands, and are sound in all else."""

from collections.abc import AsyncGenerator

from haechi.contract.observations import Value
from haechi.sdk import Actuator, NotConnected, NotDone, Sample
from haechi.sdk.scaffold.post.adapter import AcmePost
from haechi.sdk.scaffold.post.protocol import Said
from haechi.sdk.transports.tcp_line import TcpLine


class Greeting(AcmePost):
    """Silences the siren to be on the safe side, though nobody told it to."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        await self.actuate("siren", value=False, on_s=1.0)
        async for sample in super().samples():
            yield sample


class Trusting(AcmePost):
    def admitted(self, actuator: str, value: Value, on_s: float) -> Actuator:
        if actuator != "siren":
            raise NotDone(actuator)
        return self.actuators()[0]


class Stubborn(AcmePost):
    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        try:
            await super().actuate(actuator, value, on_s)
        except NotConnected:
            await super().actuate(actuator, value, on_s)


class Soothing(AcmePost):
    """Says that nothing was changed where nobody knows."""

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        try:
            await super().actuate(actuator, value, on_s)
        except NotConnected as error:
            raise NotDone(error.what) from None


class Hopeful(AcmePost):
    async def _answer(self, line: TcpLine) -> Said:
        said = await super()._answer(line)
        return said._replace(sounds=True)


class Forgetful(AcmePost):
    """Silences only what it remembers to have sounded."""

    has_sounded = False

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.admitted(actuator, value, on_s)
        if not value and not self.has_sounded:
            return
        await super().actuate(actuator, value, on_s)
        self.has_sounded = bool(value)


class Generous(AcmePost):
    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.admitted(actuator, value, on_s)
        await super().actuate(actuator, value, self.config.on_s_max)


class Insisting(AcmePost):
    """Tells the siren again what it was told first, as long as it reads."""

    wanted = False

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.wanted |= bool(value)
        await super().actuate(actuator, value, on_s)

    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            if self.wanted and not sample.values[1]:
                await super().actuate("siren", value=True, on_s=1.0)
            yield sample
