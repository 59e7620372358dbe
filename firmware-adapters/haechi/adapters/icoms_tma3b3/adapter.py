"""Icoms TMA-3B3: emits each vehicle when the counter says it: speed, direction, range and the counter's own count.

The count rises by one with each vehicle, so a gap in it tells how many messages were lost on the line. The counter's
clock is passed on as it is, as text: it has no zone, and nobody here knows how well it is set. The length that stands
in the message is supposed, not measured (so the manual), and left out.
"""

from typing import ClassVar

from haechi.adapters.icoms_tma3b3.config import IcomsTma3b3Config
from haechi.adapters.icoms_tma3b3.messages import Messages, vehicle_of
from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import BadReading, Sample
from haechi.sdk.talking import Reporting
from haechi.text import _

_KMH, _COUNT, _CENTIMETRE = Step(1, 1), Step(1, 1), Step(1, 100)
_COUNTS = 2**24


class IcomsTma3b3(Reporting[IcomsTma3b3Config, bytes]):
    """One counter."""

    Config: ClassVar = IcomsTma3b3Config
    frame_name = "TMA-3B3"

    def describe(self) -> list[Datastream]:
        """Return what a message says of a vehicle."""
        return [
            self.datastream("speed", "km/h", step=_KMH),
            self.datastream("vehicle_count", "{veh}", step=_COUNT, counter="total", rolls_over_at=_COUNTS),
            self.datastream("range", "m", step=_CENTIMETRE),
            self.datastream("direction", "1", kind="text"),
            self.datastream("device_time", "1", kind="text"),
        ]

    def frames(self) -> Messages:
        """Return what finds its messages."""
        return Messages()

    def sample_of(self, frame: bytes) -> Sample:
        """Return what a message says."""
        vehicle = vehicle_of(frame)
        if vehicle is None:
            raise BadReading(_("{size} bytes that are no vehicle").format(size=len(frame)))
        values: dict[str, Value] = {
            "speed": _KMH.value(vehicle.speed_kmh),
            "vehicle_count": _COUNT.value(vehicle.counter),
            "direction": "outgoing" if vehicle.is_outgoing else "incoming",
        }
        if vehicle.range_cm is not None:
            values["range"] = _CENTIMETRE.value(vehicle.range_cm)
        if vehicle.passed_at is None:
            self.host.count("clock_unset")
        else:
            values["device_time"] = vehicle.passed_at
        return Sample(tuple(f"{self.device}.{name}" for name in values), tuple(values.values()))
