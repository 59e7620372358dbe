"""Devices that are asked: one round of questions a period, one sample a round, and the same manners when it fails.

An adapter for such a device says how it is reached (``open``, ``close``) and what one round is (``round``). What
belongs together must not be torn, so a round counts whole or not at all: where a part of it is refused, silent or
damaged, nothing of it is emitted and it is counted. The second such round in a row means that the device is gone; on
a bus it is then tried ever less often, because it costs its neighbours a time-out each time. Who answers is read with
the first round after opening, and after every trouble (``identity``).
"""

from abc import abstractmethod
from collections.abc import AsyncGenerator
from typing import TypeVar

from pydantic import Field

from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import BadReading, NotConnected
from haechi.sdk.host import Host
from haechi.sdk.identity import Identity, OtherDevice
from haechi.sdk.sample import Sample
from haechi.text import _

_BACK_OFF_S_MAX = 60.0


class Refusal(NotConnected):
    """The device is there, but refuses what it is asked: it is another device, or set up otherwise."""


class PollKeys(AdapterConfig):
    """What the configuration of every such device has."""

    period_s: float = Field(default=1.0, ge=0.01, le=86400, description="How often it is read.")
    timeout_s: float = Field(default=1.0, ge=0.05, le=60, description="How long an answer may take.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before it is tried again.")

    @property
    def shares_a_bus(self) -> bool:
        """Tell whether others on this gateway wait while it does not answer."""
        return True


KeysT = TypeVar("KeysT", bound=PollKeys)


class Polled(Adapter[KeysT]):
    """An adapter for one such device."""

    def __init__(self, device: str, config: KeysT, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._starts_in_vain = 0
        self._trouble = ""
        self._who = Identity(self.expected_identity)

    @property
    def expected_identity(self) -> str:
        """Who must answer; empty believes the first who does."""
        return ""

    @property
    @abstractmethod
    def name(self) -> str:
        """Where the device is, for texts: ``/dev/ttyUSB0 unit 7``."""

    @abstractmethod
    def open(self) -> None:
        """Take what is needed to reach the device.

        Raises:
            NotConnected: it cannot be taken.
            ConfigError: it is in use with other settings.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of it at once; may be called more than once, and without :meth:`open`."""

    @abstractmethod
    async def round(self) -> Sample | None:
        """Ask once and return what it said, None where it has no value.

        Raises:
            NotConnected: it does not answer.
            Refusal: it refuses.
            BadReading: what came is not an answer.
        """

    async def identity(self) -> str:
        """Ask the device who it is: the same text for as long as it is the same device; empty where it cannot say.

        Raises:
            NotConnected: it does not answer that.
            BadReading: what came is not an answer.
        """
        return ""

    @abstractmethod
    def take_strays(self) -> int:
        """Return how many bytes or answers belonged to no question since the last call."""

    async def probe(self) -> str:
        """Ask one round and say what came."""
        try:
            self.open()
            sample = await self.round()
        except BadReading as error:
            raise NotConnected(f"{self.name}: {error}", self.config.retry_s) from error
        finally:
            self.close()
        if sample is None:
            return _("{name} answers but has no value").format(name=self.name)
        first = sample.datastreams[0].partition(".")[2]
        return _("{name} answers: {count} values, {first} {value}").format(
            name=self.name, count=len(sample.values), first=first, value=sample.values[0]
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield one sample a period: the values of one round, which share one time."""
        clock = self.host.clock
        failures = 0
        is_known = False
        try:
            self.open()
            due_s = clock.now()
            while True:
                try:
                    sample = await self.round()
                    if not is_known:
                        await self._who.heed(self.name, self.identity, retry_s=self.config.retry_s)
                        is_known = True
                except (NotConnected, BadReading) as error:
                    sample, is_known = None, False
                    failures += 1
                    self._count(error)
                    if failures > 1 or isinstance(error, OtherDevice) or self._starts_in_vain:
                        raise self._gone(error) from None
                else:
                    failures = self._starts_in_vain = 0
                finally:
                    if strays := self.take_strays():
                        self.host.count("strays", strays)
                if sample is not None:
                    yield sample
                missed = int(max(0.0, clock.now() - due_s) // self.config.period_s)
                if missed:
                    self.host.count("periods_missed", missed)
                due_s += (missed + 1) * self.config.period_s
                await clock.sleep_until(due_s)
        finally:
            self.close()

    def say_once(self, trouble: str) -> None:
        """Log what is wrong with the device's values when it changes; empty when nothing is any more."""
        if trouble and trouble != self._trouble:
            self.host.log.warning("%s: %s", self.name, trouble)
        self._trouble = trouble

    def _count(self, error: NotConnected | BadReading) -> None:
        match error:
            case OtherDevice():
                self.host.count("other_device")
            case Refusal():
                self.host.count("refusals")
            case NotConnected():
                self.host.count("no_answer")
            case _:
                self.host.count("frames_bad")

    def _gone(self, error: NotConnected | BadReading) -> NotConnected:
        what, delay_s = f"{self.name}: {error}", self.config.retry_s
        if isinstance(error, NotConnected):
            what, delay_s = error.what, max(delay_s, error.retry_after_s)
        if self.config.shares_a_bus:
            delay_s = max(delay_s, min(_BACK_OFF_S_MAX, delay_s * 2.0 ** min(self._starts_in_vain, 10)))
        self._starts_in_vain += 1
        return NotConnected(what, delay_s)
