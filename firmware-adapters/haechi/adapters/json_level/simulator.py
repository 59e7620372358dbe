"""A gauge that is not there, with a broker of its own: publishes readings as the reference firmware does.

From a shell: ``python -m haechi.adapters.json_level.simulator``; the first line is the broker's address.
"""

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from haechi.sdk.little_broker import Publishing

TOPIC = "gauges/river-1/level"


class JsonLevelSimulator(Publishing):
    """One gauge and its broker. An async context manager: entering starts both."""

    topic = TOPIC

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Say something every ``period_s``."""
        super().__init__(period_s=period_s)
        self.distance_m, self.temperature_c = 1.953, 21.5
        self.state = "ok"
        self._seq = 0

    def message(self) -> bytes:
        """Return the next reading."""
        self._seq += 1
        said: dict[str, Any] = {"v": 1, "boot": "9f3a01c2", "seq": self._seq, "state": self.state, "age_ms": 3}
        if self.state != "no_echo":
            said["distance_mm"] = round(self.distance_m * 1000)
        said["temperature_cc"] = round(self.temperature_c * 100)
        return json.dumps(said, separators=(",", ":")).encode()


def main() -> None:
    """Talk until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.json_level.simulator", description=main.__doc__)
    parser.add_argument("--period", type=float, default=1.0, metavar="SECONDS")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.period))


async def _main(period_s: float) -> None:
    async with JsonLevelSimulator(period_s=period_s) as simulator:
        sys.stdout.write(simulator.broker.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
