"""Datastreams with their newest values, and observations over time."""

from datetime import timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from sqlalchemy import and_, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.parameters import (
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
from haechi.contract.observations import Quality, Value, utc

router = APIRouter()
_WINDOW = timedelta(hours=1)
_Newest = dict[str, tuple[int, int, int, Value, int]]
_newest = msgspec.msgpack.Decoder(_Newest)
_Points = Annotated[int, Query(ge=2, le=5000, description="Down-sample to at most so many; peaks stay visible.")]


@router.get("/datastreams")
def list_datastreams(
    services: Monitor,
    gateway: Name | None = None,
    thing: Name | None = None,
    observed_property: Name | None = None,
    limit: Limit = 500,
    after: Annotated[
        str | None,
        Query(max_length=230, pattern=r"^[a-z0-9_-]{1,64}/[a-z0-9._-]{1,160}$", description="The `next` before."),
    ] = None,
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
        .order_by(table.c.gateway, table.c.id)
        .limit(limit + 1)
    )
    for column, wanted in (("gateway", gateway), ("thing", thing), ("observed_property", observed_property)):
        if wanted is not None:
            query = query.where(table.c[column] == wanted)
    if after is not None:
        name, _, id_ = after.partition("/")
        query = query.where((table.c.gateway > name) | ((table.c.gateway == name) & (table.c.id > id_)))
    with reading(services.state) as connection:
        rows = connection.execute(query).all()
    items = [
        views.Datastream(
            gateway=row.gateway,
            id=row.id,
            thing=row.thing,
            observed_property=row.observed_property,
            unit=row.unit,
            name=row.name,
            kind=row.kind,
            period_s=row.period_s,
            device_time=row.device_time,
            latest=_latest(row.newest, row.id),
        )
        for row in rows[:limit]
    ]
    return views.Page(items=items, next=f"{items[-1].gateway}/{items[-1].id}" if len(rows) > limit else None)


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
        entry = _newest.decode(newest).get(datastream) if newest else None
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
