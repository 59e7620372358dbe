"""What a technician draws on a camera's picture: lines, zones, gauges, water, and the ground under them.

Promise: what exists here can be watched; impossible geometry, unknown keys and values out of range are refused by one
line that names the key. Points are fractions of the picture.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from haechi.edge.vision import geometry
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.ground import Ground, Spot
from haechi.edge.vision.labels import LABELS, LUGGAGE, PEOPLE, VEHICLES, Label
from haechi.edge.vision.schedule import DAYS, Day, Schedule, Span
from haechi.text import _

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Corner = tuple[Fraction, Fraction]


def _distinct(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    if len(set(labels)) != len(labels):
        raise ValueError(_("names a class twice"))
    return labels


Labels = Annotated[tuple[Label, ...], Field(min_length=1), AfterValidator(_distinct)]


def _possible(corners: tuple[Corner, ...]) -> tuple[Corner, ...]:
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners = corners[:-1]  # map programs close their polygons
    polygon = [Point(*corner) for corner in corners]
    if len(set(polygon)) < 3:
        raise ValueError(_("a polygon needs at least three different corners"))
    if geometry.crosses_itself(polygon):
        raise ValueError(_("the sides cross each other; give the corners in order around the area"))
    if geometry.area(polygon) < 1e-4:
        raise ValueError(_("the polygon has no area"))
    return corners


Polygon = Annotated[tuple[Corner, ...], Field(max_length=64), AfterValidator(_possible)]


class SceneModel(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HoursConfig(SceneModel):
    """Hours of certain days of the week, by the clocks of the camera's time zone."""

    days: tuple[Day, ...] = Field(DAYS, min_length=1, max_length=7, description="Days that the hours begin on.")
    begin: time = Field(description="From this time of day on: `22:00`.")
    end: time = Field(
        description="Until this time; before `begin` it is meant of the next day, the same as `begin` a whole day."
    )

    @model_validator(mode="after")
    def _is_plain(self) -> Self:
        if len(set(self.days)) < len(self.days):
            raise ValueError(_("days: names a day twice"))
        if self.begin.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError(_("begin, end: expected a time of day alone, such as 22:00; the camera has the time zone"))
        return self


def _possible_confirmation(confirm: tuple[int, int]) -> tuple[int, int]:
    if confirm[0] > confirm[1]:
        raise ValueError(_("expected [N, M] with N at most M: in N of the last M pictures"))
    return confirm


_Looks = Annotated[int, Field(ge=1, le=50)]
Confirmation = Annotated[tuple[_Looks, _Looks], AfterValidator(_possible_confirmation)]


class WatchedModel(SceneModel):
    """What zones and lines have in common."""

    name: Identifier = Field(description="Name within the camera; part of datastreams' and conditions' names.")
    confirm: Confirmation = Field(
        (1, 1), description="[N, M]: it must be seen in N of the last M pictures that were looked at."
    )
    schedule: tuple[HoursConfig, ...] = Field(
        (), max_length=16, description="When it is in force; always when nothing stands here."
    )

    def hours(self, zone: str) -> Schedule:
        """Its schedule by the clocks of a time zone."""
        spans = [Span(frozenset(hours.days), hours.begin, hours.end) for hours in self.schedule]
        return Schedule(spans, ZoneInfo(zone))


class LineConfig(WatchedModel):
    """A line whose crossings are counted; forward is from the left of a→b to its right.

    Left and right are those of somebody who walks on the picture from `a` to `b`: a line from the left edge to the
    right edge counts what moves down the picture as forward.
    """

    a: Corner = Field(description="Start, fractions of the picture: [x to the right, y down].")
    b: Corner = Field(description="End, fractions of the picture.")
    classes: Labels = Field(LABELS, description="What is counted.")
    min_duration_s: float = Field(
        0, ge=0, le=60, description="An object must have been in view for so long before its crossing counts."
    )
    speed: bool = Field(False, description="Also measures the mean speed of what crosses; needs `ground`.")

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if abs(self.a[0] - self.b[0]) + abs(self.a[1] - self.b[1]) < 0.01:
            raise ValueError(_("a and b are the same point; a line needs a length"))
        return self


ZoneKind = Literal[
    "intrusion",
    "loitering",
    "crowding",
    "abandoned",
    "stopped_vehicle",
    "parking",
    "wrong_way",
    "bay",
    "queue",
    "congestion",
]
STANDING: frozenset[ZoneKind] = frozenset({"stopped_vehicle", "parking", "bay"})
MEASURING: frozenset[ZoneKind] = frozenset({"bay", "queue", "congestion"})
"""Kinds that measure something, whether or not there is an event."""
UNEVALUATED: frozenset[ZoneKind] = frozenset(
    {"loitering", "crowding", "abandoned", "parking", "wrong_way", "bay", "queue", "congestion"}
)
"""Kinds that no clip with a known truth has been tried on; their events say so."""

_LASTING_S: dict[ZoneKind, float] = {
    "intrusion": 1,
    "loitering": 60,
    "crowding": 10,
    "abandoned": 60,
    "stopped_vehicle": 10,
    "parking": 300,
    "wrong_way": 0.5,
    "bay": 10,
    "queue": 0,
    "congestion": 60,
}
_ABOUT_PEOPLE: frozenset[ZoneKind] = frozenset({"intrusion", "loitering", "crowding"})
_WITH_WAY: frozenset[ZoneKind] = frozenset({"wrong_way", "queue"})


class ZoneConfig(WatchedModel):
    """An area of the picture that is watched."""

    kind: ZoneKind = Field(description="What is an event in it, or measured.")
    polygon: Polygon = Field(description="Corners in order, fractions of the picture; three at least.")
    classes: Labels | None = Field(
        None,
        description="What is watched; by default people for intrusion, loitering, crowding, luggage for abandoned, "
        "vehicles for the others.",
    )
    min_duration_s: float | None = Field(
        None,
        ge=0,
        le=3600,
        description="How long it must last; by default 1 s for an intrusion, 60 s for loitering, abandoned and "
        "congestion, 10 s for crowding, stopped vehicles and bays, 300 s for parking, 0.5 s for the wrong way.",
    )
    count_min: int = Field(5, ge=2, le=100, description="For crowding: so many at a time.")
    way: tuple[Corner, Corner] | None = Field(
        None,
        description="For wrong_way and queue: two points; traffic is to go from the first towards the second, and a "
        "queue begins at the second.",
    )
    stay_max_s: float | None = Field(
        None, ge=10, le=604_800, description="For a bay: who stands there for longer is a parking violation."
    )
    free_km_h: float = Field(50, ge=5, le=200, description="For congestion: the speed of those whom nobody hinders.")
    level_min: int = Field(2, ge=1, le=3, description="For congestion: from this level on it is an event.")
    owner_heights: float = Field(
        1.5,
        ge=0.5,
        le=10,
        description="For abandoned: somebody is with a thing who is no further than so many times their own height.",
    )
    clear_after_s: float = Field(5, ge=0.5, le=3600, description="The event ends when nothing was there for so long.")
    clip: bool = Field(False, description="Every event of this zone brings a clip, see `clips`.")
    retract_within_s: float = Field(
        10,
        ge=0,
        le=60,
        description="For so long an event is taken back when what it began with proves to be something else.",
    )

    @property
    def outline(self) -> list[Point]:
        """The polygon's corners."""
        return [Point(*corner) for corner in self.polygon]

    @property
    def watched(self) -> frozenset[Label]:
        """The classes that it watches."""
        if self.classes is not None:
            return frozenset(self.classes)
        if self.kind == "abandoned":
            return LUGGAGE
        return PEOPLE if self.kind in _ABOUT_PEOPLE else VEHICLES

    @property
    def lasting_s(self) -> float:
        """How long it must last before it is an event."""
        return _LASTING_S[self.kind] if self.min_duration_s is None else self.min_duration_s

    @model_validator(mode="after")
    def _has_its_way(self) -> Self:
        if (self.kind in _WITH_WAY) != (self.way is not None):
            raise ValueError(_("way: expected for wrong_way and queue, two points, and for no other kind"))
        if self.way is not None and abs(self.way[0][0] - self.way[1][0]) + abs(self.way[0][1] - self.way[1][1]) < 0.01:
            raise ValueError(_("way: its two points are the same"))
        if self.stay_max_s is not None and self.kind != "bay":
            raise ValueError(_("stay_max_s: expected for a bay alone; for parking it is min_duration_s"))
        if self.kind == "abandoned" and PEOPLE & self.watched:
            raise ValueError(_("classes: a person is no abandoned thing"))
        return self


Metres = Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)]


class GroundConfig(SceneModel):
    """The ground as a plane: four points of the picture, and where each of them lies on it."""

    points: tuple[Corner, Corner, Corner, Corner] = Field(
        description="Four points of the road, fractions of the picture, no three on one line."
    )
    metres: tuple[tuple[Metres, Metres], tuple[Metres, Metres], tuple[Metres, Metres], tuple[Metres, Metres]] = Field(
        description="Where each of them lies, metres from any corner you choose: [to one side, ahead]."
    )

    @model_validator(mode="after")
    def _is_a_plane(self) -> Self:
        for key, corners in (("points", self.points), ("metres", self.metres)):
            scale = max(abs(a[i] - b[i]) for a in corners for b in corners for i in (0, 1))
            for left_out in range(4):
                a, b, c = (Point(*corner) for number, corner in enumerate(corners) if number != left_out)
                if geometry.area([a, b, c]) < 1e-3 * scale * scale:
                    raise ValueError(_("{key}: three of the four lie on one line").format(key=key))
        try:
            self.plane()
        except ValueError:
            raise ValueError(
                _("points, metres: no view of a road looks so; are both given in the same order?")
            ) from None
        return self

    def plane(self) -> Ground:
        """The plane.

        Raises:
            ValueError: there is none, which a configuration that exists rules out.
        """
        return Ground([Point(*point) for point in self.points], [Spot(*spot) for spot in self.metres])


class WaterModel(WatchedModel):
    """What gauges and surfaces have in common."""

    min_duration_s: float = Field(60, ge=0, le=3600, description="How long it must last before it is an event.")
    clear_after_s: float = Field(
        300, ge=0.5, le=86_400, description="The event ends when nothing of it was seen for so long."
    )
    clip: bool = Field(False, description="Every event of it brings a clip, see `clips`.")

    @property
    def retract_within_s(self) -> float:
        """Water is not taken back: it ends."""
        return 0.0


class GaugeConfig(WaterModel):
    """A staff gauge, or a line painted on a wall: where the water meets it is the level."""

    a: Corner = Field(description="Upper end of the line along the gauge, fractions of the picture.")
    b: Corner = Field(description="Lower end of it.")
    a_m: float = Field(ge=-1000, le=9000, allow_inf_nan=False, description="Height that `a` lies at, metres.")
    b_m: float = Field(ge=-1000, le=9000, allow_inf_nan=False, description="Height that `b` lies at, metres.")
    width: float = Field(
        0.03, ge=0.005, le=0.3, description="So wide a strip is looked at, a fraction of the picture's width."
    )
    period_s: float = Field(60, ge=1, le=3600, description="A level is told so often, or with every still picture.")
    flood_m: float | None = Field(
        None,
        ge=-1000,
        le=9000,
        allow_inf_nan=False,
        description="From this level on the road is flooded, which is an event; none when nothing stands here.",
    )

    @property
    def kind(self) -> str:
        """What its condition is called."""
        return "flooded"

    @property
    def outline(self) -> list[Point]:
        """The strip that is looked at, as a polygon."""
        dx, dy = self.b[0] - self.a[0], self.b[1] - self.a[1]
        length = (dx * dx + dy * dy) ** 0.5
        x, y = -dy / length * self.width / 2, dx / length * self.width / 2
        corners = ((self.a, 1), (self.b, 1), (self.b, -1), (self.a, -1))
        return [Point(end[0] + side * x, end[1] + side * y) for end, side in corners]

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.b[1] - self.a[1] < 0.05:
            raise ValueError(_("a, b: `a` is the upper end; expected `b` at least a twentieth of the picture below it"))
        if self.a_m - self.b_m < 0.01:
            raise ValueError(_("a_m, b_m: `a` lies above `b`, so a_m must be more than b_m"))
        if self.flood_m is not None and not self.b_m < self.flood_m < self.a_m:
            raise ValueError(_("flood_m: expected a height between b_m and a_m, for no other can be seen"))
        return self


class SurfaceConfig(WaterModel):
    """A piece of road or ground: is it wet, is it under water?"""

    kind: Literal["flooded", "wetness"] = Field(
        description="`flooded` is an event when water covers it; `wetness` measures how wet it looks, 0 to 1."
    )
    polygon: Polygon = Field(description="Corners in order, fractions of the picture; bare road, three at least.")

    @property
    def outline(self) -> list[Point]:
        """The polygon's corners."""
        return [Point(*corner) for corner in self.polygon]
