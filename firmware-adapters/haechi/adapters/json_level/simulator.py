"""A gauge that is not there, with a broker of its own: publishes readings as the reference firmware does.

From a shell: ``python -m haechi.adapters.json_level.simulator``; the first line is the broker's address.
"""

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, Self

from haechi.sdk.little_broker import LittleBroker

TOPIC = "gauges/river-1/level"


class JsonLevelSimulator:
    """One gauge and its broker. An async context manager: entering starts both."""

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Say something every ``period_s``."""
        self.period_s = period_s
        self.broker = LittleBroker()
        self.distance_m, self.temperature_c = 1.953, 21.5
        self.state = "ok"
        self.silent = False
        self._seq = 0
        self._task: asyncio.Task[None] | None = None

    def reading(self) -> dict[str, Any]:
        """Return the next reading."""
        self._seq += 1
        said: dict[str, Any] = {"v": 1, "boot": "9f3a01c2", "seq": self._seq, "state": self.state, "age_ms": 3}
        if self.state != "no_echo":
            said["distance_mm"] = round(self.distance_m * 1000)
        return {**said, "temperature_cc": round(self.temperature_c * 100)}

    async def __aenter__(self) -> Self:
        await self.broker.__aenter__()
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.broker.__aexit__()

    async def _talk(self) -> None:
        while True:
            if not self.silent and self.broker.is_held:
                body = json.dumps(self.reading(), separators=(",", ":")).encode()
                if self.period_s:
                    self.broker.publish(TOPIC, body, qos=1)
                else:  # as fast as it is read, and no faster
                    await self.broker.hand_over(TOPIC, body)
            await asyncio.sleep(self.period_s)


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
