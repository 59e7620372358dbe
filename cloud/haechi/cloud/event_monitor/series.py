"""Datastreams with their newest values, and observations over time."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from sqlalchemy import Row, and_, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.pages import by_gateway_and_id
from haechi.cloud.event_monitor.parameters import (
    AfterPair,
    DatastreamName,
    Limit,
    Monitor,
    Name,
    Since,
    Until,
    aware,
    microseconds,
    ordered,
)
from haechi.cloud.state import schema
from haechi.cloud.state.engine import reading
from haechi.cloud.state.latest import unpack
from haechi.contract.observations import Quality, utc

router = APIRouter()
_WINDOW = timedelta(hours=1)
_Points = Annotated[int, Query(ge=2, le=5000, description="Down-sample to at most so many; peaks stay visible.")]


@router.get("/datastreams")
def list_datastreams(
    services: Monitor,
    gateway: Name | None = None,
    thing: Name | None = None,
    observed_property: Name | None = None,
    limit: Limit = 500,
    after: AfterPair = None,
) -> views.Page[views.Datastream]:
    """Datastreams by gateway and id, each with its newest value."""
    table, latest = schema.datastreams, schema.latest
    same_thing = and_(
        latest.c.tenant == table.c.tenant, latest.c.gateway == table.c.gateway, latest.c.thing == table.c.thing
    )
    query = (
        select(table, latest.c["values"].label("newest"))
        .select_from(table.outerjoin(latest, same_thing))
        .where(table.c.tenant == services.tenant)
    )
    for column, wanted in (("gateway", gateway), ("thing", thing), ("observed_property", observed_property)):
        if wanted is not None:
            query = query.where(table.c[column] == wanted)
    return by_gateway_and_id(services.state, query, table, _datastream, limit=limit, after=after)


def _datastream(row: Row[Any]) -> views.Datastream:
    return views.Datastream(
        gateway=row.gateway,
        id=row.id,
        thing=row.thing,
        observed_property=row.observed_property,
        unit=row.unit,
        name=row.name,
        kind=row.kind,
        period_s=row.period_s,
        device_time=row.device_time,
        device_zone=row.device_zone,
        device_clock=row.device_clock,
        counter=row.counter,
        latest=_latest(row.newest, row.id),
    )


@router.get("/observations", response_model_by_alias=True)
def get_observations(
    services: Monitor,
    gateway: Name,
    datastream: DatastreamName,
    since: Since = None,
    until: Until = None,
    points: _Points = 600,
) -> views.Observations:
    """A stretch of a series, oldest first: `from` ≤ time < `to`; without them the last hour."""
    # A reading of this very moment belongs to "until now"; the sensor's clock may run a little ahead of ours.
    until = until or max(utc(services.clock_us()) + timedelta(minutes=1), (since or utc(0)) + timedelta(minutes=1))
    since = since or until - _WINDOW
    ordered(since, until)
    table = schema.datastreams
    with reading(services.state) as connection:
        unit = connection.execute(
            select(table.c.unit).where(
                table.c.tenant == services.tenant, table.c.gateway == gateway, table.c.id == datastream
            )
        ).scalar()
    rows = services.points.read(services.tenant, gateway, datastream, microseconds(since), microseconds(until), points)
    items = [
        views.Observation(
            time=aware(row.time_us),
            value=row.value,
            quality=_quality(row.quality),
            minimum=row.minimum,
            maximum=row.maximum,
        )
        for row in rows
    ]
    return views.Observations(gateway=gateway, datastream=datastream, unit=unit, since=since, until=until, items=items)


def _latest(newest: bytes | None, datastream: str) -> views.Latest | None:
    try:
        entry = unpack(newest).get(datastream) if newest else None
    except msgspec.DecodeError:  # written by another version of this software
        entry = None
    if entry is None:
        return None
    _epoch_order, _seq, time_us, value, quality = entry
    return views.Latest(time=aware(time_us), value=value, quality=_quality(quality))


def _quality(number: int) -> str:
    try:
        return Quality(number).name.lower()
    except ValueError:
        return Quality.UNCERTAIN.name.lower()
