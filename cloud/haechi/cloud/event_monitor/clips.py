"""Clips: put together from the pieces that have come, in parts where a player asks for parts (RFC 9110, section 14)."""

import re
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from sqlalchemy import select
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import orders, views
from haechi.cloud.event_monitor.identity import Operator
from haechi.cloud.event_monitor.parameters import IdPath, Monitor, absent
from haechi.cloud.state import schema
from haechi.cloud.state.engine import reading
from haechi.contract.control import Command
from haechi.text import _

router = APIRouter()
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_MEDIA_TYPE = "video/mp4"
_EXPIRES_US = 60_000_000


class Unsatisfiable(Exception):  # noqa: N818 - RFC 9110 calls it so
    """No byte of what is asked for exists."""


def asked_for(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte that is asked for and the one after the last; None means everything.

    A header that is none of ours (several parts, another unit) means everything too, as the RFC wants it.

    Raises:
        Unsatisfiable: it lies beyond the end.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, size
    first = int(match[1])
    if match[2] and int(match[2]) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(int(match[2]) + 1, size) if match[2] else size


@router.post("/events/{event}/clip", status_code=202)
def ask_for_clip(services: Monitor, who: Operator, event: IdPath) -> views.Command:
    """Ask the camera that told of an event for a clip of it, while the camera remembers (30 s unless configured).

    The clip comes as evidence of the event, behind everything else; then what asked for it is `done`. A camera that has
    forgotten, or gives none, says so: `refused`, with its reason. Needs an operator.
    """
    events, things = schema.events, schema.things
    with reading(services.state) as connection:
        row = connection.execute(
            select(events.c.gateway, events.c.source, events.c.time_us, things.c.kind)
            .select_from(
                events.outerjoin(
                    things,
                    (things.c.tenant == events.c.tenant)
                    & (things.c.gateway == events.c.gateway)
                    & (things.c.id == events.c.source),
                )
            )
            .where(events.c.tenant == services.tenant, events.c.id == event)
        ).first()
    if row is None:
        raise absent("event", event)
    if row.kind != "camera":
        raise HTTPException(409, _("{source} is no camera; only cameras give clips").format(source=row.source))
    command = Command(
        id=orders.new_id(),
        name="clip",
        expires_us=services.clock_us() + _EXPIRES_US,
        thing=row.source,
        event=event,
        at_us=row.time_us,
        by=who.name,
    )
    return orders.send(services, who, row.gateway, command, action="clip", reason="", detail=row.source)


@router.get(
    "/evidence/{clip}/clip",
    response_class=Response,
    responses={200: {"content": {_MEDIA_TYPE: {}}}, 206: {"content": {_MEDIA_TYPE: {}}}},
)
def get_clip(
    services: Monitor,
    clip: IdPath,
    wanted: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range")] = None,
) -> Response:
    """The clip itself, or the part of it that ``Range`` asks for."""
    pieces = _pieces(services, clip)
    size = sum(length for length, _key in pieces)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": f'"{clip}"',
    }
    try:
        part = asked_for(wanted, size) if if_range in (None, headers["ETag"]) else None
    except Unsatisfiable:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    first, end = part or (0, size)
    content = bytearray()
    at = 0
    for length, key in pieces:
        if at < end and at + length > first:
            piece = services.objects.get(key)
            if piece is None:
                raise absent("clip", clip)
            content += piece[max(0, first - at) : end - at]
        at += length
    if part is None:
        return Response(bytes(content), media_type=_MEDIA_TYPE, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    return Response(bytes(content), 206, media_type=_MEDIA_TYPE, headers=headers)


def _pieces(services: Monitor, clip: str) -> list[tuple[int, str]]:
    """Return length and key of each piece in their order."""
    whole, pieces = schema.evidence, schema.evidence_pieces
    with reading(services.state) as connection:
        row = connection.execute(
            select(whole.c.object, whole.c.pieces).where(
                whole.c.tenant == services.tenant, whole.c.id == clip, whole.c.media_type == _MEDIA_TYPE
            )
        ).first()
        here = connection.execute(
            select(pieces.c.bytes, pieces.c.object)
            .where(pieces.c.tenant == services.tenant, pieces.c.evidence == clip)
            .order_by(pieces.c.piece)
        ).all()
    if row is None:
        raise absent("clip", clip)
    if row.pieces == 1:
        content = services.objects.get(row.object)
        if content is None:
            raise absent("clip", clip)
        return [(len(content), row.object)]
    if len(here) < row.pieces:
        text = _("clip {clip}: {here} of its {pieces} pieces have come; try again later")
        raise HTTPException(404, text.format(clip=clip, here=len(here), pieces=row.pieces))
    return [(one.bytes, one.object) for one in here]
