"""Written runs: the outages that a gateway in the street meets, each with its own end to compare."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fault.real import disks
from fault.real.city import RealCity, real_city
from fault.real.plan import Strike
from fault.real.run import Outcome, finish

from support.simulation.truth import BrokenPromise

_CALM_S = 3.0
_REFUSES_S = 20.0
_TELLS_S_MAX = 30.0
_SHELTERED, _BACK = "is in memory", "the disk takes the outbox again"


async def broker_killed(folder: Path) -> Outcome:
    """The broker is gone for a minute."""
    async with real_city(folder) as city:
        return _nothing_lost(await finish(city, [Strike(_CALM_S, "broker", "killed", 60)]))


async def broker_frozen(folder: Path) -> Outcome:
    """The broker stands still for a minute, with every connection open."""
    async with real_city(folder) as city:
        return _nothing_lost(await finish(city, [Strike(_CALM_S, "broker", "frozen", 60)]))


async def gateway_killed_twice(folder: Path) -> Outcome:
    """The gateway is killed twice while the broker is away."""
    kills = [Strike(at_s, "gateway", "killed", 2) for at_s in (12, 25)]
    async with real_city(folder) as city:
        return _nothing_lost(await finish(city, [Strike(_CALM_S, "broker", "killed", 40), *kills]))


async def storage_full(folder: Path) -> Outcome:
    """The outbox is smaller than the outage; noise fills it within a minute."""
    async with real_city(folder, bytes_max=2**20, noise=100) as city:
        outcome = await finish(city, [Strike(_CALM_S, "broker", "killed", 120)])
    if not outcome.audit.lost_reported:
        raise BrokenPromise(f"the outbox was never full: {outcome}")
    return outcome


async def disk_full(folder: Path) -> Outcome:
    """The disk has no byte left for a while, first with the broker there, then with the broker gone."""
    with disks.memory_disk(folder / "gateway" / "data", 8 * 1024 * 1024) as disk:
        async with real_city(folder) as city:
            await city.live_again(_TELLS_S_MAX)
            for time, plan in enumerate(([], [Strike(0, "broker", "killed", _REFUSES_S)]), start=1):
                disks.fill(disk)
                await _told(city, _SHELTERED, time)
                await city.suffer(plan)
                await asyncio.sleep(_REFUSES_S)
                disks.clear(disk)
                await _told(city, _BACK, time)
            return _nothing_lost(await finish(city, []))


async def disk_fails(folder: Path) -> Outcome:
    """Writing to the disk ends in I/O errors for a while: the room behind a card's image is gone."""
    data = folder / "gateway" / "data"
    with disks.memory_disk(folder / "behind", 24 * 1024 * 1024) as behind:
        disks.make_card(behind / "card", "-O", "^has_journal")
        with disks.inserted(data, behind / "card"):
            async with real_city(folder) as city:
                await city.live_again(_TELLS_S_MAX)
                disks.fill(behind)
                await _told(city, _SHELTERED)
                await asyncio.sleep(_REFUSES_S)
                disks.clear(behind)
                await _told(city, _BACK)
                return _nothing_lost(await finish(city, []))


async def disk_read_only(folder: Path) -> Outcome:
    """The kernel gives the disk up and makes it read-only; a restart on the mended disk follows."""
    data, image = folder / "gateway" / "data", folder / "card"
    with contextlib.ExitStack() as card:
        disks.make_card(image)
        card.enter_context(disks.inserted(data, image))
        async with real_city(folder) as city:
            await city.live_again(_TELLS_S_MAX)
            disks.abort(data)
            await _told(city, _SHELTERED)
            await asyncio.sleep(_REFUSES_S)
            await city.live_again(_TELLS_S_MAX)
            await city.stop_gateway()
            card.close()
            disks.repair(image)
            with disks.inserted(data, image):
                await city.gateway.start()
                return _nothing_lost(await finish(city, [], counted=False))


async def _told(city: RealCity, words: str, times: int = 1) -> None:
    """Wait until the gateway has said something so many times."""
    async with asyncio.timeout(_TELLS_S_MAX):
        while city.gateway.log.count(words) < times:
            assert city.gateway.running, city.gateway.log
            await asyncio.sleep(0.1)


def _nothing_lost(outcome: Outcome) -> Outcome:
    if outcome.audit.lost_reported:
        raise BrokenPromise(f"there was room for everything, and values were lost: {outcome}")
    return outcome


SCENARIOS: dict[str, Callable[[Path], Coroutine[Any, Any, Outcome]]] = {
    "broker-killed": broker_killed,
    "broker-frozen": broker_frozen,
    "gateway-killed-twice": gateway_killed_twice,
    "storage-full": storage_full,
    "disk-full": disk_full,
    "disk-fails": disk_fails,
    "disk-read-only": disk_read_only,
}
