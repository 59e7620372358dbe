"""An SDI-12 sensor that is not there, with whatever values it is given.

From a shell: ``python -m haechi.adapters.sdi12.simulator +1.234 -0.5``.
"""

import argparse

from haechi.sdk.sdi12_sensor import Sdi12Sensor
from haechi.sdk.simulated import serve


def main() -> None:
    """Serve one sensor until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.sdi12.simulator", description=main.__doc__)
    parser.add_argument("--address", default="0")
    parser.add_argument("values", nargs="+", metavar="VALUE", help="as the sensor writes it, such as 1.234")
    arguments = parser.parse_args()
    values = [value if value[0] in "+-" else f"+{value}" for value in arguments.values]
    serve(Sdi12Sensor(lambda _number: values, address=arguments.address, identity="14HAECHI  SIM   001"))


if __name__ == "__main__":
    main()
