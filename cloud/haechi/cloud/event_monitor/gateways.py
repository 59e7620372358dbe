"""Gateways and how they are doing; places and things as the gateways described them."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection, Row, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.pages import by_gateway_and_id
from haechi.cloud.event_monitor.parameters import AfterPair, GatewayPath, Monitor, Name, absent, aware
from haechi.cloud.state import schema
from haechi.cloud.state.engine import reading
from haechi.contract import ContractError
from haechi.contract.control import GatewayStatus, decode_status

router = APIRouter()
_Many = Annotated[int, Query(ge=1, le=5000, description="At most so many rows.")]
_After = Annotated[Name | None, Query(description="Names after this one: the last of the page before.")]


def find_gateways(connection: Connection, tenant: str, names: Collection[str]) -> dict[str, views.Gateway]:
    """Return the named gateways that exist."""
    table = schema.gateways
    rows = connection.execute(select(table).where(table.c.tenant == tenant, table.c.gateway.in_(names)))
    return {row.gateway: _gateway(row) for row in rows}


def find_described(connection: Connection, tenant: str, names: Collection[str]) -> dict[str, views.Described]:
    """Return what is to be said of gateways that have described places, things or datastreams."""
    return {name: views.Described(gateway=name) for name in find_gateways(connection, tenant, names)}


@router.get("/gateways")
def list_gateways(services: Monitor, limit: _Many = 500, after: _After = None) -> views.Page[views.Gateway]:
    """Every gateway by name, with its status, components and outbox."""
    table = schema.gateways
    query = select(table).where(table.c.tenant == services.tenant).order_by(table.c.gateway).limit(limit + 1)
    if after is not None:
        query = query.where(table.c.gateway > after)
    with reading(services.state) as connection:
        items = [_gateway(row) for row in connection.execute(query)]
    return views.Page(items=items[:limit], next=items[limit - 1].id if len(items) > limit else None)


@router.get("/gateways/{gateway}")
def get_gateway(services: Monitor, gateway: GatewayPath) -> views.Gateway:
    """One gateway."""
    with reading(services.state) as connection:
        found = find_gateways(connection, services.tenant, [gateway])
    if gateway not in found:
        raise absent("gateway", gateway)
    return found[gateway]


@router.get("/places")
def list_places(services: Monitor, limit: _Many = 5000, after: _After = None) -> views.Page[views.Place]:
    """Every place, by id."""
    table = schema.places
    query = select(table).where(table.c.tenant == services.tenant).order_by(table.c.id).limit(limit + 1)
    if after is not None:
        query = query.where(table.c.id > after)
    with reading(services.state) as connection:
        rows = connection.execute(query).all()
    items = [
        views.Place(id=row.id, name=row.name, latitude=row.latitude, longitude=row.longitude) for row in rows[:limit]
    ]
    return views.Page(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/things")
def list_things(
    services: Monitor, gateway: Name | None = None, limit: _Many = 5000, after: AfterPair = None
) -> views.Page[views.Thing]:
    """Every thing, by gateway and id."""
    table = schema.things
    query = select(table).where(table.c.tenant == services.tenant)
    if gateway is not None:
        query = query.where(table.c.gateway == gateway)
    return by_gateway_and_id(services.state, query, table, _thing, limit=limit, after=after)


def _thing(row: Row[Any]) -> views.Thing:
    return views.Thing(
        gateway=row.gateway,
        id=row.id,
        name=row.name,
        kind=row.kind,
        place=row.place,
        latitude=row.latitude,
        longitude=row.longitude,
        adapter=row.adapter,
    )


def _gateway(row: Row[Any]) -> views.Gateway:
    status = status_of(row.status)
    return views.Gateway(
        id=row.gateway,
        online=row.online,
        last_seen_at=aware(row.last_seen_us),
        status_at=aware(row.status_at_us),
        software=status.software if status else "",
        clock=status.clock.value if status else "unknown",
        outbox=_outbox(status) if status else None,
        components=_components(status) if status else [],
        problems=list(status.problems) if status else [],
        actuators=_actuators(status) if status else [],
        observations=row.observations,
        repeats=row.repeats,
        fenced=row.fenced,
    )


def status_of(content: bytes | None) -> GatewayStatus | None:
    """Return what a gateway last said of itself; None before it did."""
    try:
        return decode_status(content) if content else None
    except ContractError:
        return None  # written by a newer version of this software; the rest of the row is still true


def _outbox(status: GatewayStatus) -> views.Outbox:
    return views.Outbox(
        parcels=status.outbox_parcels,
        bytes=status.outbox_bytes,
        bytes_max=status.outbox_bytes_max,
        oldest_at=aware(status.oldest_us),
    )


def _actuators(status: GatewayStatus) -> list[views.Actuator]:
    return [
        views.Actuator(
            device=one.device,
            name=one.name,
            kind=one.kind,
            fail_safe=one.fail_safe,
            on_s_max=one.on_s_max,
            minimum=one.minimum,
            maximum=one.maximum,
            unit=one.unit,
            characters_max=one.characters_max,
            state=one.state,
            back_at=aware(one.back_us),
        )
        for one in status.actuators or ()
    ]


def _components(status: GatewayStatus) -> list[views.Component]:
    return [
        views.Component(
            id=component.id,
            kind=component.kind,
            state=component.state,
            detail=component.detail,
            counters=component.counters,
        )
        for component in status.components
    ]
