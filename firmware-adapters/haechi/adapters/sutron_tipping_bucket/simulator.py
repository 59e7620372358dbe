"""A Sutron SDI-TB that is not there: an SDI-12 sensor that counts tips, and forgets some of them when it is read.

From a shell: ``python -m haechi.adapters.sutron_tipping_bucket.simulator --tips 12``.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from typing import Self

from haechi.sdk.sdi12_sensor import Sdi12Sensor


class SutronTippingBucketSimulator:
    """One gauge. Sums are in the unit of its bucket size. An async context manager."""

    def __init__(self, *, bucket: float = 0.01, address: str = "0") -> None:
        """Begin a dry year with a bucket of this size."""
        self.sensor = Sdi12Sensor(self._measure, address=address, identity="13SUTRON  SDI-TB101")
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

    async def __aenter__(self) -> Self:
        await self.sensor.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self.sensor.__aexit__()


def main() -> None:
    """Serve one gauge until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.sutron_tipping_bucket.simulator", description=main.__doc__
    )
    parser.add_argument("--tips", type=int, default=0)
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.tips))


async def _main(tips: int) -> None:
    async with SutronTippingBucketSimulator() as simulator:
        simulator.tip(tips)
        sys.stdout.write(simulator.sensor.port + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
