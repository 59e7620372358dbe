"""What keeps the state bounded: old receipts, changes, dead letters and events go, a little at a time; fences stand."""

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select

from haechi.cloud.state import changes, fence, letters
from haechi.cloud.state.schema import (
    conditions,
    events,
    evidence,
    evidence_pieces,
    notifications,
    receipts,
    situations,
)

DAY_US = 86_400_000_000
RECEIPTS_US_MAX = 30 * DAY_US
EVENTS_US_MAX = 3 * 366 * DAY_US
_AT_ONCE = 2_000


def keep_house(connection: Connection, now_us: int) -> list[str]:
    """Drop what is over its bound and fence who is out of bounds; the change feed tells of both.

    Returns the keys of pictures that nothing refers to any more, to be discarded after the commit.
    """
    changes.trim(connection)
    for tenant, change in letters.trim(connection, now_us):
        changes.append(connection, tenant, [change], now_us)
    for tenant, change in fence.inspect(connection, now_us):
        changes.append(connection, tenant, [change], now_us)
    _drop(connection, receipts, receipts.c.stored_at_us < now_us - RECEIPTS_US_MAX)
    old = now_us - EVENTS_US_MAX
    in_open = exists().where(situations.c.id == events.c.situation, situations.c.open)
    _drop(connection, events, (events.c.stored_at_us < old) & ~in_open)
    _drop(connection, notifications, notifications.c.created_us < old)
    used = exists().where(conditions.c.situation == situations.c.id)
    told = exists().where(notifications.c.situation == situations.c.id)
    pictures = _drop_evidence(connection, old)
    _drop(connection, situations, ~situations.c.open & (situations.c.updated_us < old) & ~used & ~told)
    return pictures


def _drop_evidence(connection: Connection, old_us: int) -> list[str]:
    rows = connection.execute(
        select(evidence.c.tenant, evidence.c.id, evidence.c.object).where(evidence.c.time_us < old_us).limit(_AT_ONCE)
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


def _drop(connection: Connection, table: Table, condition: ColumnElement[bool]) -> None:
    keys = list(table.primary_key)
    rows = connection.execute(select(*keys).where(condition).limit(_AT_ONCE)).all()
    for row in rows:
        connection.execute(delete(table).where(*(key == value for key, value in zip(keys, row, strict=True))))
