"""How soon everything is in step after the broker was killed and came back: gateway alone, and as far as the store."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from benchmarks.agent import GATEWAY, Agent, devices
from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.listener import Listener
from benchmarks.processes import Process
from support.cloud import CloudProcess
from support.mosquitto import Mosquitto

FLOOR_S = 3.0
_DEVICES, _PERIOD_S, _REGISTERS = 4, 0.5, 25
_PAUSE_S = 0.02


async def measure(bench: Bench) -> Sequence[Figure]:
    """Kill the broker several times; the worst time counts."""
    outages_s = (3.0, 5.3) if bench.quick else (5.0, 7.3, 12.1)
    with Process(bench.folder, "benchmarks.slaves") as slaves:
        parts = devices(_DEVICES, (await slaves.line())["port"], _PERIOD_S, _REGISTERS)
        return [
            Figure("recovery.gateway_worst", max(await _gateway(bench, parts, outages_s)), "s", FLOOR_S),
            Figure("recovery.to_store_worst", max(await _store(bench, parts, outages_s)), "s", FLOOR_S),
        ]


async def _gateway(bench: Bench, parts: str, outages_s: Sequence[float]) -> list[float]:
    """To a subscriber: until a value has come that was read after the broker's return, and nothing older is missing."""
    async with Mosquitto(bench.folder) as broker, Listener(broker.port) as listener:
        with Agent(bench.folder / "gateway", broker.port, parts):

            async def in_step(since_us: int) -> None:
                await listener.until(lambda: _complete(listener, since_us))

            return await _outages(bench, "gateway", broker, in_step, outages_s)


def _complete(listener: Listener, since_us: int) -> bool:
    newest_us = max(
        (time_us for _at, parcel in listener.parcels() for table in parcel.tables for time_us in table.times_us),
        default=0,
    )
    numbers = [name.seq for name in listener.arrivals]
    return newest_us > since_us and len(numbers) == max(numbers)


async def _store(bench: Bench, parts: str, outages_s: Sequence[float]) -> list[float]:
    """To the cloud: until a value that was read after the broker's return can be asked for there."""
    async with Mosquitto(bench.folder) as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        async with CloudProcess(bench.folder / "cloud", "--broker", url) as cloud:
            with Agent(bench.folder / "second", broker.port, parts):

                async def in_step(since_us: int) -> None:
                    while await _newest_us(cloud) <= since_us:  # noqa: ASYNC110 - it is another process
                        await asyncio.sleep(_PAUSE_S)

                return await _outages(bench, "as far as the store", broker, in_step, outages_s)


async def _newest_us(cloud: CloudProcess) -> float:
    streams = (await cloud.get("/api/v1/datastreams", gateway=GATEWAY))["items"]
    times = [datetime.fromisoformat(one["latest"]["time"]) for one in streams if one["latest"] is not None]
    return max((time.timestamp() * 1e6 for time in times), default=0.0)


async def _outages(
    bench: Bench,
    name: str,
    broker: Mosquitto,
    in_step: Callable[[int], Awaitable[None]],
    outages_s: Sequence[float],
) -> list[float]:
    took_s: list[float] = []
    await in_step(0)
    for outage_s in outages_s:
        broker.kill()
        await asyncio.sleep(outage_s)
        await broker.start()
        begun_s, since_us = time.monotonic(), time.time_ns() // 1000
        await in_step(since_us)
        took_s.append(time.monotonic() - begun_s)
        bench.say(f"{name}: in step {took_s[-1]:.2f} s after an outage of {outage_s:g} s")
    return took_s
