"""What is broken, and when. Every fault is one function that breaks something now and knows how it is mended.

``MIX`` holds all of them; a schedule draws a few.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from support.simulation.cloud import POINTS, STATE
from support.simulation.gateway import FLOOD_M, HIGH_M, LOW_M, Gateway
from support.simulation.images import Image
from support.simulation.process import Blow

if TYPE_CHECKING:
    from support.simulation.schedule import City

_YEAR_US = 365 * 86_400_000_000
_STEPS_MAX = (2, 6, 30)
Fault = Callable[["City"], None]


def _blow(chance: random.Random) -> Blow:
    return chance.choice(("before", "after", "power", "power"))


def _steps(chance: random.Random) -> int:
    return chance.randint(1, chance.choice(_STEPS_MAX))


def gateway_struck(city: "City") -> None:
    """Kill a gateway, or cut its power, at one of the next steps of its disk."""
    process = city.any_gateway().process
    if process is not None:
        process.strike(_steps(city.chance), _blow(city.chance))


def gateway_killed(city: "City") -> None:
    """Kill a gateway now."""
    process = city.any_gateway().process
    if process is not None:
        process.kill()


def gateway_restarted(city: "City") -> None:
    """Stop a gateway in order."""
    city.any_gateway().stop()


def cloud_struck(city: "City") -> None:
    """Kill the cloud, or cut its power, at one of the next steps of its disk."""
    process = city.cloud.process
    if process is not None:
        process.strike(_steps(city.chance), _blow(city.chance))


def broker_died(city: "City") -> None:
    """Kill the broker; nothing that was queued comes back."""
    if city.broker.up:
        city.broker.crash(keeps_retained=city.chance.random() < 0.5)
        city.mend(city.broker.restart, city.chance.uniform(0.2, 8.0))


def broker_froze(city: "City") -> None:
    """Freeze the broker without closing a connection."""
    if city.broker.up:
        city.broker.frozen = True
        city.mend(city.broker.thaw, city.chance.uniform(0.5, 25.0))


def broker_forgot(city: "City") -> None:
    """Let what is queued for the cloud vanish."""
    city.broker.forget()


def broker_refuses(city: "City") -> None:
    """Have the access list refuse every gateway for a while."""
    city.broker.refuses = True
    city.mend(partial(setattr, city.broker, "refuses", False), city.chance.uniform(1.0, 15.0))


def link_cut(city: "City") -> None:
    """Break a gateway's connection."""
    city.any_gateway().wire.cut()


def link_swallows(city: "City") -> None:
    """Let a gateway's connection carry nothing, both ways, without closing it."""
    wire = city.any_gateway().wire
    wire.swallows = True
    city.mend(partial(setattr, wire, "swallows", False), city.chance.uniform(1.0, 25.0))


def clock_stepped(city: "City") -> None:
    """Set a gateway's clock, by a blink or by years, forwards or back; a time source may even swear to it."""
    gateway = city.any_gateway()
    far = city.chance.choice((20_000, 200_000, 90_000_000, 3_600_000_000, 2 * 86_400_000_000, 11 * _YEAR_US))
    gateway.offset_us = city.chance.choice((-1, 1, 0)) * far
    gateway.synchronised = city.chance.random() < 0.3


def clockless_boot(city: "City") -> None:
    """Cut a gateway's power now; its clock begins again in 1970."""
    gateway = city.any_gateway()
    if gateway.process is not None:
        gateway.process.kill()
    gateway.offset_us = -gateway.read_wall_us() + gateway.offset_us
    gateway.synchronised = False


def points_down(city: "City") -> None:
    """Let the time-series store refuse."""
    city.cloud.points_refuse = True
    city.mend(partial(setattr, city.cloud, "points_refuse", False), city.chance.uniform(1.0, 15.0))


def state_down(city: "City") -> None:
    """Let the state database refuse."""
    city.cloud.state_refuses = True
    city.mend(partial(setattr, city.cloud, "state_refuses", False), city.chance.uniform(0.5, 8.0))


def disk_full(city: "City") -> None:
    """Let a gateway's disk refuse to write."""
    gateway = city.any_gateway()
    gateway.refuse_disk(True)
    city.mend(partial(gateway.refuse_disk, False), city.chance.uniform(0.5, 15.0))


def disk_fails(city: "City") -> None:
    """Let a gateway's disk fail at every touch, reading as well, for a moment that often no commit falls into."""
    gateway = city.any_gateway()
    gateway.fail_disk(True)
    city.mend(partial(gateway.fail_disk, False), city.chance.choice((0.02, 0.2, 2.0)) * city.chance.random())


def river_moved(city: "City") -> None:
    """Let the water rise or fall."""
    city.any_gateway().level_m = city.chance.choice((LOW_M, HIGH_M, FLOOD_M))


def sensor_silent(city: "City") -> None:
    """Let a sensor say nothing for a while."""
    gateway = city.any_gateway()
    gateway.reading = False
    city.mend(partial(setattr, gateway, "reading", True), city.chance.uniform(1.0, 10.0))


def image_restored(city: "City") -> None:
    """Put an older copy of a gateway's disk back; what it committed since is gone from it."""
    gateway = city.any_gateway()
    if gateway.name in city.copies:
        _boot_from(gateway, city.copies[gateway.name])


def card_lost(city: "City") -> None:
    """Give a gateway an empty disk."""
    _boot_from(city.any_gateway(), {})


def image_cloned(city: "City") -> None:
    """Let a second gateway run from a copy of the first one's disk, under its name."""
    city.clone(city.any_gateway())


def state_restored(city: "City") -> None:
    """Put an older copy of the cloud's state back, but not of its points."""
    city.restore_cloud(STATE)


def points_restored(city: "City") -> None:
    """Put an older copy of the cloud's points back, but not of its state.

    One that is older than the newest marker: a younger one looks to the cloud like what it has.
    """
    if city.marker() > city.marker_of_copy + 1:  # one may be in the points that the state does not remember yet
        city.restore_cloud(POINTS)


def _boot_from(gateway: Gateway, image: Image) -> None:
    if gateway.process is not None and gateway.is_up:
        gateway.process.kill()
        gateway.process.image = image
        gateway.ledger.disk_changed = True


MIX: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        gateway_struck,
        gateway_killed,
        gateway_restarted,
        cloud_struck,
        broker_died,
        broker_froze,
        broker_forgot,
        broker_refuses,
        link_cut,
        link_swallows,
        clock_stepped,
        clockless_boot,
        points_down,
        state_down,
        sensor_silent,
        disk_full,
        disk_fails,
        image_restored,
        card_lost,
        image_cloned,
        state_restored,
        points_restored,
    )
}
