"""Situations: what operators handle, and the one thing they say here, "I have seen it".

An acknowledgement sets one of the situation's independent bits (ISA-18.2) and writes a row of the change feed in the
same transaction, so that every other screen shows it too. Saying it twice changes nothing.
"""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection, Row, select, update

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
from haechi.cloud.state import schema
from haechi.cloud.state.changes import Change, append
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.workflow_manager import audit
from haechi.contract.events import Severity

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
    """Say that a person has seen it. Open or cleared; once said, saying it again changes nothing."""
    table = schema.situations
    now_us = services.clock_us()
    with writing(services.state) as connection:
        changed = connection.execute(
            update(table)
            .where(table.c.tenant == services.tenant, table.c.id == situation, ~table.c.acknowledged)
            .values(acknowledged=True, updated_us=now_us)
        ).rowcount
        if changed:
            noted = audit.note(connection, services.tenant, who.name, "acknowledge", situation, now_us)
            append(connection, services.tenant, [Change("situation", situation), noted], now_us)
        found = find_situations(connection, services.tenant, [situation])
    if situation not in found:
        raise absent("situation", situation)
    if changed:
        services.bell.ring()
    return found[situation]


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
