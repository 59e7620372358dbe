"""``[[derivation]]`` and ``[[local]]`` of the gateway's configuration: what is computed, out of what.

Promise: a model that exists is consistent in itself. What only the sources can tell (that they exist, their units,
whose clock their times are of) is checked where they are known, in :mod:`haechi.edge.derivations.planning`.
"""

from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from haechi.edge.derivations.traffic import HCM_2000_DENSITY
from haechi.text import _

DatastreamId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+$", max_length=160)]
Property = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Derivation(_Model):
    id: DatastreamId = Field(description="Id of the new datastream; begins with the id of its device.")
    name: str = Field("", max_length=512, description="Name that operators read.")


class Linear(_Derivation):
    """A value computed from another: `value = offset + factor × source`; what it is where no `kind` is written."""

    kind: Literal["linear"] = Field("linear", description="`linear`, or absent.")
    source: DatastreamId = Field(description="Datastream that it is computed from.")
    offset: float = Field(0.0, ge=-1e9, le=1e9, description="In the new datastream's unit, such as the datum in m.")
    factor: float = Field(1.0, ge=-1e9, le=1e9, description="−1 turns a distance into a level.")
    unit: str = Field(min_length=1, max_length=32, description="UCUM code of the result.")
    observed_property: Property = Field(description="What it is: `water_level` …")

    @field_validator("factor")
    @classmethod
    def _is_not_zero(cls, factor: float) -> float:
        if factor == 0:
            raise ValueError(_("expected a factor other than 0"))
        return factor


class Stage(_Derivation):
    """A water level in m above the gauge's zero, or above a datum, out of a distance or a level."""

    kind: Literal["stage"] = Field(description="`stage`.")
    source: DatastreamId = Field(description="A distance down to the water, or a level; in m, cm or mm.")
    sensor_above_zero_m: float | None = Field(
        None, ge=-1000, le=10_000, description="Height of the sensor above the gauge's zero; only for a distance."
    )
    zero_above_datum_m: float = Field(
        0.0, ge=-1000, le=10_000, description="Height of the gauge's zero above the datum; 0 gives the stage itself."
    )
    datum: str = Field("", max_length=128, description="Which datum that is, such as `Incheon mean sea level`.")

    @model_validator(mode="after")
    def _names_its_datum(self) -> Self:
        if (self.zero_above_datum_m != 0) != bool(self.datum):
            raise ValueError(_("zero_above_datum_m and datum belong together: a height without its datum says nothing"))
        return self


class _CounterRate(_Derivation):
    source: DatastreamId = Field(description="The counter.")
    rolls_over_at: float | None = Field(
        None, gt=0, le=2**64, description="The number after the counter's largest; else what its adapter declares."
    )


class RainIntensity(_CounterRate):
    """Rain in mm/h out of a gauge's amount."""

    kind: Literal["rain_intensity"] = Field(description="`rain_intensity`.")
    window_s: float = Field(600, ge=60, le=86_400, description="Over so long; the first value comes after it.")
    intensity_max_mm_h: float = Field(
        2000, ge=1, le=100_000, description="It cannot rain harder: what the counter rose by faster was read wrongly."
    )

    @property
    def per_hour_max(self) -> float:
        """Most that can be, in the result's unit."""
        return self.intensity_max_mm_h


class TrafficFlow(_CounterRate):
    """Vehicles an hour out of a count of vehicles."""

    kind: Literal["traffic_flow"] = Field(description="`traffic_flow`.")
    window_s: float = Field(300, ge=10, le=86_400, description="Over so long; the first value comes after it.")
    flow_max_per_h: float = Field(
        30_000, ge=1, le=1e6, description="No more can pass: what the counter rose by faster was read wrongly."
    )

    @property
    def per_hour_max(self) -> float:
        """Most that can be, in the result's unit."""
        return self.flow_max_per_h


class Occupancy(_Derivation):
    """The share of time, in %, for which a detector was covered."""

    kind: Literal["occupancy"] = Field(description="`occupancy`.")
    source: DatastreamId = Field(description="A detector: true, or 1, while something is over it.")
    window_s: float = Field(300, ge=10, le=86_400, description="Over so long; the first value comes after it.")
    stale_after_s: float = Field(
        30,
        ge=0.1,
        le=3600,
        description="The detector's word holds for so long, so take more than it repeats after; with more than a tenth "
        "of the window unknown nothing is said.",
    )


class ServiceLevel(_Derivation):
    """The level of service, A to F, out of flow and speed, or out of occupancy."""

    kind: Literal["level_of_service"] = Field(description="`level_of_service`.")
    flow: DatastreamId | None = Field(None, description="Vehicles an hour; with `speed`.")
    speed: DatastreamId | None = Field(None, description="Their mean speed in km/h or m/s; with `flow`.")
    occupancy: DatastreamId | None = Field(
        None, description="In %; instead of `flow` and `speed`, or beside them: it tells a queue from an empty road."
    )
    lanes: int = Field(1, ge=1, le=12, description="Lanes that the flow is counted on.")
    vehicle_m: float = Field(4.5, ge=1, le=30, description="Mean length of a vehicle here; with `occupancy`.")
    loop_m: float = Field(2.0, ge=0.1, le=50, description="Length of the detector; with `occupancy`.")
    limits: tuple[float, ...] = Field(
        HCM_2000_DENSITY,
        min_length=5,
        max_length=5,
        description="Most vehicles per km and lane for A, B, C, D and E; beyond is F.",
    )
    stale_after_s: float = Field(600, ge=1, le=86_400, description="A speed, or an occupancy, older than this is none.")

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if (self.flow is None) != (self.speed is None) or (self.flow is None and self.occupancy is None):
            raise ValueError(_("give flow and speed, or occupancy, or all three"))
        if self.limits[0] <= 0 or any(low >= high for low, high in pairwise(self.limits)):
            raise ValueError(_("limits: expected five numbers above 0, each larger than the one before"))
        return self


class BlackIce(_Derivation):
    """How likely ice lies on a road: 0 none, 1 possible, 2 likely. Without its inputs it says nothing."""

    kind: Literal["black_ice"] = Field(description="`black_ice`.")
    road: DatastreamId = Field(description="Temperature of the road's surface in Cel; each of its values gives one.")
    film: DatastreamId | None = Field(None, description="Height of the water on it, in mm or um.")
    wetness: DatastreamId | None = Field(
        None, description="How wet it looks to a camera, 0 to 1; counts while there is no `film`."
    )
    freezing: DatastreamId | None = Field(None, description="At which temperature that freezes (salt), in Cel.")
    dew_point: DatastreamId | None = Field(None, description="Of the air, in Cel.")
    air: DatastreamId | None = Field(None, description="Temperature of the air in Cel; with `humidity`.")
    humidity: DatastreamId | None = Field(None, description="Relative humidity in %; with `air`, gives the dew point.")
    stale_after_s: float = Field(600, ge=1, le=86_400, description="An input older than this is none.")

    @model_validator(mode="after")
    def _has_a_wetness(self) -> Self:
        if (self.air is None) != (self.humidity is None) or (self.air is not None and self.dew_point is not None):
            raise ValueError(_("give dew_point, or air and humidity, or none of them"))
        if self.film is None and self.dew_point is None and self.air is None and self.wetness is None:
            raise ValueError(_("give film, wetness, dew_point, or air and humidity: cold alone is no ice"))
        return self


class Factor(_Model):
    """`[[derivation.factor]]`: an emission factor and the day from which it holds (UTC)."""

    valid_from: date = Field(description="First day.")
    kg_per_kwh: float = Field(ge=0, le=10, description="Carbon dioxide, kg for each kWh.")
    source: str = Field(min_length=1, max_length=512, description="Who published it, and where.")


class CarbonRate(_Derivation):
    """Carbon dioxide in kg/h out of power or an energy counter, by the emission factor of the day."""

    kind: Literal["carbon"] = Field(description="`carbon`.")
    source: DatastreamId = Field(description="A power (W, kW, MW), or an energy counter (W.h, kW.h, MW.h, J, MJ).")
    window_s: float = Field(900, ge=60, le=86_400, description="For an energy counter: over so long.")
    rolls_over_at: float | None = Field(None, gt=0, le=2**64, description="The number after the counter's largest.")
    power_max_kw: float = Field(
        100_000, gt=0, le=1e9, description="No more is drawn: what an energy counter rose by faster was read wrongly."
    )
    factor: tuple[Factor, ...] = Field(
        min_length=1, max_length=100, description="The factors; before the first day nothing is said."
    )

    @model_validator(mode="after")
    def _has_one_factor_a_day(self) -> Self:
        days = [factor.valid_from for factor in self.factor]
        if len(set(days)) != len(days):
            raise ValueError(_("factor: two hold from the same day"))
        return self

    @property
    def per_hour_max(self) -> float:
        """Most that an energy counter can rise by, in kWh."""
        return self.power_max_kw


class GroundShaking(_Derivation):
    """How strongly the ground shakes against what is usual (STA/LTA of a seismogram); a threshold rule raises on it."""

    kind: Literal["sta_lta"] = Field(description="`sta_lta`.")
    source: DatastreamId = Field(description="A seismogram with the seismometer's own times.")
    short_s: float = Field(1.0, ge=0.05, le=60, description="The short window: about as long as the first shock.")
    long_s: float = Field(30.0, ge=1, le=600, description="The long window: what passes for quiet here.")
    corner_hz: float = Field(0.5, ge=0.001, le=20, description="Slower movement, and an offset, are taken off.")
    every_s: float = Field(1.0, ge=0.1, le=60, description="The highest ratio is said this often while nothing shakes.")
    shaking_at: float = Field(
        2.5, ge=1, le=1000, description="From this ratio on it is said at once, and ten times a second."
    )

    @model_validator(mode="after")
    def _has_a_shorter_window(self) -> Self:
        if self.short_s >= self.long_s:
            raise ValueError(_("short_s must be below long_s"))
        return self


KINDS: dict[str, type[_Derivation]] = {
    "linear": Linear,
    "stage": Stage,
    "rain_intensity": RainIntensity,
    "traffic_flow": TrafficFlow,
    "occupancy": Occupancy,
    "level_of_service": ServiceLevel,
    "black_ice": BlackIce,
    "carbon": CarbonRate,
    "sta_lta": GroundShaking,
}


def _kind_of(written: Any) -> Any:
    if isinstance(written, dict):
        return written.get("kind", "linear")
    return getattr(written, "kind", None)


Derivation = Annotated[
    Annotated[Linear, Tag("linear")]
    | Annotated[Stage, Tag("stage")]
    | Annotated[RainIntensity, Tag("rain_intensity")]
    | Annotated[TrafficFlow, Tag("traffic_flow")]
    | Annotated[Occupancy, Tag("occupancy")]
    | Annotated[ServiceLevel, Tag("level_of_service")]
    | Annotated[BlackIce, Tag("black_ice")]
    | Annotated[CarbonRate, Tag("carbon")]
    | Annotated[GroundShaking, Tag("sta_lta")],
    Discriminator(_kind_of),
]


class Local(_Model):
    """A datastream that does not travel: rules and derivations see it, and its last values stay in a ring."""

    datastream: DatastreamId = Field(description="Which datastream.")
    values_max: int = Field(6000, ge=1, le=360_000, description="The ring: 6000 are a minute at 100 a second.")
    kept_after_s: float = Field(
        20,
        ge=0,
        le=3600,
        description="So long after a rule raised on it, or on what is computed from it, the ring is written below "
        "`data_dir/rings`; the newest twenty files are kept.",
    )
