"""Memory of the cloud by the number of gateways: each is described, has a status, and has sent values."""

import asyncio
from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.feeder import Feeder, Message
from benchmarks.figures import Figure
from benchmarks.processes import rss_mb
from benchmarks.simulated import TENANT, beginning
from support.cloud import CloudProcess
from support.mosquitto import Mosquitto

_DATASTREAMS = 10


async def measure(bench: Bench) -> Sequence[Figure]:
    """Let more and more gateways appear at one cloud."""
    figures: list[Figure] = []
    known = 0
    async with (
        Mosquitto(bench.folder) as broker,
        CloudProcess(bench.folder / "cloud", "--broker", f"mqtt://127.0.0.1:{broker.port}") as cloud,
        Feeder(broker.port, TENANT) as feeder,
    ):
        for gateways in (1, 100) if bench.quick else (1, 100, 10_000):
            messages = await asyncio.to_thread(_beginnings, known, gateways)
            took_s = await feeder.feed(messages, 280)
            held_mb = rss_mb(cloud.pid)
            bench.say(f"{gateways:,} gateways: {held_mb:.0f} MB; {(gateways - known) / took_s:,.0f} new gateways/s")
            figures.append(Figure(f"cloud.rss_{gateways}_gateways", held_mb, "MB"))
            known = gateways
    return figures


def _beginnings(first: int, last: int) -> list[Message]:
    return [message for number in range(first, last) for message in beginning(f"gw-{number:05d}", _DATASTREAMS)]
