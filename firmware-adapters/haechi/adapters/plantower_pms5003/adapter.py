"""Plantower PMS5003: emits the mass concentrations "under atmospheric environment" that the sensor computes.

Its other three concentrations (CF = 1) are meant for factory air and are left out. *PMS5003 series data manual* V2.3
(2016-06-01), appendix I: 32 bytes, 42h 4Dh, length 28, thirteen numbers, sum of all bytes before it.
"""

import struct
from typing import ClassVar

from haechi.adapters.plantower_pms5003.config import PlantowerPms5003Config
from haechi.contract.places import Datastream, Step
from haechi.sdk import Sample
from haechi.sdk.framing import FixedSize
from haechi.sdk.talking import Frames, Talking

_FRAME = struct.Struct(">2sH13HH")
_HEADER = b"\x42\x4d\x00\x1c"
_STEP = Step(1, 1)
_MASSES = ("pm1", "pm2_5", "pm10")
_COUNTS = ("particles_0_3", "particles_0_5", "particles_1", "particles_2_5", "particles_5", "particles_10")


class PlantowerPms5003(Talking[PlantowerPms5003Config, bytes]):
    """One sensor."""

    Config: ClassVar = PlantowerPms5003Config
    frame_name = "PMS5003"

    def describe(self) -> list[Datastream]:
        """Return the three mass concentrations, and the particle counts where they are wanted."""
        units = dict.fromkeys(_MASSES, "ug/m3")
        if self.config.particle_counts:
            units |= dict.fromkeys(_COUNTS, "/dL")
        return [self.datastream(name, unit, step=_STEP, period_s=self.config.period_s) for name, unit in units.items()]

    def frames(self) -> Frames[bytes]:
        """Return what finds frames by header and sum."""
        return FixedSize(_HEADER, size=_FRAME.size, is_sound=_sum_agrees)

    def sample_of(self, frame: bytes) -> Sample:
        """Return what a sound frame says."""
        numbers = _FRAME.unpack(frame)[2:15]
        names: tuple[str, ...] = (*_MASSES, *_COUNTS) if self.config.particle_counts else _MASSES
        values = numbers[3 : 3 + len(names)]
        return Sample(tuple(f"{self.device}.{name}" for name in names), tuple(_STEP.value(value) for value in values))


def _sum_agrees(frame: bytes) -> bool:
    return sum(frame[:-2]) == int.from_bytes(frame[-2:], "big")
