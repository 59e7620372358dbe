"""Situations: what operators handle, and what they say of them: seen, not now, done.

Acknowledging and shelving set the situation's independent bits (ISA-18.2). Each writes rows of the change feed and of
the audit in the same transaction, so that every other screen shows it too, and who it was. Saying it twice changes
nothing.
"""

from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import ColumnElement, Connection, Row, and_, select, update
from starlette.exceptions import HTTPException

from haechi.cloud.event_handler import handler
from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.events import select_evidence, view_event, view_evidence
from haechi.cloud.event_monitor.identity import Operator
from haechi.cloud.event_monitor.pages import newest_first, wanted
from haechi.cloud.event_monitor.parameters import (
    Cursor,
    IdPath,
    Limit,
    Monitor,
    Name,
    SeverityMin,
    Since,
    Until,
    absent,
    aware,
)
from haechi.cloud.services import Services
from haechi.cloud.state import schema
from haechi.cloud.state.changes import Change, append
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.workflow_manager import audit
from haechi.cloud.workflow_manager.roles import Person
from haechi.contract.events import Severity
from haechi.text import _

router = APIRouter()
_EVENTS_MAX = 200
_EVIDENCE_MAX = 50


def find_situations(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Situation]:
    """Return the situations that exist of those asked for."""
    table = schema.situations
    rows = connection.execute(select(table).where(table.c.tenant == tenant, table.c.id.in_(ids)))
    return {row.id: _situation(row) for row in rows}


@router.get("/situations")
def list_situations(
    services: Monitor,
    state: Annotated[Literal["open", "closed", "all"], Query(description="Which of them.")] = "open",
    severity_min: SeverityMin = None,
    matter: Name | None = None,
    place: Name | None = None,
    gateway: Name | None = None,
    acknowledged: bool | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> views.Page[views.Situation]:
    """Situations by when they opened, newest first; `from` and `to` bound that time."""
    table = schema.situations
    equals = {
        "matter": matter,
        "place": place,
        "gateway": gateway,
        "acknowledged": acknowledged,
        "open": None if state == "all" else state == "open",
    }
    query = wanted(
        table,
        services.tenant,
        table.c.opened_us,
        equals=equals,
        since=since,
        until=until,
        severity_min=severity_min,
    )
    return newest_first(services.state, query, table.c.opened_us, _situation, limit=limit, cursor=cursor)


@router.get("/situations/{situation}")
def get_situation(services: Monitor, situation: IdPath) -> views.SituationDetail:
    """One situation with its newest events and pictures."""
    events, evidence = schema.events, schema.evidence
    with reading(services.state) as connection:
        found = find_situations(connection, services.tenant, [situation])
        if situation not in found:
            raise absent("situation", situation)
        newest = connection.execute(
            select(events)
            .where(events.c.tenant == services.tenant, events.c.situation == situation)
            .order_by(events.c.time_us.desc(), events.c.seq.desc(), events.c.id.desc())
            .limit(_EVENTS_MAX)
        ).all()
        pictures = connection.execute(
            select_evidence(services.tenant)
            .where(events.c.situation == situation)
            .order_by(evidence.c.time_us.desc(), evidence.c.id.desc())
            .limit(_EVIDENCE_MAX)
        ).all()
    return views.SituationDetail(
        situation=found[situation],
        events=[view_event(row) for row in newest],
        evidence=[view_evidence(row) for row in pictures],
    )


@router.post("/situations/{situation}/acknowledge")
def acknowledge(services: Monitor, who: Operator, situation: IdPath) -> views.Situation:
    """Say that a person has seen it. Open or cleared; once said, saying it again changes nothing. Needs an operator."""
    table = schema.situations

    def set_bit(connection: Connection, now_us: int) -> Change | None:
        seen = update(table).where(_this(services, situation), ~table.c.acknowledged)
        changed = connection.execute(seen.values(acknowledged=True, updated_us=now_us)).rowcount
        return Change("situation", situation) if changed else None

    return _do(services, who, situation, "acknowledge", set_bit)


@router.post("/situations/{situation}/shelve")
def shelve(services: Monitor, who: Operator, situation: IdPath, order: views.Shelving) -> views.Situation:
    """Say that nobody needs to be called for a while, and why; it falls when it becomes worse. Needs an operator."""

    def set_time(connection: Connection, now_us: int) -> Change | None:
        until_us = now_us + round(order.for_s * 1_000_000)
        open_one = update(schema.situations).where(_this(services, situation), schema.situations.c.open)
        changed = connection.execute(open_one.values(shelved_until_us=until_us, updated_us=now_us)).rowcount
        if not changed:
            raise HTTPException(409, _("it is over; only what is open can be shelved"))
        return Change("situation", situation)

    detail = f"{order.for_s / 60:g} min"
    return _do(services, who, situation, "shelve", set_time, reason=order.reason, detail=detail)


@router.post("/situations/{situation}/unshelve")
def unshelve(services: Monitor, who: Operator, situation: IdPath) -> views.Situation:
    """Take a shelving back before its time. Needs an operator."""
    table = schema.situations

    def take_back(connection: Connection, now_us: int) -> Change | None:
        shelved = update(table).where(_this(services, situation), table.c.shelved_until_us > now_us)
        changed = connection.execute(shelved.values(shelved_until_us=None, updated_us=now_us)).rowcount
        return Change("situation", situation) if changed else None

    return _do(services, who, situation, "unshelve", take_back)


@router.post("/situations/{situation}/close")
def close(services: Monitor, who: Operator, situation: IdPath, order: views.Because) -> views.Situation:
    """End it, and say why: one that was taken back, or of what merely happened. Needs an operator.

    While something is out of order there it cannot be closed: then shelve it.
    """

    def end(connection: Connection, now_us: int) -> Change | None:
        change = handler.close(connection, services.tenant, situation, now_us)
        if change is None:
            raise HTTPException(
                409, _("it is over already, or something is still out of order there; shelve it instead")
            )
        acknowledged = update(schema.situations).where(_this(services, situation))
        connection.execute(acknowledged.values(acknowledged=True))
        return change

    return _do(services, who, situation, "close", end, reason=order.reason)


def _this(services: Services, situation: str) -> ColumnElement[bool]:
    return and_(schema.situations.c.tenant == services.tenant, schema.situations.c.id == situation)


def _do(
    services: Services,
    who: Person,
    situation: str,
    action: audit.Action,
    change: Callable[[Connection, int], Change | None],
    *,
    reason: str = "",
    detail: str = "",
) -> views.Situation:
    """Change a situation, with a row of the audit where that changes anything; return it as it is then.

    Raises:
        HTTPException: 404, there is none; or what ``change`` raises.
    """
    now_us = services.clock_us()
    with writing(services.state) as connection:
        if situation not in find_situations(connection, services.tenant, [situation]):
            raise absent("situation", situation)
        changed = change(connection, now_us)
        if changed is not None:
            noted = audit.note(
                connection, services.tenant, who.name, action, situation, now_us, reason=reason, detail=detail
            )
            append(connection, services.tenant, [changed, noted], now_us)
        found = find_situations(connection, services.tenant, [situation])[situation]
    if changed is not None:
        services.bell.ring()
    return found


def _situation(row: Row[Any]) -> views.Situation:
    return views.Situation(
        id=row.id,
        place=row.place,
        place_name=row.place_name,
        matter=row.matter,
        latitude=row.latitude,
        longitude=row.longitude,
        open=row.open,
        active=row.active,
        acknowledged=row.acknowledged,
        shelved_until=aware(row.shelved_until_us),
        severity=Severity(row.severity),
        severity_max=Severity(row.severity_max),
        headline=row.headline,
        gateway=row.gateway,
        datastream=row.datastream,
        opened_at=aware(row.opened_us),
        updated_at=aware(row.updated_us),
        cleared_at=aware(row.cleared_us),
        event_count=row.event_count,
    )
