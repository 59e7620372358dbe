"""Lufft IRS31Pro-UMB: emits the road's temperature, water film and condition as the sensor says them.

A channel that answers with a status other than zero, or with the error code of its coding, has no value: it is left
out and counted, and the others of the same answer are emitted.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

from haechi.adapters.lufft_irs31.channels import CHANNELS, Channel
from haechi.adapters.lufft_irs31.config import LufftIrs31Config
from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.polled import Polled
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.transports.umb import Umb, load_of
from haechi.sdk.transports.umb_frames import ChannelValue
from haechi.sdk.wire_load import WireLoad
from haechi.text import _


class LufftIrs31(Polled[LufftIrs31Config]):
    """One sensor."""

    Config: ClassVar = LufftIrs31Config

    def __init__(self, device: str, config: LufftIrs31Config, host: Host) -> None:
        """Plan the request; open nothing."""
        super().__init__(device, config, host)
        self._channels = [(name, CHANNELS[config.coding][name]) for name in config.values]
        self._numbers = [channel.number for _name, channel in self._channels]
        self._line = LineSettings(config.serial_port, config.baud, config.parity)
        self._umb = Umb(
            self._line,
            config.class_id << 12 | config.device_id,
            timeout_s=config.timeout_s,
            retry_s=config.retry_s,
        )

    def describe(self) -> list[Datastream]:
        """Return one datastream for each value that is read."""
        return [
            self.datastream(name, channel.unit, step=channel.step, period_s=self.config.period_s)
            for name, channel in self._channels
        ]

    def wire_load(self) -> WireLoad | None:
        """Return what its requests need of the bus."""
        return load_of(self._line, len(self._numbers), period_s=self.config.period_s)

    @property
    def name(self) -> str:
        """Where the sensor is, for texts."""
        return self._umb.name

    @property
    def numbers(self) -> Sequence[int]:
        """Return the channels of one request, in order."""
        return self._numbers

    def open(self) -> None:
        """Join the bus."""
        self._umb.join()

    def close(self) -> None:
        """Leave the bus."""
        self._umb.close()

    def take_strays(self) -> int:
        """Return how many bytes belonged to no request since the last call."""
        strays, self._umb.strays = self._umb.strays, 0
        return strays

    async def identity(self) -> str:
        """Ask the sensor for its name and versions."""
        return await self._umb.identify()

    async def round(self) -> Sample | None:
        """Ask for all channels at once."""
        return self.sample_of(await self._umb.read(self._numbers))

    def sample_of(self, said: Sequence[ChannelValue]) -> Sample | None:
        """Return what the channels say; does no I/O.

        Raises:
            BadReading: a channel gives another kind of number than the manual says.
        """
        names: list[str] = []
        values: list[Value] = []
        statuses: list[str] = []
        for (name, channel), one in zip(self._channels, said, strict=True):
            value = None if one.value is None else _value(channel, one.value)
            if value is None:
                self.host.count("values_invalid")
                statuses.append(f"{one.channel}: {one.status:02x}h")
                continue
            names.append(f"{self.device}.{name}")
            values.append(value)
        self.say_once(
            _("channels without a value, and their status: {list}").format(list=", ".join(statuses)) if statuses else ""
        )
        return Sample(tuple(names), tuple(values)) if names else None


def _value(channel: Channel, said: float) -> float | None:
    if not math.isfinite(said) or said == channel.error:
        return None
    if channel.step is None:
        return said * channel.factor
    if not isinstance(said, int):
        raise BadReading(
            _("channel {channel} gives a fraction, where the manual says integers").format(channel=channel.number)
        )
    return channel.step.value(said)
