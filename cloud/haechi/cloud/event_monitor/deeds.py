"""The audit as people read it: who did what, when and why, and what came of it."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection, Row, Select, and_, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.pages import highest_first, numbers
from haechi.cloud.event_monitor.parameters import Before, Limit, Monitor, aware
from haechi.cloud.state import schema

router = APIRouter()
_Key = Annotated[
    str | None, Query(max_length=64, description="Only of this situation, command or event, or this account.")
]


def find_deeds(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Audit]:
    """Return the rows that exist of those asked for, by id in digits."""
    rows = connection.execute(_query(tenant).where(schema.audit.c.id.in_(numbers(ids))))
    return {str(row.id): _view(row) for row in rows}


@router.get("/audit")
def list_audit(
    services: Monitor, key: _Key = None, limit: Limit = 100, before: Before = None
) -> views.Page[views.Audit]:
    """Who did what, newest first; with what became of each command by now."""
    query = _query(services.tenant)
    if key is not None:
        query = query.where(schema.audit.c.key == key)
    return highest_first(services.state, query, schema.audit.c.id, _view, limit=limit, before=before)


def _query(tenant: str) -> Select[Any]:
    table, given = schema.audit, schema.commands
    became = and_(given.c.tenant == table.c.tenant, given.c.id == table.c.command)
    columns = (table, given.c.state, given.c.detail.label("outcome_detail"))
    return select(*columns).select_from(table.outerjoin(given, became)).where(table.c.tenant == tenant)


def _view(row: Row[Any]) -> views.Audit:
    return views.Audit(
        id=row.id,
        at=aware(row.at_us),
        who=row.who,
        action=row.action,
        key=row.key,
        reason=row.reason,
        detail=row.detail,
        command=row.command,
        outcome=row.state or "",
        outcome_detail=row.outcome_detail or "",
    )
