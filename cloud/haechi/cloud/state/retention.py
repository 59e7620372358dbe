"""What keeps the state bounded: old receipts, changes, dead letters and events go, a little at a time.

Each chore is a transaction of its own, so that an alarm waits for none of them longer than it takes.
"""

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, or_, select

from haechi.cloud.clock import DAY_US
from haechi.cloud.state import changes, letters
from haechi.cloud.state.schema import (
    conditions,
    events,
    evidence,
    evidence_pieces,
    notifications,
    receipts,
    situations,
)

RECEIPTS_US_MAX = 30 * DAY_US
EVENTS_US_MAX = 3 * 366 * DAY_US
_AT_ONCE = 2_000

Chore = Callable[[Connection, int], list[str]]
"""Given a transaction and microseconds since 1970, now. Returns keys of pictures that nothing refers to any more: to be
discarded after the commit."""


def _trim_feed(connection: Connection, _now_us: int) -> list[str]:
    changes.trim(connection)
    return []


def _trim_letters(connection: Connection, now_us: int) -> list[str]:
    changes.append_all(connection, letters.trim(connection, now_us), now_us)
    return []


def _drop_receipts(connection: Connection, now_us: int) -> list[str]:
    return _drop(connection, receipts, receipts.c.stored_at_us < now_us - RECEIPTS_US_MAX)


def _drop_events(connection: Connection, now_us: int) -> list[str]:
    in_open = exists().where(situations.c.id == events.c.situation, situations.c.open)
    return _drop(connection, events, (events.c.stored_at_us < now_us - EVENTS_US_MAX) & ~in_open)


def _drop_notifications(connection: Connection, now_us: int) -> list[str]:
    return _drop(connection, notifications, notifications.c.created_us < now_us - EVENTS_US_MAX)


def _drop_situations(connection: Connection, now_us: int) -> list[str]:
    used = exists().where(conditions.c.situation == situations.c.id)
    told = exists().where(notifications.c.situation == situations.c.id)
    old = and_(~situations.c.open, situations.c.updated_us < now_us - EVENTS_US_MAX)
    return _drop(connection, situations, old & ~used & ~told)


def _drop_evidence(connection: Connection, now_us: int) -> list[str]:
    old_us = now_us - EVENTS_US_MAX
    unknown = and_(evidence.c.stored_at_us.is_(None), evidence.c.time_us < old_us)
    rows = connection.execute(
        select(evidence.c.tenant, evidence.c.id, evidence.c.object)
        .where(or_(evidence.c.stored_at_us < old_us, unknown))
        .limit(_AT_ONCE)
    ).all()
    keys = {row.object for row in rows if row.object}
    for row in rows:
        pieces = (evidence_pieces.c.tenant == row.tenant) & (evidence_pieces.c.evidence == row.id)
        keys.update(connection.execute(select(evidence_pieces.c.object).where(pieces)).scalars())
        connection.execute(delete(evidence_pieces).where(pieces))
        connection.execute(delete(evidence).where(evidence.c.tenant == row.tenant, evidence.c.id == row.id))
    for table in (evidence, evidence_pieces):
        asked = sorted(keys)
        for start in range(0, len(asked), _AT_ONCE):
            used = select(table.c.object).where(table.c.object.in_(asked[start : start + _AT_ONCE]))
            keys.difference_update(connection.execute(used).scalars())
    return sorted(keys)


def _drop(connection: Connection, table: Table, condition: ColumnElement[bool]) -> list[str]:
    keys = list(table.primary_key)
    rows = connection.execute(select(*keys).where(condition).limit(_AT_ONCE)).all()
    for row in rows:
        connection.execute(delete(table).where(*(key == value for key, value in zip(keys, row, strict=True))))
    return []


CHORES: tuple[Chore, ...] = (
    _trim_feed,
    _trim_letters,
    _drop_receipts,
    _drop_events,
    _drop_notifications,
    _drop_evidence,
    _drop_situations,
)
"""In the order in which they must be done."""
