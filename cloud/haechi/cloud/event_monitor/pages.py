"""A page of a long list, newest first or by gateway and id: the rows that were asked for, and where the next begins."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, Engine, Row, Select, Table, select, tuple_

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.parameters import Position, microseconds, ordered
from haechi.cloud.state.engine import reading
from haechi.contract.events import Severity

View = TypeVar("View", bound=views.View)
_DIGITS_MAX = 18  # whatever they are, the database's whole numbers hold them


def wanted(
    table: Table,
    tenant: str,
    time: Column[int],
    *,
    equals: Mapping[str, object],
    since: datetime | None = None,
    until: datetime | None = None,
    severity_min: Severity | None = None,
) -> Select[Any]:
    """Return the query for a tenant's rows whose columns equal what is given (None is not asked for).

    Raises:
        HTTPException: 422, the range of times runs backwards.
    """
    ordered(since, until)
    query = select(table).where(table.c.tenant == tenant)
    for column, value in equals.items():
        if value is not None:
            query = query.where(table.c[column] == value)
    if severity_min is not None:
        worse = [severity.value for severity in Severity if severity.rank >= severity_min.rank]
        query = query.where(table.c.severity.in_(worse))
    if since is not None:
        query = query.where(time >= microseconds(since))
    if until is not None:
        query = query.where(time < microseconds(until))
    return query


def newest_first(
    state: Engine,
    query: Select[Any],
    time: Column[int],
    show: Callable[[Row[Any]], View],
    *,
    limit: int,
    cursor: Position | None,
) -> views.Page[View]:
    """Return one page of a query over a table with an ``id``, by ``time`` and id downwards."""
    name = time.table.c.id
    if cursor is not None:
        query = query.where(tuple_(time, name) < tuple_(*cursor))
    query = query.order_by(time.desc(), name.desc()).limit(limit + 1)
    with reading(state) as connection:
        rows = connection.execute(query).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return views.Page(
        items=[show(row) for row in rows[:limit]],
        next=None if last is None else str(Position(getattr(last, time.name), last.id)),
    )


def highest_first(
    state: Engine,
    query: Select[Any],
    number: Column[int],
    show: Callable[[Row[Any]], View],
    *,
    limit: int,
    before: int | None,
) -> views.Page[View]:
    """Return one page of a query over a table whose rows are numbered, downwards, below ``before``."""
    if before is not None:
        query = query.where(number < before)
    with reading(state) as connection:
        rows = connection.execute(query.order_by(number.desc()).limit(limit + 1)).all()
    return views.Page(
        items=[show(row) for row in rows[:limit]],
        next=str(getattr(rows[limit - 1], number.name)) if len(rows) > limit else None,
    )


def numbers(ids: Iterable[str]) -> list[int]:
    """Return those ids that can be a row's number."""
    return [int(id_) for id_ in ids if id_.isascii() and id_.isdigit() and len(id_) <= _DIGITS_MAX]


def by_gateway_and_id(
    state: Engine,
    query: Select[Any],
    table: Table,
    show: Callable[[Row[Any]], View],
    *,
    limit: int,
    after: str | None,
) -> views.Page[View]:
    """Return one page by gateway and id upwards, from behind the ``gateway/id`` that ended the page before."""
    if after is not None:
        gateway, _slash, id_ = after.partition("/")
        query = query.where(tuple_(table.c.gateway, table.c.id) > tuple_(gateway, id_))
    with reading(state) as connection:
        rows = connection.execute(query.order_by(table.c.gateway, table.c.id).limit(limit + 1)).all()
    return views.Page(
        items=[show(row) for row in rows[:limit]],
        next=f"{rows[limit - 1].gateway}/{rows[limit - 1].id}" if len(rows) > limit else None,
    )
