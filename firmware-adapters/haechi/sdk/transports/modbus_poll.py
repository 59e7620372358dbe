"""A Modbus device whose register map its maker fixed: asked whole, once a period, over a serial bus or TCP.

An adapter for such a device says which blocks are read (``reads``) and what their answers mean (``sample_of``).
Reaching it stands here, pacing and trouble in :mod:`haechi.sdk.polled`. Never writes.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from haechi.sdk.errors import NotConnected, wrong
from haechi.sdk.host import Host
from haechi.sdk.polled import Polled, PollKeys, Refusal
from haechi.sdk.sample import Sample
from haechi.sdk.transports.modbus_frames import TARGET_SILENT, Read, Refused
from haechi.sdk.transports.modbus_rtu import ModbusRtu, load_of
from haechi.sdk.transports.modbus_tcp import ModbusTcp
from haechi.sdk.transports.serial_line import LineSettings, Parity
from haechi.sdk.wire_load import WireLoad
from haechi.text import _

Master = ModbusRtu | ModbusTcp


class ModbusPollKeys(PollKeys):
    """What is the same however a Modbus device is reached."""

    unit_id: int = Field(default=1, ge=0, le=255, description="The device's address; 1 to 254 on a serial bus.")

    @property
    @abstractmethod
    def line(self) -> LineSettings | None:
        """The serial bus of this gateway that the device is on; None where it is on the network."""

    @property
    def shares_a_bus(self) -> bool:
        """Tell whether others on this gateway wait while it does not answer."""
        return self.line is not None

    @abstractmethod
    def new_master(self) -> Master:
        """Return a master for the device; nothing is opened yet."""


class ModbusTcpKeys(ModbusPollKeys):
    """How a device with a network port of its own is reached; its ``Config`` inherits it and sets its defaults."""

    host: str = Field(min_length=1, max_length=253, description="Name or address.")
    port: int = Field(default=502, ge=1, le=65535, description="TCP port.")

    @property
    def line(self) -> None:
        """None: it is on the network."""
        return None

    def new_master(self) -> Master:
        """Return a master for the device; nothing is opened yet."""
        return ModbusTcp(self.host, self.port, self.unit_id, timeout_s=self.timeout_s, retry_s=self.retry_s)


class ModbusKeys(ModbusPollKeys):
    """How a device on a serial bus is reached; its ``Config`` inherits it and sets its maker's defaults."""

    unit_id_max: ClassVar[int] = 254
    """Highest address on a serial bus: the standard's is 247, and some makers use more."""
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
    def line(self) -> LineSettings | None:
        """The serial bus of this gateway that the device is on; None behind an Ethernet converter."""
        if self.serial_port is None:
            return None
        return LineSettings(self.serial_port, self.baud, self.parity, self.stopbits)

    def new_master(self) -> Master:
        """Return a master for the device; nothing is opened yet."""
        if self.line is not None:
            return ModbusRtu(self.line, self.unit_id, timeout_s=self.timeout_s, retry_s=self.retry_s)
        return ModbusTcp(self.host or "", self.port, self.unit_id, timeout_s=self.timeout_s, retry_s=self.retry_s)

    @model_validator(mode="after")
    def _reaches_a_device(self) -> Self:
        needed, foreign = ("host", "serial_port") if self.transport == "tcp" else ("serial_port", "host")
        if getattr(self, needed) is None:
            raise wrong(needed, None, _("a value, because transport is {transport}").format(transport=self.transport))
        if getattr(self, foreign) is not None:
            expected = _("nothing, because transport is {transport}").format(transport=self.transport)
            raise wrong(foreign, getattr(self, foreign), expected)
        if self.transport == "rtu" and not 1 <= self.unit_id <= self.unit_id_max:
            raise wrong("unit_id", self.unit_id, _("1 to {most} on a serial bus").format(most=self.unit_id_max))
        return self


KeysT = TypeVar("KeysT", bound=ModbusPollKeys)


class ModbusPolled(Polled[KeysT]):
    """An adapter for one such device."""

    kind: ClassVar[str]
    """What the device is called, for texts: ``a VEGAPULS 61``."""
    identity_read: ClassVar[Read | None] = None
    """Where it says who it is, such as its serial number; None where it does not."""

    def __init__(self, device: str, config: KeysT, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        # One for all starts: on a serial bus it remembers what the device may still answer.
        self._master = config.new_master()

    @abstractmethod
    def reads(self) -> Sequence[Read]:
        """Return the blocks of one round, in the order in which they are read; always the same."""

    @abstractmethod
    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return what the data bytes of one round say, None where they hold no value. Does no I/O.

        Raises:
            BadReading: they are not what this kind of device answers.
        """

    def identity_of(self, answer: bytes) -> str:
        """Return who the device is by the data bytes of ``identity_read``. Does no I/O."""
        return answer.hex()

    async def identity(self) -> str:
        """Read who the device is."""
        if self.identity_read is None:
            return ""
        try:
            return self.identity_of(await self._master.read(self.identity_read))
        except Refused:  # an older one, which has no such registers
            return ""

    def wire_load(self) -> WireLoad | None:
        """Return what the reads need of a serial bus; None on the network."""
        line = self.config.line
        return None if line is None else load_of(line, [(read, self.config.period_s) for read in self.reads()])

    @property
    def name(self) -> str:
        """Where the device is, for texts."""
        return self._master.name

    def open(self) -> None:
        """Join the bus; over TCP the first read connects."""
        self._master.join(self.reads() if self.identity_read is None else [*self.reads(), self.identity_read])

    def close(self) -> None:
        """Leave the bus, or close the connection."""
        self._master.close()

    def take_strays(self) -> int:
        """Return how many bytes or answers belonged to no request since the last call."""
        strays, self._master.strays = self._master.strays, 0
        return strays

    async def round(self) -> Sample | None:
        """Read every block once."""
        answers = []
        for read in self.reads():
            try:
                answers.append(await self._master.read(read))
            except Refused as error:
                if error.code in TARGET_SILENT:
                    raise NotConnected(f"{self.name}: {error}", self.config.retry_s) from None
                what = _("{name} refuses {refusal}; is it {kind}?")
                raise Refusal(
                    what.format(name=self.name, refusal=error, kind=self.kind), self.config.retry_s
                ) from error
        return self.sample_of(answers)
