"""A Campbell CS475 that is not there: an SDI-12 sensor that says stage, distance and a code.

From a shell: ``python -m haechi.adapters.campbell_cs475.simulator --distance 6.25``.
"""

import argparse

from haechi.sdk.sdi12_sensor import Sdi12Sensor
from haechi.sdk.simulated import Simulated, serve

_FEET_A_METRE = 1 / 0.3048


class CampbellCs475Simulator(Simulated[Sdi12Sensor]):
    """One radar over water. An async context manager."""

    def __init__(self, *, distance_m: float = 6.25, address: str = "0") -> None:
        """See the water ``distance_m`` below."""
        self.sensor = Sdi12Sensor(self._measure, address=address, identity="13VEGA    CS475 332")
        super().__init__(self.sensor)
        self.distance_m, self.stage_m = distance_m, 1.5
        self.code = 0
        """0, or the number of an error such as 13."""
        self.set_unit(feet=False)

    def set_unit(self, *, feet: bool) -> None:
        """Set it to feet, as it is delivered, or to metres."""
        self._factor = _FEET_A_METRE if feet else 1.0
        self.sensor.settings = {b"XGU": b"+%d" % feet}

    def _measure(self, number: int) -> list[str]:
        if number != 0:
            return []
        return [f"{self.stage_m * self._factor:+.3f}", f"{self.distance_m * self._factor:+.3f}", f"+{self.code}"]


def main() -> None:
    """Serve one radar until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.campbell_cs475.simulator", description=main.__doc__
    )
    parser.add_argument("--distance", type=float, default=6.25, metavar="METRES")
    arguments = parser.parse_args()
    serve(CampbellCs475Simulator(distance_m=arguments.distance))


if __name__ == "__main__":
    main()
