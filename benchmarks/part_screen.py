"""From the water in the river to the operator's screen: a real gateway with a rule, a real cloud, its change feed."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence

import httpx

from benchmarks.bench import Bench
from benchmarks.figures import Figure, percentile
from haechi.adapters.modbus.simulator import ModbusSimulator
from support.cloud import CloudProcess
from support.gateway import RIVER, GatewayProcess, River
from support.mosquitto import Mosquitto

FLOOR_P50_S, FLOOR_P95_S = 0.3, 1.0
TENANT = "daejeon"


async def measure(bench: Bench) -> Sequence[Figure]:
    """Let the river rise and fall; take the time from the register's change to the event on the feed."""
    times_s: list[float] = []
    async with Mosquitto(bench.folder) as broker, ModbusSimulator() as simulator:
        river = River(simulator)
        river.is_low()
        url = f"mqtt://127.0.0.1:{broker.port}"
        gateway = GatewayProcess(bench.folder / "gateway", url, RIVER.format(port=river.port))
        async with CloudProcess(bench.folder / "cloud", "--broker", url, "--tenant", TENANT) as cloud:
            await gateway.start()
            try:
                await cloud.until("/api/v1/datastreams", lambda answer: _has_level(answer["items"]))
                times_s = await _rise_and_fall(cloud, river, int(bench.choose(25, 80)))
            finally:
                await gateway.stop()
    bench.say(f"{len(times_s)} events, the slowest {max(times_s):.2f} s")
    return [
        Figure("screen.sensor_to_feed_p50", percentile(times_s, 0.5), "s", FLOOR_P50_S),
        Figure("screen.sensor_to_feed_p95", percentile(times_s, 0.95), "s", FLOOR_P95_S),
    ]


def _has_level(streams: Sequence[dict[str, object]]) -> bool:
    return any(one["id"] == "river-1.level" and one["latest"] is not None for one in streams)


async def _rise_and_fall(cloud: CloudProcess, river: River, count: int) -> list[float]:
    chance = random.Random(1)
    times_s: list[float] = []
    async with (
        httpx.AsyncClient(base_url=cloud.http, timeout=httpx.Timeout(5, read=30)) as client,
        client.stream("GET", "/api/v1/changes") as answer,
    ):
        events = _events(answer)
        await anext(events)
        for number in range(count):
            # At any moment of the device's period.
            await asyncio.sleep(0.1 + 0.3 * chance.random())
            begun_s = time.monotonic()
            (river.is_low if number % 2 else river.is_high)()
            wanted = "cleared" if number % 2 else "raised"
            while (await anext(events)).get("phase") != wanted:
                pass
            times_s.append(time.monotonic() - begun_s)
    return times_s


async def _events(answer: httpx.Response) -> AsyncIterator[dict[str, object]]:
    """Yield an empty one when the feed is ready, then every event."""
    kind = ""
    async for line in answer.aiter_lines():
        name, _colon, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind in ("ready", "reset"):
            yield {}
        elif name == "data" and kind == "event":
            yield json.loads(value)
