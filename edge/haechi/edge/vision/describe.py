"""Says in the contract's words what a camera is, counts and reports. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from haechi.contract.catalogue import lookup
from haechi.contract.events import RETRACTS, Certainty, Event, Evidence, Phase, Urgency
from haechi.contract.observations import Reading, Value
from haechi.contract.places import Datastream, Place, Thing
from haechi.edge.vision.config import UNEVALUATED, CameraConfig, GaugeConfig, LineConfig, SurfaceConfig, ZoneConfig
from haechi.edge.vision.faults import TAMPERING, Fault
from haechi.edge.vision.labels import PEOPLE, VEHICLES
from haechi.edge.vision.measures import Quantity
from haechi.edge.vision.messages import ClipMade, Counts, Measures, ViewChange, ZoneChange

Area = ZoneConfig | GaugeConfig | SurfaceConfig
"""What may raise a condition."""
DIRECTIONS = ("forward", "backward")

_EVENT_TYPES: dict[str, str] = {
    "abandoned": "security.abandoned_object",
    "bay": "parking.violation",
    "congestion": "traffic.congestion",
    "flooded": "flood.road_inundated",
    "intrusion": "security.intrusion",
    "loitering": "security.loitering",
    "crowding": "security.crowding",
    "stopped_vehicle": "traffic.stopped_vehicle",
    "parking": "parking.violation",
    "wrong_way": "traffic.wrong_way",
}

_PROPERTIES: dict[Quantity, tuple[str, str]] = {
    "speed": ("vehicle_speed", "km/h"),
    "occupancy": ("road_occupancy", "%"),
    "congestion": ("congestion_level", "1"),
    "queue": ("queue_count", "{veh}"),
    "queue_length": ("queue_length", "m"),
    "occupied": ("bay_occupied", "1"),
    "level": ("water_level", "m"),
    "wetness": ("road_wetness", "1"),
}
"""Observed property and UCUM unit of what is measured."""


def thing(config: CameraConfig, place: Place) -> Thing:
    """The camera as a thing, at the position of its place."""
    return Thing(
        id=config.id,
        name=config.name or config.id,
        kind="camera",
        place=place.id,
        latitude=place.latitude,
        longitude=place.longitude,
    )


def datastreams(config: CameraConfig) -> list[Datastream]:
    """What the camera tells: two counts a line, ``{camera}.{line}.forward`` and ``….backward``; what it measures."""
    made = []
    for line in config.lines:
        observed_property, unit = _counted(line)
        made += [
            Datastream(
                id=f"{config.id}.{line.name}.{direction}",
                thing=config.id,
                observed_property=observed_property,
                unit=unit,
                name=f"{line.name} {direction}",
                step=(1, 1),
                period_s=config.count_period_s,
            )
            for direction in DIRECTIONS
        ]
    return made + [_measured(config, part, quantity) for part, quantity in _measuring(config)]


def _measuring(config: CameraConfig) -> Iterator[tuple[str, Quantity]]:
    """Each part of a scene that measures something, with what it measures."""
    for line in config.lines:
        if line.speed:
            yield line.name, "speed"
    for zone in config.zones:
        match zone.kind:
            case "bay":
                yield zone.name, "occupied"
            case "queue":
                yield zone.name, "queue"
                if config.ground is not None:
                    yield zone.name, "queue_length"
            case "congestion":
                yield zone.name, "occupancy"
                yield zone.name, "congestion"
                yield zone.name, "speed"
    for gauge in config.gauges:
        yield gauge.name, "level"
    for surface in config.surfaces:
        if surface.kind == "wetness":
            yield surface.name, "wetness"


def _measured(config: CameraConfig, part: str, quantity: Quantity) -> Datastream:
    observed_property, unit = _PROPERTIES[quantity]
    return Datastream(
        id=f"{config.id}.{part}.{quantity}",
        thing=config.id,
        observed_property=observed_property,
        unit=unit,
        name=f"{part} {quantity.replace('_', ' ')}",
    )


def _counted(line: LineConfig) -> tuple[str, str]:
    labels = frozenset(line.classes)
    if labels <= PEOPLE:
        return "person_count", "{person}"
    if labels <= VEHICLES:
        return "vehicle_count", "{veh}"
    return "crossing_count", "1"


def reading(config: CameraConfig, counts: Counts) -> Reading:
    """The counts of one period; its time is the period's end."""
    names = tuple(f"{config.id}.{line}.{direction}" for line in counts.lines for direction in DIRECTIONS)
    return Reading(counts.time_us, names, tuple(number for pair in counts.lines.values() for number in pair))


def measured(config: CameraConfig, measures: Measures) -> Reading:
    """What was measured at one time, with its qualities."""
    return Reading(
        measures.time_us,
        tuple(f"{config.id}.{measure.part}.{measure.quantity}" for measure in measures.values),
        tuple(measure.value for measure in measures.values),
        tuple(measure.quality for measure in measures.values),
    )


def condition(config: CameraConfig, zone: Area) -> str:
    """Stable name of the condition of a zone within its gateway."""
    return f"{config.id}.{zone.name}.{zone.kind}"


def zone_of(config: CameraConfig, change: ZoneChange) -> Area:
    """The zone, gauge or surface that a change is in.

    Raises:
        KeyError: the camera has no such zone.
    """
    return {area.name: area for area in config.areas}[change.zone]


def clip(config: CameraConfig, made: ClipMade, *, new_id: Callable[[], str]) -> Evidence:
    """A whole clip; it is cut into pieces where it is sent."""
    return Evidence(
        id=new_id(),
        event=made.event,
        source=config.id,
        time_us=made.time_us,
        media_type="video/mp4",
        width_px=made.width_px,
        height_px=made.height_px,
        content=made.mp4,
    )


def event(
    config: CameraConfig, place: Place, change: ZoneChange, *, new_id: Callable[[], str], raised: str | None = None
) -> tuple[Event, tuple[Evidence, ...]]:
    """The event that a change in a zone is, and its picture where there is one.

    Args:
        config: the camera's.
        place: where it is.
        change: what its process said.
        new_id: gives ids that are unique for ever.
        raised: id of the event that raised the condition, where it is known; what takes it back refers to it.

    Raises:
        KeyError: the camera has no such zone.
    """
    zone = zone_of(config, change)
    type_ = _EVENT_TYPES[zone.kind]
    facts = _facts(zone, change)
    if change.retracted and raised is not None:
        facts[RETRACTS] = raised
    return _event(
        config,
        place,
        change,
        type_=type_,
        condition=condition(config, zone),
        certainty=Certainty.LIKELY,
        data=facts,
        datastream="" if change.level_m is None else f"{config.id}.{zone.name}.level",
        new_id=new_id,
    )


def fault_condition(config: CameraConfig, fault: Fault) -> str:
    """Stable name of a fault of a camera's view within its gateway."""
    return f"{config.id}.view.{fault}"


def fault_event(
    config: CameraConfig, place: Place, change: ViewChange, *, new_id: Callable[[], str]
) -> tuple[Event, tuple[Evidence, ...]]:
    """The event that a change of the view is, and its picture where there is one; arguments as of :func:`event`."""
    return _event(
        config,
        place,
        change,
        type_="device.tampered" if change.fault in TAMPERING else "device.degraded",
        condition=fault_condition(config, change.fault),
        certainty=Certainty.OBSERVED,
        data={"problem": change.fault, "duration_s": round(change.lasted_s, 1)},
        new_id=new_id,
    )


def _event(
    config: CameraConfig,
    place: Place,
    change: ZoneChange | ViewChange,
    *,
    type_: str,
    condition: str,
    certainty: Certainty,
    data: dict[str, Value],
    new_id: Callable[[], str],
    datastream: str = "",
) -> tuple[Event, tuple[Evidence, ...]]:
    id_ = new_id()
    evidence: tuple[Evidence, ...] = ()
    if change.snapshot is not None:
        evidence = (
            Evidence(
                id=new_id(),
                event=id_,
                source=config.id,
                time_us=change.time_us,
                width_px=change.snapshot.width_px,
                height_px=change.snapshot.height_px,
                content=change.snapshot.jpeg,
            ),
        )
    return (
        Event(
            id=id_,
            type=type_,
            source=config.id,
            subject=place.id,
            time_us=change.time_us,
            phase=Phase.RAISED if change.raised else Phase.CLEARED,
            condition=condition,
            severity=lookup(type_).severity,
            urgency=Urgency.IMMEDIATE if change.raised else Urgency.PAST,
            certainty=certainty,
            place_name=place.name,
            latitude=place.latitude,
            longitude=place.longitude,
            datastream=datastream,
            data=data,
            evidence=tuple(picture.id for picture in evidence),
        ),
        evidence,
    )


def _facts(zone: Area, change: ZoneChange) -> dict[str, Value]:
    facts: dict[str, Value] = {"zone": change.zone, "count": change.number, "duration_s": round(change.lasted_s, 1)}
    if zone.kind in UNEVALUATED or not isinstance(zone, ZoneConfig):
        facts["unevaluated"] = True
    if change.label is not None:
        facts["object"] = change.label
    if change.score is not None:
        facts["score"] = round(change.score, 2)
    if change.level_m is not None and isinstance(zone, GaugeConfig) and zone.flood_m is not None:
        # As a rule on a gauge's values says it.
        facts |= {"value": change.level_m, "threshold": zone.flood_m, "unit": _PROPERTIES["level"][1]}
    return facts
