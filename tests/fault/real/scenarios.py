"""Written runs: the outages that a gateway in the street meets, each with its own end to compare."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fault.real.city import real_city
from fault.real.plan import Strike
from fault.real.run import Outcome, finish

from support.simulation.truth import BrokenPromise


async def broker_killed(folder: Path) -> Outcome:
    """The broker is gone for a minute."""
    async with real_city(folder) as city:
        return _nothing_lost(await finish(city, [Strike(3, "broker", "killed", 60)]))


async def broker_frozen(folder: Path) -> Outcome:
    """The broker stands still for a minute, with every connection open."""
    async with real_city(folder) as city:
        return _nothing_lost(await finish(city, [Strike(3, "broker", "frozen", 60)]))


async def gateway_killed_twice(folder: Path) -> Outcome:
    """The gateway is killed twice while the broker is away."""
    kills = [Strike(at_s, "gateway", "killed", 2) for at_s in (12, 25)]
    async with real_city(folder) as city:
        return _nothing_lost(await finish(city, [Strike(3, "broker", "killed", 40), *kills]))


def _nothing_lost(outcome: Outcome) -> Outcome:
    if outcome.audit.lost_reported:
        raise BrokenPromise(f"there was room for everything, and values were lost: {outcome}")
    return outcome


SCENARIOS: dict[str, Callable[[Path], Coroutine[Any, Any, Outcome]]] = {
    "broker-killed": broker_killed,
    "broker-frozen": broker_frozen,
    "gateway-killed-twice": gateway_killed_twice,
}
