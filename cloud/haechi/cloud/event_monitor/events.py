"""Events, newest first, and the pictures that show why they were raised."""

from collections.abc import Collection
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy import Connection, Row, Select, func, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.pages import newest_first, wanted
from haechi.cloud.event_monitor.parameters import (
    Cursor,
    IdPath,
    Limit,
    Monitor,
    Name,
    SeverityMin,
    Since,
    TypeName,
    Until,
    absent,
    aware,
)
from haechi.cloud.state import schema
from haechi.cloud.state.engine import reading
from haechi.contract.events import Event, Phase, Severity

router = APIRouter()
_event = msgspec.json.Decoder(Event)
_SituationName = Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


def find_events(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Event]:
    """Return the events that exist of those asked for."""
    table = schema.events
    rows = connection.execute(select(table).where(table.c.tenant == tenant, table.c.id.in_(ids)))
    return {row.id: view_event(row) for row in rows}


def find_evidence(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Evidence]:
    """Return the pictures that exist of those asked for."""
    rows = connection.execute(select_evidence(tenant).where(schema.evidence.c.id.in_(ids)))
    return {row.id: view_evidence(row) for row in rows}


def select_evidence(tenant: str) -> Select[Any]:
    """Return the query for pictures and clips, the situation that each belongs to, and how many pieces are here."""
    evidence, events, pieces = schema.evidence, schema.events, schema.evidence_pieces
    here = (
        select(func.count())
        .where(pieces.c.tenant == evidence.c.tenant, pieces.c.evidence == evidence.c.id)
        .scalar_subquery()
        .label("pieces_here")
    )
    same_event = (events.c.tenant == evidence.c.tenant) & (events.c.id == evidence.c.event)
    return (
        select(evidence, events.c.situation, here)
        .select_from(evidence.outerjoin(events, same_event))
        .where(evidence.c.tenant == tenant)
    )


@router.get("/events")
def list_events(
    services: Monitor,
    since: Since = None,
    until: Until = None,
    event_type: Annotated[
        TypeName | None, Query(alias="type", description="A type, or a domain for all of its types.")
    ] = None,
    severity_min: SeverityMin = None,
    gateway: Name | None = None,
    place: Name | None = None,
    situation: _SituationName = None,
    late: bool | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> views.Page[views.Event]:
    """Events, newest first."""
    table = schema.events
    equals = {"gateway": gateway, "subject": place, "situation": situation, "late": late}
    query = wanted(
        table,
        services.tenant,
        table.c.time_us,
        equals=equals,
        since=since,
        until=until,
        severity_min=severity_min,
    )
    if event_type is not None:
        query = query.where((table.c.type == event_type) | table.c.type.startswith(f"{event_type}.", autoescape=True))
    return newest_first(services.state, query, table.c.time_us, view_event, limit=limit, cursor=cursor)


@router.get("/events/{event}")
def get_event(services: Monitor, event: IdPath) -> views.Event:
    """One event."""
    with reading(services.state) as connection:
        found = find_events(connection, services.tenant, [event])
    if event not in found:
        raise absent("event", event)
    return found[event]


@router.get("/events/{event}/evidence")
def list_evidence(services: Monitor, event: IdPath, limit: Limit = 50) -> views.Page[views.Evidence]:
    """The pictures of one event, newest first."""
    query = select_evidence(services.tenant).where(schema.evidence.c.event == event)
    with reading(services.state) as connection:
        rows = connection.execute(query.order_by(schema.evidence.c.time_us.desc()).limit(limit)).all()
    return views.Page(items=[view_evidence(row) for row in rows])


@router.get(
    "/evidence/{picture}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}}}},
)
def get_picture(services: Monitor, picture: IdPath) -> Response:
    """The picture itself."""
    table = schema.evidence
    with reading(services.state) as connection:
        row = connection.execute(
            select(table.c.object, table.c.media_type).where(table.c.tenant == services.tenant, table.c.id == picture)
        ).first()
    content = services.objects.get(row.object) if row else None
    if row is None or content is None:
        raise absent("picture", picture)
    media_type = row.media_type if row.media_type in ("image/jpeg", "image/png", "image/webp") else "image/jpeg"
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=31536000, immutable"})


def view_event(row: Row[Any]) -> views.Event:
    """Return a row of ``events`` as it is shown."""
    body = _body(row)
    return views.Event(
        id=row.id,
        gateway=row.gateway,
        type=row.type,
        source=row.source,
        subject=row.subject,
        time=aware(row.time_us),
        phase=body.phase,
        condition=row.condition,
        severity=body.severity,
        urgency=body.urgency,
        certainty=body.certainty,
        place_name=body.place_name,
        latitude=body.latitude,
        longitude=body.longitude,
        restated=body.restated,
        datastream=body.datastream,
        data=body.data,
        evidence=list(body.evidence),
        clip_missed=row.clip_missed or "",
        late=row.late,
        stored_at=aware(row.stored_at_us),
        situation=row.situation,
    )


def _body(row: Row[Any]) -> Event:
    try:
        return _event.decode(row.body)
    except msgspec.DecodeError:  # written by another version of this software; the columns are still true
        return Event(
            id=row.id,
            type=row.type,
            source=row.source,
            subject=row.subject,
            time_us=row.time_us,
            phase=Phase(row.phase),
            condition=row.condition,
            severity=Severity(row.severity),
        )


def view_evidence(row: Row[Any]) -> views.Evidence:
    """Return a row of :func:`select_evidence` as it is shown."""
    kind = "clip" if row.media_type.startswith("video/") else "picture"
    return views.Evidence(
        id=row.id,
        event=row.event,
        situation=row.situation,
        gateway=row.gateway,
        source=row.source,
        time=aware(row.time_us),
        media_type=row.media_type,
        width_px=row.width_px,
        height_px=row.height_px,
        pieces=row.pieces,
        pieces_here=row.pieces_here if row.pieces > 1 else 1,
        stored_at=aware(row.stored_at_us),
        url=f"/api/v1/evidence/{row.id}/{kind}?tenant={row.tenant}",
    )
