"""From ``[[derivation]]`` to a computation and its datastream; what cannot be is one line that names the key.

Promise: a source exists and was not made later, its unit is one that the derivation can use, and the times of all
sources are of one clock: the gateway's, or the device's own. Pure.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from haechi.contract.places import Datastream
from haechi.edge.derivations import config
from haechi.edge.derivations.carbon import Carbon, EmissionFactor
from haechi.edge.derivations.chain import Link
from haechi.edge.derivations.computations import (
    Computation,
    CounterRate,
    EmittedCarbon,
    IceRisk,
    LevelOfService,
    OccupancyShare,
    Shaking,
)
from haechi.edge.derivations.earthquake import GroundMotion
from haechi.text import _

_METRES = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001}
_RAIN_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "[in_i]": 25.4}
_COUNTS = {"{veh}": 1.0, "1": 1.0}
_SPEED_KM_H = {"km/h": 1.0, "m/s": 3.6, "[mi_i]/h": 1.609344}
_FILM_MM = {"mm": 1.0, "um": 0.001}
_CELSIUS = {"Cel": 1.0}
_SHARE = {"1": 1.0, "%": 0.01}
_PER_CENT = {"%": 1.0, "1": 100.0}
_FLOW = {"{veh}/h": 1.0}
_POWER_KW = {"W": 1e-3, "kW": 1.0, "MW": 1e3}
_ENERGY_KWH = {"W.h": 1e-3, "kW.h": 1.0, "MW.h": 1e3, "J": 1 / 3.6e6, "kJ": 1 / 3.6e3, "MJ": 1 / 3.6}
_SLOTS = 60


class Straight(NamedTuple):
    """A result that is ``offset + factor × source``."""

    source: str
    offset: float
    factor: float
    unit: str
    observed_property: str


class _Sources:
    """The datastreams that one derivation may be made of, and how their faults are told."""

    def __init__(self, key: str, known: Mapping[str, Datastream]) -> None:
        self._key, self._known = key, known
        self.used: dict[str, str] = {}
        """Source → role, in the order of asking."""

    def fault(self, role: str, value: object, what: str) -> str:
        """Return the line that tells what is wrong with a key."""
        return f"{self._key}.{role} = {value!r}: {what}"

    def known(self, role: str, name: str) -> Datastream:
        """Return a datastream by its name."""
        found = self._known.get(name)
        if found is None:
            listed = sorted(self._known)
            names = ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "")
            what = _("there is no such thing; known: {names}").format(names=names or _("none"))
            raise ValueError(self.fault(role, name, what))
        return found

    def stream(self, role: str, name: str) -> Datastream:
        """Use a source whatever its unit is."""
        found = self.known(role, name)
        if found.kind == "text":
            raise ValueError(self.fault(role, name, _("is a text")))
        if name in self.used:
            raise ValueError(self.fault(role, name, _("is {other} already").format(other=self.used[name])))
        if any(self._known[other].device_time != found.device_time for other in self.used):
            what = _("one source bears its device's times and another the gateway's")
            raise ValueError(self.fault(role, name, what))
        self.used[name] = role
        return found

    def scale(self, role: str, name: str, units: Mapping[str, float]) -> float:
        """Use a source; return what makes the derivation's own unit of the source's."""
        unit = self.stream(role, name).unit
        if unit not in units:
            what = _("is in {unit}; expected a datastream in {units}").format(unit=unit, units=", ".join(units))
            raise ValueError(self.fault(role, name, what))
        return units[unit]


def straight(key: str, written: config.Linear | config.Stage, known: Mapping[str, Datastream]) -> Straight:
    """Return what a linear derivation or a stage computes.

    Raises:
        ValueError: it cannot be computed of this source; one line.
    """
    if isinstance(written, config.Linear):
        return Straight(written.source, written.offset, written.factor, written.unit, written.observed_property)
    sources = _Sources(key, known)
    metres = sources.scale("source", written.source, _METRES)
    is_distance = known[written.source].observed_property == "distance"
    if is_distance != (written.sensor_above_zero_m is not None):
        expected = (
            _("expected sensor_above_zero_m, the height from which it is measured")
            if is_distance
            else _("expected no sensor_above_zero_m, for it is no distance")
        )
        raise ValueError(f"{key}.source = {written.source!r}: {expected}")
    offset = _exact(written.zero_above_datum_m, written.sensor_above_zero_m or 0.0)
    return Straight(written.source, offset, -metres if is_distance else metres, "m", "water_level")


def computed(key: str, written: Any, known: Mapping[str, Datastream]) -> tuple[Link, Datastream]:
    """Return the computation of a derivation, and its datastream.

    Raises:
        ValueError: it cannot be computed of these sources; one line.
    """
    sources = _Sources(key, known)
    computation, unit, observed_property, every_s = _computation(written, sources)
    first = known[next(iter(sources.used))]
    datastream = Datastream(
        id=written.id,
        thing=first.thing,
        observed_property=observed_property,
        unit=unit,
        name=written.name,
        kind="text" if isinstance(written, config.ServiceLevel) else "number",
        period_s=max(every_s, first.period_s or every_s) or None,
        device_time=first.device_time,
    )
    return Link(written.id, sources.used, computation), datastream


def _computation(written: Any, sources: _Sources) -> tuple[Computation, str, str, float]:
    """Return the computation, its unit, what it observes, and how often it says something at most (0: as it comes)."""
    match written:
        case config.RainIntensity():
            return _rate(written, sources, _RAIN_MM), "mm/h", "rain_intensity", written.window_s / _SLOTS
        case config.TrafficFlow():
            return _rate(written, sources, _COUNTS), "{veh}/h", "traffic_flow", written.window_s / _SLOTS
        case config.Occupancy():
            sources.stream("source", written.source)
            share = OccupancyShare(written.window_s, written.stale_after_s)
            return share, "%", "occupancy", written.window_s / _SLOTS
        case config.ServiceLevel():
            return _service_level(written, sources), "1", "level_of_service", 0.0
        case config.BlackIce():
            return _black_ice(written, sources), "1", "black_ice_risk", 0.0
        case config.CarbonRate():
            return _carbon(written, sources)
        case config.GroundShaking():
            return _shaking(written, sources), "1", "sta_lta_ratio", written.every_s
        case _:
            raise AssertionError(written)


def _rate(
    written: config.RainIntensity | config.TrafficFlow | config.CarbonRate,
    sources: _Sources,
    units: Mapping[str, float],
) -> CounterRate:
    scale = sources.scale("source", written.source, units)
    stream = sources.known("source", written.source)
    rolls_over_at = written.rolls_over_at if written.rolls_over_at is not None else stream.rolls_over_at
    is_increment = stream.counter == "increment"
    return CounterRate(
        written.window_s,
        scale,
        written.window_s / _SLOTS,
        per_hour_max=written.per_hour_max,
        rolls_over_at=None if is_increment else rolls_over_at,
        is_increment=is_increment,
    )


def _service_level(written: config.ServiceLevel, sources: _Sources) -> LevelOfService:
    speed_scale = 1.0
    if written.flow is not None and written.speed is not None:
        sources.scale("flow", written.flow, _FLOW)
        speed_scale = sources.scale("speed", written.speed, _SPEED_KM_H)
    if written.occupancy is not None:
        sources.scale("occupancy", written.occupancy, {"%": 1.0})
    return LevelOfService(
        written.lanes,
        written.limits,
        written.stale_after_s,
        vehicle_m=written.vehicle_m,
        loop_m=written.loop_m,
        speed_scale=speed_scale,
        by_flow=written.flow is not None,
    )


def _black_ice(written: config.BlackIce, sources: _Sources) -> IceRisk:
    sources.scale("road", written.road, _CELSIUS)
    wanted = {
        role: sources.scale(role, name, units)
        for role, name, units in (
            ("film", written.film, _FILM_MM),
            ("wetness", written.wetness, _SHARE),
            ("freezing", written.freezing, _CELSIUS),
            ("dew_point", written.dew_point, _CELSIUS),
            ("air", written.air, _CELSIUS),
            ("humidity", written.humidity, _PER_CENT),
        )
        if name is not None
    }
    return IceRisk(wanted, written.stale_after_s)


def _carbon(written: config.CarbonRate, sources: _Sources) -> tuple[Computation, str, str, float]:
    carbon = Carbon(EmissionFactor(one.valid_from, one.kg_per_kwh, one.source) for one in written.factor)
    unit, what = "kg/h", "carbon_dioxide_rate"
    if sources.known("source", written.source).unit in _POWER_KW:
        return EmittedCarbon(carbon, sources.scale("source", written.source, _POWER_KW), None), unit, what, 0.0
    energy = _rate(written, sources, {**_ENERGY_KWH, **_POWER_KW})
    return EmittedCarbon(carbon, 1.0, energy), unit, what, written.window_s / _SLOTS


def _shaking(written: config.GroundShaking, sources: _Sources) -> Shaking:
    stream = sources.stream("source", written.source)
    if not stream.device_time or not stream.period_s:
        raise ValueError(
            sources.fault(
                "source",
                written.source,
                _("expected a seismogram: samples at a fixed rate with the device's own times"),
            )
        )
    rate_hz = 1 / stream.period_s
    if round(written.short_s * rate_hz) < 1:
        raise ValueError(
            sources.fault("short_s", written.short_s, _("is shorter than the time from one sample to the next"))
        )
    return Shaking(
        GroundMotion(
            rate_hz,
            short_s=written.short_s,
            long_s=written.long_s,
            corner_hz=written.corner_hz,
            every_s=written.every_s,
            shaking_at=written.shaking_at,
        ),
        written.long_s,
    )


def _exact(one: float, other: float) -> float:
    """Add two decimal numbers as a person does, so that a sum of centimetres stays one."""
    return float(Fraction(str(one)) + Fraction(str(other)))
