"""Ultrasonic gauges that talk by themselves: emits the distance from sensor to water, in metres, as the gauge said it.

What the limits of a gauge mean: at its farthest (and at zero) it heard no echo, so there is no value and ``no_echo``
is counted; at its nearest the water may be nearer still, so the value is emitted with uncertain quality, because
nothing matters more than water that reaches the sensor.
"""

from typing import ClassVar

from haechi.adapters.serial_level.config import SerialLevelConfig
from haechi.adapters.serial_level.protocols import A02, MaxbotixR, Talker
from haechi.contract.observations import Quality
from haechi.contract.places import Datastream
from haechi.sdk import Host, Sample
from haechi.sdk.talking import Talking

_UNCERTAIN = (Quality.UNCERTAIN,)


class SerialLevel(Talking[SerialLevelConfig, int]):
    """One gauge on one serial port."""

    Config: ClassVar = SerialLevelConfig

    def __init__(self, device: str, config: SerialLevelConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self.frame_name = config.protocol
        self._step = talker_for(config).step

    def describe(self) -> list[Datastream]:
        """Return the one datastream: the distance."""
        step = self._step
        return [self.datastream("distance", "m", step=step, period_s=self.config.period_s)]

    def frames(self) -> Talker:
        """Return what finds its distances, in steps."""
        return talker_for(self.config)

    def sample_of(self, frame: int) -> Sample | None:
        """Return the distance that a gauge has said; None where it heard no echo."""
        nearest_m, farthest_m = self.config.range_m
        distance_m = self._step.value(frame)
        if not 0 < distance_m < farthest_m:
            self.host.count("no_echo")
            return None
        return Sample((f"{self.device}.distance",), (distance_m,), _UNCERTAIN if distance_m <= nearest_m else None)


def talker_for(config: SerialLevelConfig) -> Talker:
    """Return what understands the configured gauge, at the beginning of a stream."""
    if config.protocol == "a02":
        return A02()
    digits = config.digits or (4 if config.resolution == "mm" else 3)
    return MaxbotixR(config.resolution, digits)
