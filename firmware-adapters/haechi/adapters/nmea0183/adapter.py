"""NMEA 0183 receivers: emits position, and what else the chosen sentence says, as the receiver said it.

A sentence that says that there is no fix, or that its fix is simulated, has no value and is counted; one that was
estimated (dead reckoning) or entered by hand is emitted with uncertain quality.
"""

from typing import ClassVar

from haechi.adapters.nmea0183.config import Nmea0183Config
from haechi.adapters.nmea0183.sentences import Sentences, said_of
from haechi.contract.observations import Quality
from haechi.contract.places import Datastream
from haechi.sdk import Sample
from haechi.sdk.talking import Frames, Talking

_UNITS = {
    "RMC": {"latitude": "deg", "longitude": "deg", "speed": "[kn_i]", "course": "deg", "utc": "1"},
    "GGA": {"latitude": "deg", "longitude": "deg", "altitude": "m", "satellites": "1", "hdop": "1"},
}


class Nmea0183(Talking[Nmea0183Config, bytes]):
    """One receiver."""

    Config: ClassVar = Nmea0183Config
    frame_name = "NMEA 0183"

    def describe(self) -> list[Datastream]:
        """Return one datastream for each field of the sentence that is used."""
        return [
            self.datastream(name, unit, kind="text" if name == "utc" else "number", period_s=self.config.period_s)
            for name, unit in _UNITS[self.config.sentence].items()
        ]

    def frames(self) -> Frames[bytes]:
        """Return what finds the chosen sentence."""
        return Sentences(self.config.sentence)

    def sample_of(self, frame: bytes) -> Sample | None:
        """Return what a sound sentence says."""
        said = said_of(frame)
        if said is None:
            self.host.count("no_fix")
            return None
        names = tuple(f"{self.device}.{name}" for name in said.values)
        qualities = None if said.quality is Quality.GOOD else (said.quality,) * len(names)
        return Sample(names, tuple(said.values.values()), qualities)
