"""What of each epoch is settled: stored ∪ lost, disjoint, stored wins.

Every function works inside the caller's transaction, in which the gateway's row is locked, so that testing
membership and setting it are one step. A parcel is applied exactly when :func:`stored_among` does not name it and
:func:`settle` follows in the same transaction.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, insert, select

from haechi.cloud.state.schema import lost, settled
from haechi.contract.ranges import RangeSet


class EpochName(NamedTuple):
    """Whose sequence numbers they are."""

    tenant: str
    gateway: str
    epoch: bytes

    @property
    def parameters(self) -> dict[str, Any]:
        """What :func:`of_epoch` asks for."""
        return {"of_tenant": self.tenant, "of_gateway": self.gateway, "of_epoch": self.epoch}


def of_epoch(table: Table) -> ColumnElement[bool]:
    """Return the condition "of this epoch", to be executed with :attr:`EpochName.parameters`."""
    return and_(
        table.c.tenant == bindparam("of_tenant"),
        table.c.gateway == bindparam("of_gateway"),
        table.c.epoch == bindparam("of_epoch"),
    )


class _Ranges:
    """The statements of one table, built once: SQLAlchemy takes five times as long to build one as to run it."""

    def __init__(self, table: Table) -> None:
        first, last = table.c.first, table.c.last
        ours = select(first, last).where(of_epoch(table))
        self.touching = ours.where(first <= bindparam("high"), last >= bindparam("low"))
        self.from_lowest = ours.where(last >= bindparam("lowest")).order_by(first).limit(bindparam("count"))
        self.insert = insert(table)
        self.delete = delete(table).where(of_epoch(table), first == bindparam("gone"))


_SETTLED, _LOST = _Ranges(settled), _Ranges(lost)


def stored_among(connection: Connection, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Return which of the numbers are stored."""
    return numbers & _touching(connection, _SETTLED, name, numbers)


def settle(connection: Connection, name: EpochName, numbers: RangeSet) -> None:
    """Mark numbers as stored; a number that was lost is lost no more."""
    _add(connection, _SETTLED, name, numbers)
    _remove(connection, _LOST, name, numbers)


def lose(connection: Connection, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Mark numbers as lost, except those that are stored; return what is lost now."""
    missing = numbers - stored_among(connection, name, numbers)
    _add(connection, _LOST, name, missing)
    return missing


def withdraw(connection: Connection, name: EpochName, numbers: RangeSet) -> None:
    """Forget that numbers are stored, so that their parcels can be applied again."""
    _remove(connection, _SETTLED, name, numbers)


def settled_around(connection: Connection, name: EpochName, numbers: RangeSet, count_max: int) -> RangeSet:
    """Return the settled ranges that hold or touch the numbers, at most the ``count_max`` lowest."""
    around = _touching(connection, _SETTLED, name, numbers) | _touching(connection, _LOST, name, numbers)
    return around.at_or_after(1, count_max)


def settled_from(connection: Connection, name: EpochName, lowest: int, count_max: int) -> RangeSet:
    """Return the settled ranges from ``lowest`` on, at most the ``count_max`` lowest of them."""
    found = RangeSet()
    asked = {**name.parameters, "lowest": lowest, "count": count_max + 1}
    for ranges in (_SETTLED, _LOST):
        found |= RangeSet((first, last) for first, last in connection.execute(ranges.from_lowest, asked))
    return found.at_or_after(lowest, count_max)


def _touching(connection: Connection, ranges: _Ranges, name: EpochName, numbers: RangeSet) -> RangeSet:
    """Return the stored rows that overlap the span of the numbers or stand directly beside it."""
    if not numbers:
        return RangeSet()
    span = {"low": numbers.ranges[0][0] - 1, "high": numbers.ranges[-1][1] + 1}
    rows = connection.execute(ranges.touching, {**name.parameters, **span})
    return RangeSet((first, last) for first, last in rows)


def _add(connection: Connection, ranges: _Ranges, name: EpochName, numbers: RangeSet) -> None:
    before = _touching(connection, ranges, name, numbers)
    _replace(connection, ranges, name, before, before | numbers)


def _remove(connection: Connection, ranges: _Ranges, name: EpochName, numbers: RangeSet) -> None:
    before = _touching(connection, ranges, name, numbers)
    _replace(connection, ranges, name, before, before - numbers)


def _replace(connection: Connection, ranges: _Ranges, name: EpochName, before: RangeSet, after: RangeSet) -> None:
    gone = set(before.ranges) - set(after.ranges)
    new = set(after.ranges) - set(before.ranges)
    if gone:
        connection.execute(ranges.delete, [{**name.parameters, "gone": first} for first, _last in sorted(gone)])
    if new:
        connection.execute(
            ranges.insert, [{**name._asdict(), "first": first, "last": last} for first, last in sorted(new)]
        )
