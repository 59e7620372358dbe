"""An SDI-12 sensor that is read once a period: how it is reached stands here, pacing and trouble in ``polled``.

An adapter for such a sensor says which measurement it wants and what the values mean (``sample_of``).
"""

from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, TypeVar

from pydantic import Field

from haechi.sdk.host import Host
from haechi.sdk.polled import Polled, PollKeys
from haechi.sdk.sample import Sample
from haechi.sdk.transports.sdi12 import Sdi12, load_of
from haechi.sdk.transports.serial_line import LineSettings, Parity
from haechi.sdk.wire_load import WireLoad


class Sdi12Keys(PollKeys):
    """How a sensor is reached; its ``Config`` inherits it and sets its maker's defaults."""

    serial_port: str = Field(
        min_length=1, max_length=255, description="Port of the SDI-12 adapter, such as /dev/serial/by-id/usb-…"
    )
    baud: int = Field(default=1200, ge=300, le=4_000_000, description="1200 unless the adapter wants another speed.")
    parity: Parity = Field(default="even", description="even unless the adapter translates: none, even or odd.")
    databits: Literal[7, 8] = Field(default=7, description="7 unless the adapter translates.")
    address: str = Field(default="0", pattern=r"^[0-9a-zA-Z]$", description="The sensor's address on the bus.")
    identity: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="What it answers to aI! behind its address; another sensor is then refused from the start.",
    )
    crc: bool = Field(default=True, description="false for sensors older than SDI-12 1.3, which know no CRC.")
    concurrent: bool = Field(
        default=False, description="true: measure by aC!, so that other sensors are read meanwhile (SDI-12 1.2 on)."
    )
    measuring_s: float = Field(
        default=2.0,
        ge=0,
        le=999,
        description="How long it measures, as its manual says; unless concurrent, nobody else is read meanwhile.",
    )
    period_s: float = Field(default=60.0, ge=0.01, le=86400, description="How often it is read.")

    @property
    def line(self) -> LineSettings:
        """Port and character format."""
        return LineSettings(self.serial_port, self.baud, self.parity, 1, self.databits)


KeysT = TypeVar("KeysT", bound=Sdi12Keys)


class Sdi12Polled(Polled[KeysT]):
    """An adapter for one such sensor."""

    def __init__(self, device: str, config: KeysT, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self.recorder = Sdi12(
            config.line,
            config.address,
            host.clock,
            timeout_s=config.timeout_s,
            retry_s=config.retry_s,
            ready_s_max=self.ready_s_max,
        )
        """What asks the sensor, for adapters that ask more than one measurement."""

    @property
    def measurement(self) -> int:
        """Which measurement is asked for: 0 is aM!, 1 to 9 are aM1! to aM9!."""
        return 0

    @property
    def ready_s_max(self) -> int:
        """Longest time to measure that its document names, in seconds; more is taken for damage."""
        return 60

    @property
    def value_count(self) -> int:
        """How many values a measurement has, as far as that is known before it is made."""
        return 9

    @property
    def setting_count(self) -> int:
        """How many settings a round asks for, besides the measurement."""
        return 0

    def wire_load(self) -> WireLoad | None:
        """Return what a round needs of the line."""
        config = self.config
        return load_of(
            config.line,
            period_s=config.period_s,
            value_count=self.value_count,
            measuring_s=config.measuring_s,
            setting_count=self.setting_count,
            with_crc=config.crc,
            concurrent=config.concurrent,
        )

    @abstractmethod
    def sample_of(self, values: Sequence[Decimal]) -> Sample | None:
        """Return what the values of one measurement say, None where there is none. Does no I/O.

        Raises:
            BadReading: they are not what this kind of sensor answers.
        """

    @property
    def expected_identity(self) -> str:
        """Who must answer, as the configuration says."""
        return self.config.identity or ""

    async def identity(self) -> str:
        """Ask the sensor who it is."""
        return await self.recorder.identify()

    @property
    def name(self) -> str:
        """Where the sensor is, for texts."""
        return self.recorder.name

    def open(self) -> None:
        """Join the bus."""
        self.recorder.join()

    def close(self) -> None:
        """Leave the bus."""
        self.recorder.close()

    def take_strays(self) -> int:
        """Return how many bytes belonged to no command since the last call."""
        strays, self.recorder.strays = self.recorder.strays, 0
        return strays

    async def round(self) -> Sample | None:
        """Measure once."""
        values = await self.recorder.measure(
            number=self.measurement, with_crc=self.config.crc, concurrent=self.config.concurrent
        )
        return self.sample_of(values)
