"""Devices → agent → outbox → mosquitto → an acknowledging subscriber; beside it the bare loop on the same devices."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from benchmarks.agent import REGISTERS_A_DEVICE, Agent, devices
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit, percentile
from benchmarks.listener import Listener
from benchmarks.processes import Meter, Process, rss_mb, words
from support.mosquitto import Mosquitto

FLOOR_VALUES_A_S, FLOOR_CPU_S, FLOOR_RSS_MB = 30_000, 0.015, 60
_WARM_UP_S = 2.0


@dataclass(frozen=True)
class _Load:
    """So many devices of 125 registers, each read with this period."""

    name: str
    devices: int
    period_s: float


_FAST = _Load("fast", 24, 0.1)
"""30,000 values/s, the floor, from 3,000 datastreams."""
_WIDE = _Load("wide", 80, 1.0)
"""10,000 values/s from 10,000 datastreams: every value stands alone in its parcel, which costs most."""
_FLAT_OUT = _Load("flat out", 120, 0.05)
"""300,000 values/s are asked for, more than can be read: the agent reads as fast as it can."""


@dataclass(frozen=True)
class _Result:
    name: str
    values_a_s: float
    cpu_s_a_1000: float
    rss_mb: float
    latencies_s: list[float]
    lost: int
    repeats: int


async def measure(bench: Bench) -> Sequence[Figure]:
    """Measure the bare loop, then the gateway under three loads."""
    async with Mosquitto(bench.folder) as broker:
        with Process(bench.folder, "benchmarks.slaves") as slaves:
            port = (await slaves.line())["port"]
            bare = await _bare(bench, port, broker.port)
            fast = await _through_gateway(bench, _FAST, port, broker.port)
            wide = await _through_gateway(bench, _WIDE, port, broker.port)
            most = await _through_gateway(bench, _FLAT_OUT, port, broker.port)
    all_three = (fast, wide, most)
    bare_rate = Limit("bare pymodbus + paho loop", bare["values"] / bare["seconds"], "values/s")
    bare_cpu = Limit("bare pymodbus + paho loop", 1000 * bare["cpu_s"] / bare["values"], "s")
    return [
        Figure("gateway.values_per_s", most.values_a_s, "values/s", FLOOR_VALUES_A_S, "more", bare_rate),
        *(
            Figure(f"gateway.cpu_per_1000_values_{one.name}", one.cpu_s_a_1000, "s", FLOOR_CPU_S, "less", bare_cpu)
            for one in all_three
        ),
        Figure("gateway.rss_peak_fast", fast.rss_mb, "MB", FLOOR_RSS_MB),
        # Ten thousand datastreams and more on one gateway: how memory grows, not what a cabinet has.
        Figure("gateway.rss_peak_wide", wide.rss_mb, "MB"),
        Figure("gateway.rss_peak_flat_out", most.rss_mb, "MB"),
        Figure("gateway.read_to_broker_p50", percentile(fast.latencies_s, 0.5), "s"),
        Figure("gateway.read_to_broker_p95", percentile(fast.latencies_s, 0.95), "s"),
        Figure("gateway.values_lost", sum(one.lost for one in all_three), "values", 0),
        Figure("gateway.parcels_repeated", sum(one.repeats for one in all_three), "parcels"),
    ]


async def _bare(bench: Bench, slaves: int, broker: int) -> dict[str, float]:
    bench.say("bare pymodbus + paho loop")
    options = words([("slaves", slaves), ("broker", broker), ("devices", 8), ("seconds", bench.choose(4, 10))])
    with Process(bench.folder, "benchmarks.bare_loop", *options) as loop:
        answer: dict[str, float] = await loop.line()
    return answer


async def _through_gateway(bench: Bench, load: _Load, slaves: int, broker: int) -> _Result:
    bench.say(f"gateway, {load.name}")
    folder = bench.folder / f"{load.devices}-devices"
    async with Listener(broker) as listener:
        with Agent(folder, broker, devices(load.devices, slaves, load.period_s)) as agent:
            await listener.until(lambda: any(one.channel == "up/live" for one in listener.arrivals.values()))
            await asyncio.sleep(_WARM_UP_S)
            meter, since_us = Meter(agent.pid), time.time_ns() // 1000
            await asyncio.sleep(bench.choose(7, 15))
            (elapsed_s, cpu_used_s), until_us = meter.read(), time.time_ns() // 1000
            peak_mb = rss_mb(agent.pid, peak=True)
            await agent.stop()
            committed = (await agent.outbox())["observations_committed"]
        arrived = list(listener.parcels())
    within = sorted(((at_us, parcel) for at_us, parcel in arrived if since_us <= at_us < until_us), key=itemgetter(0))
    # From arrival to arrival: parcels come in bursts, which the window's own edges would cut anyhow.
    values_a_s = sum(parcel.observation_count for _, parcel in within[1:]) / ((within[-1][0] - within[0][0]) / 1e6)
    latencies_s = [
        (at_us - time_us) / 1e6 for at_us, parcel in within for table in parcel.tables for time_us in table.times_us
    ]
    bench.say(
        f"{values_a_s:,.0f} values/s of {load.devices * REGISTERS_A_DEVICE / load.period_s:,.0f} asked for, "
        f"{cpu_used_s / elapsed_s:.2f} cores"
    )
    return _Result(
        name=load.name.replace(" ", "_"),
        values_a_s=values_a_s,
        cpu_s_a_1000=1000 * cpu_used_s / elapsed_s / values_a_s,
        rss_mb=peak_mb,
        latencies_s=latencies_s,
        lost=committed - sum(parcel.observation_count for _, parcel in arrived),
        repeats=listener.repeats,
    )
