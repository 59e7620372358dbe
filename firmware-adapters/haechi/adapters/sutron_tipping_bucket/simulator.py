"""A Sutron SDI-TB that is not there: an SDI-12 sensor that counts tips, and forgets some of them when it is read.

From a shell: ``python -m haechi.adapters.sutron_tipping_bucket.simulator --tips 12``.
"""

import argparse

from haechi.sdk.sdi12_sensor import Sdi12Sensor
from haechi.sdk.simulated import Simulated, serve


class SutronTippingBucketSimulator(Simulated[Sdi12Sensor]):
    """One gauge. Sums are in the unit of its bucket size. An async context manager."""

    def __init__(self, *, bucket: float = 0.01, address: str = "0") -> None:
        """Begin a dry year with a bucket of this size."""
        self.sensor = Sdi12Sensor(self._measure, address=address, identity="13SUTRON  SDI-TB101")
        super().__init__(self.sensor)
        self.bucket = bucket
        self.tips = 0
        self.year = self.today = self.yesterday = 0.0
        self.since_last_read = 0.0

    def tip(self, count: int = 1) -> None:
        """Let the bucket tip."""
        self.tips += count
        self.year += count * self.bucket
        self.today += count * self.bucket
        self.since_last_read += count * self.bucket

    def _measure(self, number: int) -> list[str]:
        if number != 0:
            return []
        since, self.since_last_read = self.since_last_read, 0.0  # the module does the same: reading resets it
        return [f"+{since:.2f}", f"+{self.tips}", *(f"+{rain:.2f}" for rain in (self.year, self.today, self.yesterday))]


def main() -> None:
    """Serve one gauge until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.sutron_tipping_bucket.simulator", description=main.__doc__
    )
    parser.add_argument("--tips", type=int, default=0)
    arguments = parser.parse_args()
    simulator = SutronTippingBucketSimulator()
    simulator.tip(arguments.tips)
    serve(simulator)


if __name__ == "__main__":
    main()
