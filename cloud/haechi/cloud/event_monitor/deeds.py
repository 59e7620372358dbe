"""The audit as people read it: who did what, when and why, and what came of it."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection, Row, Select, and_, select

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.parameters import Limit, Monitor, aware
from haechi.cloud.state import schema
from haechi.cloud.state.engine import reading

router = APIRouter()
_Before = Annotated[int | None, Query(ge=1, lt=2**63, description="Rows before this one: the `next` of the page.")]
_Key = Annotated[
    str | None, Query(max_length=64, description="Only of this situation, command or event, or this account.")
]


def find_deeds(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Audit]:
    """Return the rows that exist of those asked for, by id in digits."""
    numbers = [int(id_) for id_ in ids if id_.isascii() and id_.isdigit() and len(id_) < 19]
    rows = connection.execute(_query(tenant).where(schema.audit.c.id.in_(numbers)))
    return {str(row.id): _view(row) for row in rows}


@router.get("/audit")
def list_audit(
    services: Monitor, key: _Key = None, limit: Limit = 100, before: _Before = None
) -> views.Page[views.Audit]:
    """Who did what, newest first; with what became of each command by now."""
    table = schema.audit
    query = _query(services.tenant)
    if key is not None:
        query = query.where(table.c.key == key)
    if before is not None:
        query = query.where(table.c.id < before)
    with reading(services.state) as connection:
        rows = connection.execute(query.order_by(table.c.id.desc()).limit(limit + 1)).all()
    return views.Page(
        items=[_view(row) for row in rows[:limit]],
        next=str(rows[limit - 1].id) if len(rows) > limit else None,
    )


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
