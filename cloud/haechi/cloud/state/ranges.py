"""What of each epoch is settled: stored ∪ lost, disjoint, stored wins.

Every function works inside the caller's transaction, in which the gateway's row is locked, so that testing
membership and setting it are one step. A parcel is applied exactly when :func:`unsettled` names it and :func:`settle`
follows in the same transaction.
"""

from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, Table, and_, delete, insert, select, update

from haechi.cloud.state.schema import epochs, gateways, lost, receipts, settled
from haechi.contract.ranges import RangeSet

RECEIPT_US_MAX = 600_000_000
"""One receipt gathers what is stored one after another for so long."""


class EpochName(NamedTuple):
    """Whose sequence numbers they are."""

    tenant: str
    gateway: str
    epoch: bytes


def stored_among(connection: Connection, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Return which of the numbers are stored."""
    return numbers & _touching(connection, settled, name, numbers)


def settle(connection: Connection, name: EpochName, numbers: RangeSet, now_us: int) -> None:
    """Mark numbers as stored; a number that was lost is lost no more. Leaves a receipt."""
    _add(connection, settled, name, numbers)
    _remove(connection, lost, name, numbers)
    for first, last in numbers.ranges:
        _receive(connection, name, first, last, now_us)


def rewind(connection: Connection, since_us: int) -> dict[EpochName, RangeSet]:
    """Forget what was stored since then, up to ten minutes more; returns what that was. Locks the gateways' rows."""
    rows = connection.execute(
        select(receipts)
        .where(receipts.c.stored_at_us > since_us - RECEIPT_US_MAX)
        .order_by(receipts.c.tenant, receipts.c.gateway)
    ).all()
    numbers: dict[EpochName, RangeSet] = {}
    for name, some in groupby(rows, key=lambda row: EpochName(row.tenant, row.gateway, row.epoch)):
        numbers[name] = numbers.get(name, RangeSet()) | RangeSet((row.first, row.last) for row in some)
    withdrawn: dict[EpochName, RangeSet] = {}
    for name, received in numbers.items():
        ours = (gateways.c.tenant == name.tenant, gateways.c.gateway == name.gateway)
        connection.execute(select(gateways.c.gateway).where(*ours).with_for_update())
        stored = stored_among(connection, name, received)
        if stored:
            withdraw(connection, name, stored)
            connection.execute(
                update(epochs).where(_of(epochs, name)).values(closed=False, asks=0, missing_since_us=None)
            )
            withdrawn[name] = stored
    return withdrawn


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


def _receive(connection: Connection, name: EpochName, first: int, last: int, now_us: int) -> None:
    """Lengthen the receipt that ends right before, if it is young; begin one otherwise."""
    lengthened = connection.execute(
        update(receipts)
        .where(
            _of(receipts, name),
            receipts.c.last == first - 1,
            receipts.c.stored_at_us.between(now_us - RECEIPT_US_MAX, now_us),
        )
        .values(last=last)
    )
    if not lengthened.rowcount:
        row = {**name._asdict(), "first": first, "last": last, "stored_at_us": now_us}
        connection.execute(insert(receipts).values(row))


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
