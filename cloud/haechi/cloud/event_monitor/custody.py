"""What could not be stored: losses with their range and cause, and dead letters kept whole.

Nobody has to search a log for what is missing: it is listed here, and the console counts it.
"""

from collections.abc import Collection
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from fastapi.responses import Response
from sqlalchemy import Connection, Row, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.pages import highest_first, newest_first, numbers, wanted
from haechi.cloud.event_monitor.parameters import Before, Cursor, Limit, Monitor, Name, absent, aware
from haechi.cloud.state import schema
from haechi.cloud.state.engine import reading
from haechi.cloud.state.letters import OUTSIDE
from haechi.contract.parcel import LossCause, LossRecord

router = APIRouter()
_loss = msgspec.json.Decoder(LossRecord)
_Number = Annotated[int, Path(ge=1, lt=2**63)]


def find_losses(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Loss]:
    """Return the losses that exist of those asked for."""
    table = schema.losses
    rows = connection.execute(select(table).where(table.c.tenant == tenant, table.c.id.in_(ids)))
    return {row.id: _view_loss(row) for row in rows}


def find_letters(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.DeadLetter]:
    """Return the dead letters that exist of those asked for, by id in digits."""
    table = schema.dead_letters
    rows = connection.execute(select(*OUTSIDE).where(table.c.tenant == tenant, table.c.id.in_(numbers(ids))))
    return {str(row.id): _view_letter(row) for row in rows}


@router.get("/losses")
def list_losses(
    services: Monitor, gateway: Name | None = None, limit: Limit = 100, cursor: Cursor = None
) -> views.Page[views.Loss]:
    """What was lost for ever, newest first, with its range and cause."""
    time = schema.losses.c.reported_us
    query = wanted(schema.losses, services.tenant, time, equals={"gateway": gateway})
    return newest_first(services.state, query, time, _view_loss, limit=limit, cursor=cursor)


@router.get("/dead-letters")
def list_letters(
    services: Monitor, gateway: Name | None = None, limit: Limit = 100, before: Before = None
) -> views.Page[views.DeadLetter]:
    """What could not be read, newest first."""
    table = schema.dead_letters
    query = select(*OUTSIDE).where(table.c.tenant == services.tenant)
    if gateway is not None:
        query = query.where(table.c.gateway == gateway)
    return highest_first(services.state, query, table.c.id, _view_letter, limit=limit, before=before)


@router.get(
    "/dead-letters/{letter}/content",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def get_content(services: Monitor, letter: _Number) -> Response:
    """The bytes of one dead letter as they came."""
    table = schema.dead_letters
    with reading(services.state) as connection:
        content = connection.execute(
            select(table.c.content).where(table.c.tenant == services.tenant, table.c.id == letter)
        ).scalar()
    if content is None:
        raise absent("dead letter", str(letter))
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="dead-letter-{letter}.bin"'},
    )


def _view_loss(row: Row[Any]) -> views.Loss:
    try:
        record = _loss.decode(row.record)
    except msgspec.DecodeError:  # written by another version of this software; the columns are still true
        record = LossRecord(id=row.id, cause=LossCause.UNREADABLE, ranges=(), first_us=None, last_us=None)
    return views.Loss(
        id=row.id,
        gateway=row.gateway,
        cause=row.cause,
        ranges=[views.LossRange(epoch=part.epoch, first=part.first, last=part.last) for part in record.ranges],
        first_at=aware(row.first_us),
        last_at=aware(row.last_us),
        datastreams=list(record.datastreams),
        observations=record.observations,
        events=record.events,
        reported_at=aware(row.reported_us),
    )


def _view_letter(row: Row[Any]) -> views.DeadLetter:
    return views.DeadLetter(
        id=row.id,
        gateway=row.gateway,
        topic=row.topic,
        kind=row.kind,
        reason=row.reason,
        epoch=row.epoch.hex() if row.epoch else None,
        seq=row.seq,
        bytes=row.bytes,
        sha256=row.sha256.hex(),
        received_at=aware(row.received_us),
        times=row.times,
    )
