"""The bounds of everything that may be asked: each parameter's shape, and the cursor that walks long lists.

A list is walked newest first by (time, id); the cursor of a page names its last row, so that rows which arrive
meanwhile neither repeat nor push others out of sight.
"""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.exceptions import HTTPException

from haechi.cloud.services import Services
from haechi.contract.events import Severity
from haechi.contract.observations import EPOCH, utc
from haechi.text import _

_RFC3339 = re.compile(r"(\d{4})-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CURSOR = re.compile(r"(-?\d{1,19})/([A-Za-z0-9_-]{1,64})", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)


def _time(text: object) -> datetime:
    """Read a time as RFC 3339 writes it; nothing else, least of all a bare number of unknown unit."""
    if isinstance(text, str) and (match := _RFC3339.fullmatch(text)) and 1970 <= int(match[1]) <= 2199:
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError(_("expected a time such as 2026-07-01T09:30:00Z or 2026-07-01T18:30:00%2B09:00, years 1970-2199"))


Time = Annotated[datetime, BeforeValidator(_time)]
Name = Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
DatastreamName = Annotated[str, Query(max_length=160, pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+$")]
TypeName = Annotated[str, Query(max_length=64, pattern=r"^[a-z]+(\.[a-z0-9_]+)*$")]
Since = Annotated[Time | None, Query(alias="from", description="Not before this time, RFC 3339.")]
Until = Annotated[Time | None, Query(alias="to", description="Before this time, RFC 3339.")]
SeverityMin = Annotated[Severity | None, Query(description="This severity or worse (CAP 1.2).")]
GatewayPath = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
IdPath = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many rows.")]
Before = Annotated[int | None, Query(ge=1, lt=2**63, description="Below this number: the `next` of the page before.")]
AfterPair = Annotated[
    str | None,
    Query(
        max_length=230, pattern=r"^[a-z0-9_-]{1,64}/[a-z0-9._-]{1,160}$", description="The `next` of the page before."
    ),
]
TenantName = Annotated[
    Name | None, Query(description="The city that is asked about; without it, the first of those that are served here.")
]


class Position(NamedTuple):
    """The last row of a page."""

    time_us: int
    id: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.time_us}/{self.id}".encode()).decode().rstrip("=")


def _position(
    cursor: Annotated[str | None, Query(max_length=128, description="The `next` of the page before.")] = None,
) -> Position | None:
    if cursor is None:
        return None
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        plain = ""
    if (match := _CURSOR.fullmatch(plain)) and abs(time_us := int(match[1])) < 2**63:
        return Position(time_us, match[2])
    raise HTTPException(422, _("query.cursor: expected the `next` of the page before; leave it out for the first page"))


Cursor = Annotated[Position | None, Depends(_position)]


def services_of(request: Request, tenant: TenantName = None) -> Services:
    """Return what the application stands on, for the city that is asked about.

    Raises:
        HTTPException: 404, that city is not served here.
    """
    services: Services = request.app.state.services
    if tenant is None:
        return services
    if tenant not in services.tenants:
        raise absent("tenant", tenant)
    return replace(services, tenant=tenant)


Monitor = Annotated[Services, Depends(services_of)]


def microseconds(time: datetime) -> int:
    """Return an aware time as whole microseconds since 1970 UTC."""
    return (time - EPOCH) // _MICROSECOND


def aware(time_us: int | None) -> datetime | None:
    """Return microseconds since 1970 as an aware time, None as None; out of the calendar's range as None."""
    if time_us is None:
        return None
    try:
        return utc(time_us)
    except OverflowError:
        return None


def ordered(since: datetime | None, until: datetime | None) -> None:
    """Refuse a range that runs backwards.

    Raises:
        HTTPException: 422 with one line.
    """
    if since is not None and until is not None and since >= until:
        raise HTTPException(422, _("query.from: expected a time before query.to"))


def absent(what: str, name: str) -> HTTPException:
    """Return the refusal for something that is not there."""
    return HTTPException(404, _("there is no {what} {name!r} here").format(what=what, name=name))
