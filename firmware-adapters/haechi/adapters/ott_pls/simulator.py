"""An OTT PLS that is not there: an SDI-12 sensor with units that can be set.

From a shell: ``python -m haechi.adapters.ott_pls.simulator --depth 1.234``.
"""

import argparse

from haechi.sdk.sdi12_sensor import Sdi12Sensor
from haechi.sdk.simulated import Simulated, serve


class OttPlsSimulator(Simulated[Sdi12Sensor]):
    """One probe, measuring for three seconds or more. An async context manager."""

    def __init__(self, *, depth: str = "+1.234", address: str = "0") -> None:
        """Be covered by so much water, as it is written on the wire."""
        self.sensor = Sdi12Sensor(self._measure, address=address, identity="13OTTHACHPLS000100123456")
        super().__init__(self.sensor)
        self.values = [depth, "+8.5", depth, depth]
        """Level, temperature, lowest and highest level, as written on the wire."""
        self.set_units(level=0, temperature=0)

    def set_units(self, *, level: int, temperature: int) -> None:
        """Set the units: level 0 m, 1 cm, 2 ft, 3 mbar, 4 psi; temperature 0 °C, 1 °F."""
        self.sensor.settings = {b"OSU": b"+%d" % level, b"OST": b"+%d" % temperature}

    def _measure(self, number: int) -> list[str]:
        return self.values if number == 0 else []


def main() -> None:
    """Serve one probe until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.ott_pls.simulator", description=main.__doc__)
    parser.add_argument("--depth", type=float, default=1.234, metavar="METRES")
    arguments = parser.parse_args()
    serve(OttPlsSimulator(depth=f"{arguments.depth:+.3f}"))


if __name__ == "__main__":
    main()
