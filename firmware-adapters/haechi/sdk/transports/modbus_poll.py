"""A Modbus device whose register map its maker fixed: asked whole, once a period, over a serial bus or TCP.

An adapter for such a device says which blocks are read (``reads``) and what their answers mean (``sample_of``);
reaching it, pacing and trouble are the same for all and stand here. Never writes.

A round counts only whole. What answers belong together must not be torn, so when one block is refused, silent or
damaged nothing of that round is emitted and it is counted. The second such round in a row means that the device is
gone; on a shared serial bus it is then tried ever less often, because it costs its neighbours a time-out each time.
"""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import BadReading, NotConnected, wrong
from haechi.sdk.host import Host
from haechi.sdk.sample import Sample
from haechi.sdk.transports.modbus_frames import TARGET_SILENT, Read, Refused
from haechi.sdk.transports.modbus_rtu import ModbusRtu
from haechi.sdk.transports.modbus_tcp import ModbusTcp
from haechi.sdk.transports.serial_line import LineSettings, Parity
from haechi.text import _

_BACK_OFF_S_MAX = 60.0


Master = ModbusRtu | ModbusTcp


class PollKeys(AdapterConfig):
    """What is the same however a device is reached."""

    unit_id: int = Field(default=1, ge=0, le=255, description="The device's address; 1 to 254 on a serial bus.")
    period_s: float = Field(default=1.0, ge=0.05, le=86400, description="How often it is read.")
    timeout_s: float = Field(default=1.0, ge=0.05, le=60, description="How long an answer may take.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before it is tried again.")

    @property
    @abstractmethod
    def shares_a_bus(self) -> bool:
        """Tell whether a silent device costs others their time."""

    @abstractmethod
    def new_master(self) -> Master:
        """Return a master for the device; nothing is opened yet."""


class ModbusTcpKeys(PollKeys):
    """How a device with a network port of its own is reached; its ``Config`` inherits it and sets its defaults."""

    host: str = Field(min_length=1, max_length=253, description="Name or address.")
    port: int = Field(default=502, ge=1, le=65535, description="TCP port.")

    @property
    def shares_a_bus(self) -> bool:
        """Tell that it has a line of its own."""
        return False

    def new_master(self) -> Master:
        """Return a master for the device; nothing is opened yet."""
        return ModbusTcp(self.host, self.port, self.unit_id, timeout_s=self.timeout_s, retry_s=self.retry_s)


class ModbusKeys(PollKeys):
    """How a device on a serial bus is reached; its ``Config`` inherits it and sets its maker's defaults."""

    transport: Literal["rtu", "tcp"] = Field(
        default="rtu", description="rtu: on a serial bus of this gateway; tcp: on one behind an Ethernet converter."
    )
    serial_port: str | None = Field(
        default=None, min_length=1, max_length=255, description="rtu: such as /dev/serial/by-id/usb-…"
    )
    baud: int = Field(default=9600, ge=300, le=4_000_000, description="rtu: bits per second.")
    parity: Parity = Field(default="none", description="rtu: none, even or odd.")
    stopbits: Literal[1, 2] = Field(default=1, description="rtu: stop bits.")
    host: str | None = Field(default=None, min_length=1, max_length=253, description="tcp: name or address.")
    port: int = Field(default=502, ge=1, le=65535, description="tcp: port.")

    @property
    def shares_a_bus(self) -> bool:
        """Tell whether others on this gateway wait while it does not answer."""
        return self.transport == "rtu"

    def new_master(self) -> Master:
        """Return a master for the device; nothing is opened yet."""
        if self.host is not None:
            return ModbusTcp(self.host, self.port, self.unit_id, timeout_s=self.timeout_s, retry_s=self.retry_s)
        settings = LineSettings(self.serial_port or "", self.baud, self.parity, self.stopbits)
        return ModbusRtu(settings, self.unit_id, timeout_s=self.timeout_s, retry_s=self.retry_s)

    @model_validator(mode="after")
    def _reaches_a_device(self) -> Self:
        needed, foreign = ("host", "serial_port") if self.transport == "tcp" else ("serial_port", "host")
        if getattr(self, needed) is None:
            raise wrong(needed, None, _("a value, because transport is {transport}").format(transport=self.transport))
        if getattr(self, foreign) is not None:
            expected = _("nothing, because transport is {transport}").format(transport=self.transport)
            raise wrong(foreign, getattr(self, foreign), expected)
        if self.transport == "rtu" and not 1 <= self.unit_id <= 254:
            raise wrong("unit_id", self.unit_id, _("1 to 254 on a serial bus"))
        return self


KeysT = TypeVar("KeysT", bound=PollKeys)


class ModbusPolled(Adapter[KeysT]):
    """An adapter for one such device."""

    kind: ClassVar[str]
    """What the device is called, for texts: ``a VEGAPULS 61``."""

    def __init__(self, device: str, config: KeysT, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        # One for all starts: on a serial bus it remembers what the device may still answer.
        self._master = self.config.new_master()
        self._starts_in_vain = 0
        self._trouble = ""

    @abstractmethod
    def reads(self) -> Sequence[Read]:
        """Return the blocks of one round, in the order in which they are read; always the same."""

    @abstractmethod
    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return what the data bytes of one round say, None where they hold no value. Does no I/O.

        Raises:
            BadReading: they are not what this kind of device answers.
        """

    async def probe(self) -> str:
        """Read one round and say what came."""
        master = self.config.new_master()
        try:
            master.join(self.reads())
            sample = await self._round(master)
        finally:
            master.close()
        if sample is None:
            return _("{name} answers but has no value").format(name=master.name)
        first = sample.datastreams[0].partition(".")[2]
        return _("{name} answers: {count} values, {first} {value}").format(
            name=master.name, count=len(sample.values), first=first, value=sample.values[0]
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield one sample a period: the values of one round, which share one time."""
        clock, master = self.host.clock, self._master
        failures = 0
        try:
            master.join(self.reads())
            due_s = clock.now()
            while True:
                try:
                    sample = await self._round(master)
                except (NotConnected, BadReading) as error:
                    failures += 1
                    self._count(error)
                    if failures > 1 or self._starts_in_vain:
                        raise self._gone(error) from None
                    sample = None
                else:
                    failures = self._starts_in_vain = 0
                finally:
                    if master.strays:
                        self.host.count("strays", master.strays)
                        master.strays = 0
                if sample is not None:
                    yield sample
                missed = int(max(0.0, clock.now() - due_s) // self.config.period_s)
                if missed:
                    self.host.count("periods_missed", missed)
                due_s += (missed + 1) * self.config.period_s
                await clock.sleep_until(due_s)
        finally:
            master.close()

    def say_once(self, trouble: str) -> None:
        """Log what is wrong with the device's values, once; empty when nothing is any more."""
        if trouble and trouble != self._trouble:
            self.host.log.warning("%s: %s", self._master.name, trouble)
        self._trouble = trouble

    async def _round(self, master: Master) -> Sample | None:
        answers = []
        for read in self.reads():
            try:
                answers.append(await master.read(read))
            except Refused as error:
                if error.code in TARGET_SILENT:
                    raise NotConnected(f"{master.name}: {error}", self.config.retry_s) from None
                what = _("{name} refuses {refusal}; is it {kind}?")
                raise NotConnected(
                    what.format(name=master.name, refusal=error, kind=self.kind), self.config.retry_s
                ) from error
        return self.sample_of(answers)

    def _count(self, error: NotConnected | BadReading) -> None:
        if isinstance(error, BadReading):
            self.host.count("frames_bad")
        else:
            self.host.count("exceptions" if isinstance(error.__cause__, Refused) else "no_answer")

    def _gone(self, error: NotConnected | BadReading) -> NotConnected:
        what, delay_s = f"{self._master.name}: {error}", self.config.retry_s
        if isinstance(error, NotConnected):
            what, delay_s = error.what, max(delay_s, error.retry_after_s)
        if self.config.shares_a_bus:
            delay_s = max(delay_s, min(_BACK_OFF_S_MAX, delay_s * 2.0 ** min(self._starts_in_vain, 10)))
        self._starts_in_vain += 1
        return NotConnected(what, delay_s)
