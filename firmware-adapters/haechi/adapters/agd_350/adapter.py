"""AGD 350: emits speed, direction and distance of the target that the radar said last.

Speed is in km/h, also where the radar is set to miles an hour: each message names its unit. A simulated target, by
which the radar tests itself, is no vehicle: it has no value and is counted.
"""

from typing import ClassVar

from haechi.adapters.agd_350.config import Agd350Config
from haechi.adapters.agd_350.messages import DISTANCE, SPEED, Detection, Messages
from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import Sample
from haechi.sdk.talking import Talking


class Agd350(Talking[Agd350Config, Detection | None]):
    """One radar."""

    Config: ClassVar = Agd350Config
    frame_name = "AGD 350"

    def describe(self) -> list[Datastream]:
        """Return speed, direction and distance."""
        return [
            self._datastream("speed", "km/h", SPEED),
            self.datastream("direction", "1", kind="text", period_s=self.config.period_s),
            self._datastream("distance", "m", DISTANCE),
        ]

    def frames(self) -> Messages:
        """Return what finds its messages."""
        return Messages(check_covers_star=self.config.check_covers_star)

    def sample_of(self, frame: Detection | None) -> Sample | None:
        """Return what a detection says; a heartbeat says only that the radar is there."""
        if frame is None:
            return None
        if frame.is_simulated:
            self.host.count("simulated")
            return None
        values: dict[str, Value] = {
            "speed": SPEED.value(frame.speed),
            "direction": "approaching" if frame.is_approaching else "receding",
        }
        if frame.distance is not None:
            values["distance"] = DISTANCE.value(frame.distance)
        return Sample(tuple(f"{self.device}.{name}" for name in values), tuple(values.values()))

    def _datastream(self, name: str, unit: str, step: Step) -> Datastream:
        return self.datastream(name, unit, step=step, period_s=self.config.period_s)
