"""Two hundred Modbus/TCP devices read once a second, twenty of them dead: how punctually the others are asked."""

import asyncio
from collections.abc import Sequence

from benchmarks.agent import Agent, devices
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit, percentile
from benchmarks.listener import Listener
from benchmarks.processes import Process, words
from support.mosquitto import Mosquitto

_ALIVE, _DEAD = 180, 20
_REGISTERS = 10
_PERIOD_S, _TIMEOUT_S = 1.0, 0.3
_SETTLE_S = 3.0
FLOOR_SHARE = 10.0


async def measure(bench: Bench) -> Sequence[Figure]:
    """Measure, at the devices, how late each was asked; a device's own grid goes through its most punctual request."""
    async with Mosquitto(bench.folder) as broker, Listener(broker.port) as listener:
        with Process(bench.folder, "benchmarks.punctual_slaves", *words([("period", _PERIOD_S)])) as slaves:
            ports = await slaves.line()
            alive = devices(_ALIVE, ports["port"], _PERIOD_S, _REGISTERS, timeout_s=_TIMEOUT_S)
            dead = devices(_DEAD, ports["dead"], _PERIOD_S, _REGISTERS, first=_ALIVE, timeout_s=_TIMEOUT_S)
            with Agent(bench.folder, broker.port, alive, dead) as agent:
                await listener.until(lambda: any(one.channel == "up/live" for one in listener.arrivals.values()))
                await asyncio.sleep(_SETTLE_S)
                slaves.write(b"\n")
                await slaves.line()
                seconds = bench.choose(10, 30)
                bench.say(f"{_ALIVE} devices and {_DEAD} dead ones, for {seconds:.0f} s")
                await asyncio.sleep(seconds)
                slaves.write(b"\n")
                seen = await slaves.line()
                await agent.stop()
    late = [100 * late_s / _PERIOD_S for late_s in seen["late_s"]]
    expected = Limit("asked for", _ALIVE * seconds / _PERIOD_S, "requests")
    return [
        Figure("gateway.jitter_p50", percentile(late, 0.5), "% of the period"),
        Figure("gateway.jitter_p99", percentile(late, 0.99), "% of the period", FLOOR_SHARE),
        Figure("gateway.jitter_worst", max(late), "% of the period"),
        Figure("gateway.jitter_devices", seen["devices"], "devices", _ALIVE, "more"),
        Figure("gateway.jitter_requests", seen["requests"], "requests", 0.99 * expected.value, "more", expected),
    ]
