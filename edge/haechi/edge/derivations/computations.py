"""The derivations that need more than one value: each takes its sources' values as they come, and says a result. Pure.

A computation's first source is the one whose values make results; the others are remembered, and one that is older
than ``stale_after_s`` is none. Without what it needs a computation says nothing. A result is no better than what it was
made of: an uncertain value makes an uncertain result, and one that looks back over a window is uncertain for as long as
the window holds what that value said. Bad values never come here.

Times (``Moment.at_s``) are the gateway's monotonic seconds, or the device's own record time where it has one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from haechi.contract.observations import Quality, Value, utc
from haechi.edge.derivations.carbon import Carbon
from haechi.edge.derivations.earthquake import GroundMotion
from haechi.edge.derivations.ice import Risk, black_ice_risk, dew_point_cel
from haechi.edge.derivations.increase import Increase
from haechi.edge.derivations.occupancy import Occupancy
from haechi.edge.derivations.traffic import density_by_flow, density_by_occupancy, level_of_service

_DECIMALS = 6
"""Of a rate: what is spread over time does not add up to the last bit."""


class Moment(NamedTuple):
    """When a value was observed."""

    at_s: float
    """For reckoning; never runs backwards."""
    time_us: int
    """By the clock, microseconds since 1970 UTC."""


class Result(NamedTuple):
    """What a computation says."""

    value: Value
    quality: Quality = Quality.GOOD


class Computation(Protocol):
    """One derivation at work."""

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:
        """Take a value of the source that plays ``role``; return the result, where there is one."""


class _Inputs:
    """The last word of each source that is only remembered."""

    def __init__(self, stale_after_s: float) -> None:
        self._stale_after_s = stale_after_s
        self._last: dict[str, tuple[float, Quality, float]] = {}

    def remember(self, role: str, value: Value, quality: Quality, at: Moment) -> None:
        """Keep a number; a text is none."""
        if not isinstance(value, str):
            self._last[role] = (float(value), quality, at.at_s)

    def fresh(self, role: str, at: Moment) -> tuple[float, Quality] | None:
        """Return the value of a source that is not too old."""
        last = self._last.get(role)
        # Two devices' own times need not agree: what is as far ahead is as little of this moment.
        if last is None or abs(at.at_s - last[2]) > self._stale_after_s:
            return None
        return last[0], last[1]


class _WorstWithin:
    """The worst quality within a window; what a value says holds until the next one."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._before = Quality.GOOD
        self._until_s = float("-inf")

    def take(self, quality: Quality, at: Moment) -> Quality:
        """Take a value's quality; return that of a result made now."""
        if max(quality, self._before) is not Quality.GOOD:
            self._until_s = at.at_s + self._window_s
        self._before = quality
        return Quality.UNCERTAIN if at.at_s <= self._until_s else Quality.GOOD


class CounterRate:
    """By how much a counter rises in an hour: rain in mm/h, vehicles an hour.

    After a silence longer than the window the figure is the mean of that silence, and uncertain. A jump, of which
    nothing is known, is told once as a bad value.
    """

    def __init__(
        self,
        window_s: float,
        scale: float,
        every_s: float,
        *,
        per_hour_max: float,
        rolls_over_at: float | None = None,
        is_increment: bool = False,
    ) -> None:
        """Say what the counter is like.

        Args:
            window_s: over how long.
            scale: what one count is in the result's unit.
            every_s: a figure is said no more often.
            per_hour_max: it cannot truly be more, in the result's unit.
            rolls_over_at: the number after the counter's largest, where it rolls over.
            is_increment: true where the device says what came since it was read last.
        """
        self._increase = Increase(window_s, rolls_over_at=rolls_over_at, per_hour_max=per_hour_max / scale)
        self._window_s, self._scale, self._every_s = window_s, scale, every_s
        self._is_increment = is_increment
        self._worst = _WorstWithin(window_s)
        self._total = 0.0
        self._due_s = float("-inf")
        self._last_s: float | None = None

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:  # noqa: ARG002 - has one source
        """Take what the counter shows."""
        if isinstance(value, str):
            return None
        self._total = self._total + float(value) if self._is_increment else float(value)
        if self._last_s is not None and at.at_s - self._last_s > self._window_s:
            quality = max(quality, Quality.UNCERTAIN)
        self._last_s = at.at_s
        worst = self._worst.take(quality, at)
        rate = self._increase.per_hour(self._total, at.at_s)
        if self._increase.jump is not None:
            return Result(self._increase.jump * self._scale * 3600 / self._window_s, Quality.BAD)
        if rate is None or at.at_s < self._due_s:
            return None
        self._due_s = at.at_s + self._every_s
        return Result(round(rate * self._scale, _DECIMALS), worst)


class OccupancyShare:
    """The share of time, in %, for which a detector was covered."""

    def __init__(self, window_s: float, stale_after_s: float) -> None:
        """``stale_after_s``: how long what the detector said last holds."""
        self._occupancy = Occupancy(window_s, stale_after_s)
        self._worst = _WorstWithin(window_s)

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:  # noqa: ARG002
        """Take what the detector says."""
        if isinstance(value, str):
            return None
        worst = self._worst.take(quality, at)
        share = self._occupancy.feed(bool(value), at.at_s)
        return None if share is None else Result(100 * share, worst)


class LevelOfService:
    """A to F out of a flow and a speed, or out of an occupancy.

    An empty road and a standing queue look alike to a counter. Where nothing flows, or no speed is known, the occupancy
    decides, and without one nothing is said.
    """

    def __init__(
        self,
        lanes: int,
        limits: Sequence[float],
        stale_after_s: float,
        *,
        vehicle_m: float,
        loop_m: float,
        speed_scale: float,
        by_flow: bool,
    ) -> None:
        """``speed_scale`` makes km/h of the speed's unit; ``by_flow``: it is the flow that makes results."""
        self._makes = "flow" if by_flow else "occupancy"
        self._lanes, self._limits = lanes, tuple(limits)
        self._vehicle_m, self._loop_m, self._speed_scale = vehicle_m, loop_m, speed_scale
        self._inputs = _Inputs(stale_after_s)

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:
        """Take a flow in vehicles an hour, a speed, or an occupancy in %."""
        self._inputs.remember(role, value, quality, at)
        if role != self._makes or isinstance(value, str):
            return None
        occupancy, speed = self._inputs.fresh("occupancy", at), self._inputs.fresh("speed", at)
        density: float | None = None
        if role == "flow" and value and speed is not None:
            density = density_by_flow(float(value), speed[0] * self._speed_scale, self._lanes)
            quality = max(quality, speed[1])
        elif occupancy is not None:
            density = density_by_occupancy(occupancy[0] / 100, self._vehicle_m, self._loop_m)
            quality = max(quality, occupancy[1])
        return None if density is None else Result(level_of_service(density, self._limits), quality)


class IceRisk:
    """How likely ice lies on a road; see :func:`haechi.edge.derivations.ice.black_ice_risk`."""

    def __init__(self, wanted: Mapping[str, float], stale_after_s: float) -> None:
        """``wanted``: the sources besides the road's temperature, each with what makes mm, Cel or % of its unit."""
        self._wanted = dict(wanted)
        self._inputs = _Inputs(stale_after_s)

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:
        """Take a value; the road's temperature gives a result."""
        if role != "road":
            self._inputs.remember(role, value, quality, at)
            return None
        if isinstance(value, str):
            return None
        road_cel = float(value)
        found: dict[str, float] = {}
        for name, scale in self._wanted.items():
            fresh = self._inputs.fresh(name, at)
            if fresh is not None:
                found[name] = fresh[0] * scale
                quality = max(quality, fresh[1])
        dew_cel = found.get("dew_point")
        if "air" in found and "humidity" in found:
            dew_cel = dew_point_cel(found["air"], found["humidity"])
        risk = black_ice_risk(
            road_cel,
            film_mm=found.get("film"),
            freezing_cel=found.get("freezing"),
            dew_point_cel=dew_cel,
            wetness=found.get("wetness"),
        )
        frost_unknown = dew_cel is None and not self._wanted.keys().isdisjoint({"dew_point", "air"})
        if risk is not Risk.LIKELY and found.keys().isdisjoint({"film", "wetness"}) and dew_cel is None:
            # Nothing tells whether anything lies on it; a road that is warm needs no telling.
            return Result(int(Risk.NONE), quality) if risk is Risk.NONE and road_cel > 0 else None
        if risk is not Risk.LIKELY and frost_unknown and road_cel <= 0:
            return None
        if found.keys() != self._wanted.keys():
            quality = max(quality, Quality.UNCERTAIN)
        return Result(int(risk), quality)


class EmittedCarbon:
    """Carbon dioxide in kg/h out of a power, or of an energy counter."""

    def __init__(self, carbon: Carbon, scale: float, energy: CounterRate | None) -> None:
        """``scale`` makes kW of a power's unit; ``energy`` makes kW of a counter's."""
        self._carbon, self._scale, self._energy = carbon, scale, energy

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:
        """Take a power, or what the counter shows; None where no factor holds on that day."""
        if isinstance(value, str):
            return None
        power = Result(float(value) * self._scale, quality)
        if self._energy is not None:
            rate = self._energy.take(role, value, quality, at)
            if rate is None:
                return None
            power = rate
        kg = self._carbon.kg_of(float(power.value), utc(at.time_us).date())
        return None if kg is None else Result(kg, power.quality)


class Shaking:
    """The STA/LTA ratio of a seismogram."""

    def __init__(self, motion: GroundMotion, long_s: float) -> None:
        """``long_s``: for how long a sample has a part in the ratio."""
        self._motion = motion
        self._worst = _WorstWithin(long_s)

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:  # noqa: ARG002
        """Take one sample."""
        if isinstance(value, str):
            return None
        worst = self._worst.take(quality, at)
        ratio = self._motion.feed(float(value), at.at_s)
        return None if ratio is None else Result(ratio, worst)
