"""The derivations that need more than one value: each takes its sources' values as they come, and says a result. Pure.

A computation's first source is the one whose values make results; the others are remembered, and one that is older
than ``stale_after_s`` is none. Without what it needs a computation says nothing. A result is no better than what it was
made of: an uncertain value makes an uncertain result. Bad values never come here.

Times (``Moment.at_s``) are the gateway's monotonic seconds, or the device's own record time where it has one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from haechi.contract.observations import Quality, Value, utc
from haechi.edge.derivations.carbon import Carbon
from haechi.edge.derivations.earthquake import GroundMotion
from haechi.edge.derivations.ice import Risk, black_ice_risk, dew_point_cel
from haechi.edge.derivations.increase import Increase
from haechi.edge.derivations.occupancy import Occupancy
from haechi.edge.derivations.traffic import density_by_flow, density_by_occupancy, level_of_service


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
        if last is None or at.at_s - last[2] > self._stale_after_s:
            return None
        return last[0], last[1]


@dataclass
class CounterRate:
    """By how much a counter rises in an hour: rain in mm/h, vehicles an hour."""

    increase: Increase
    scale: float
    """What one count is in the result's unit."""
    every_s: float
    """A figure is said no more often."""
    is_increment: bool = False
    """True where the device says what came since it was read last."""
    _total: float = 0.0
    _due_s: float = float("-inf")
    _worst: Quality = Quality.GOOD

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:  # noqa: ARG002 - has one source
        """Take what the counter shows."""
        if isinstance(value, str):
            return None
        if self.is_increment:
            self._total += float(value)
        else:
            self._total = float(value)
        self._worst = max(self._worst, quality)
        rate = self.increase.per_hour(self._total, at.at_s)
        if rate is None or at.at_s < self._due_s:
            return None
        self._due_s = at.at_s + self.every_s
        worst, self._worst = self._worst, Quality.GOOD
        return Result(rate * self.scale, worst)


@dataclass
class OccupancyShare:
    """The share of time, in %, for which a detector was covered."""

    occupancy: Occupancy

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:  # noqa: ARG002
        """Take what the detector says."""
        if isinstance(value, str):
            return None
        share = self.occupancy.feed(bool(value), at.at_s)
        return None if share is None else Result(100 * share, quality)


class LevelOfService:
    """A to F out of a flow and a speed, or out of an occupancy."""

    def __init__(
        self,
        lanes: int,
        limits: Sequence[float],
        stale_after_s: float,
        *,
        vehicle_m: float,
        loop_m: float,
        speed_scale: float,
    ) -> None:
        """``speed_scale`` makes km/h of the speed's unit."""
        self._lanes, self._limits = lanes, tuple(limits)
        self._vehicle_m, self._loop_m, self._speed_scale = vehicle_m, loop_m, speed_scale
        self._inputs = _Inputs(stale_after_s)

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:
        """Take a flow in vehicles an hour, a speed, or an occupancy in %."""
        if role == "speed":
            self._inputs.remember(role, value, quality, at)
            return None
        if isinstance(value, str):
            return None
        if role == "occupancy":
            density: float | None = density_by_occupancy(float(value) / 100, self._vehicle_m, self._loop_m)
        else:
            speed = self._inputs.fresh("speed", at)
            if speed is None:
                return None
            density = density_by_flow(float(value), speed[0] * self._speed_scale, self._lanes)
            quality = max(quality, speed[1])
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


@dataclass
class Shaking:
    """The STA/LTA ratio of a seismogram."""

    motion: GroundMotion

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:  # noqa: ARG002
        """Take one sample."""
        if isinstance(value, str):
            return None
        ratio = self.motion.feed(float(value), at.at_s)
        return None if ratio is None else Result(ratio, quality)
