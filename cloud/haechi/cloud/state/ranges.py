"""What of each epoch is settled: stored ∪ lost, disjoint, stored wins.

Every function works inside the caller's transaction, in which the gateway's row is locked, so that testing
membership and setting it are one step. A parcel is applied exactly when :func:`unsettled` names it and :func:`settle`
follows in the same transaction.
"""

from typing import NamedTuple

from sqlalchemy import Connection, Table, and_, delete, insert, select

from haechi.cloud.state.schema import lost, receipts, settled
from haechi.contract.ranges import RangeSet


class EpochName(NamedTuple):
    """Whose sequence numbers they are."""

    tenant: str
    gateway: str
    epoch: bytes


def stored_among(connection: Connection, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Return which of the numbers are stored."""
    return numbers & _touching(connection, settled, name, numbers)


def settle(connection: Connection, name: EpochName, numbers: RangeSet, now_us: int) -> None:
    """Mark numbers as stored; a number that was lost is lost no more. Leaves a receipt for each range."""
    _add(connection, settled, name, numbers)
    _remove(connection, lost, name, numbers)
    rows = [{**name._asdict(), "first": first, "last": last, "stored_at_us": now_us} for first, last in numbers.ranges]
    if rows:
        connection.execute(insert(receipts), rows)


def lose(connection: Connection, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Mark numbers as lost, except those that are stored; return what is lost now."""
    missing = numbers - stored_among(connection, name, numbers)
    _add(connection, lost, name, missing)
    return missing


def withdraw(connection: Connection, name: EpochName, numbers: RangeSet) -> None:
    """Forget that numbers are stored, so that their parcels can be applied again."""
    _remove(connection, settled, name, numbers)


def settled_around(connection: Connection, name: EpochName, numbers: RangeSet, count_max: int) -> RangeSet:
    """Return the settled ranges that hold or touch the numbers, at most the ``count_max`` lowest."""
    around = _touching(connection, settled, name, numbers) | _touching(connection, lost, name, numbers)
    return around.at_or_after(1, count_max)


def settled_from(connection: Connection, name: EpochName, lowest: int, count_max: int) -> RangeSet:
    """Return the settled ranges from ``lowest`` on, at most the ``count_max`` lowest of them."""
    found = RangeSet()
    for table in (settled, lost):
        rows = connection.execute(
            select(table.c.first, table.c.last)
            .where(_of(table, name), table.c.last >= lowest)
            .order_by(table.c.first)
            .limit(count_max + 1)
        )
        found |= RangeSet((first, last) for first, last in rows)
    return found.at_or_after(lowest, count_max)


def _of(table: Table, name: EpochName):  # type: ignore[no-untyped-def]  # SQLAlchemy's own expression type
    return and_(table.c.tenant == name.tenant, table.c.gateway == name.gateway, table.c.epoch == name.epoch)


def _touching(connection: Connection, table: Table, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Return the stored rows that overlap the span of the numbers or stand directly beside it."""
    if not numbers:
        return RangeSet()
    low, high = numbers.ranges[0][0], numbers.ranges[-1][1]
    rows = connection.execute(
        select(table.c.first, table.c.last).where(_of(table, name), table.c.first <= high + 1, table.c.last >= low - 1)
    )
    return RangeSet((first, last) for first, last in rows)


def _add(connection: Connection, table: Table, name: EpochName, numbers: RangeSet) -> None:
    before = _touching(connection, table, name, numbers)
    _replace(connection, table, name, before, before | numbers)


def _remove(connection: Connection, table: Table, name: EpochName, numbers: RangeSet) -> None:
    before = _touching(connection, table, name, numbers)
    _replace(connection, table, name, before, before - numbers)


def _replace(connection: Connection, table: Table, name: EpochName, before: RangeSet, after: RangeSet) -> None:
    gone = set(before.ranges) - set(after.ranges)
    new = set(after.ranges) - set(before.ranges)
    for first, _last in gone:
        connection.execute(delete(table).where(_of(table, name), table.c.first == first))
    if new:
        connection.execute(
            insert(table), [{**name._asdict(), "first": first, "last": last} for first, last in sorted(new)]
        )
