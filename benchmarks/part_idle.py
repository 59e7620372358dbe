"""What a gateway costs that has hardly anything to do: two slow devices, an outbox, a link that stands."""

import asyncio
from collections.abc import Sequence

from benchmarks.agent import Agent, devices
from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.listener import Listener
from benchmarks.processes import Meter, Process, rss_mb
from support.mosquitto import Mosquitto

_PERIOD_S = 5.0
_REGISTERS = 4
_SETTLE_S = 3.0


async def measure(bench: Bench) -> Sequence[Figure]:
    """Measure CPU and memory of an idle agent."""
    async with Mosquitto(bench.folder) as broker, Listener(broker.port) as listener:
        with Process(bench.folder, "benchmarks.slaves") as slaves:
            port = (await slaves.line())["port"]
            with Agent(bench.folder, broker.port, devices(2, port, _PERIOD_S, _REGISTERS)) as agent:
                await listener.until(lambda: any(one.channel == "up/live" for one in listener.arrivals.values()))
                await asyncio.sleep(_SETTLE_S)
                meter = Meter(agent.pid)
                bench.say(f"two devices read every {_PERIOD_S:g} s")
                await asyncio.sleep(bench.choose(14, 40))
                elapsed_s, cpu_used_s = meter.read()
                held_mb = rss_mb(agent.pid)
    return [
        Figure("gateway.idle_cpu", 100 * cpu_used_s / elapsed_s, "% of a core", 1),
        Figure("gateway.idle_rss", held_mb, "MB", 60),
    ]
