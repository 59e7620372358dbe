"""What the state remembers of the marker in the time-series store: the newest one there can be no older.

A number is issued (committed here), then written to the store, then remembered here. So whatever the state remembers
was durable in the store before, and whatever was committed here under a number found a store that had none above it.
Numbers are never given twice, not even after a restore.
"""

from typing import NamedTuple

from sqlalchemy import Connection, case, select, update

from haechi.cloud.state.schema import markers as table
from haechi.cloud.state.upsert import insert_or_ignore
from haechi.cloud.store import Marker

_WITHDRAWALS = select(table.c.withdrawals).with_for_update(read=True)  # whoever wants to change it waits for us


class Restored(NamedTuple):
    """The last time that the store was seen to have gone back."""

    at_us: int
    to_us: int | None
    """When the marker was written that it has; None where it has none."""
    asked_again: int
    """Parcels that were withdrawn, so that gateways send them again."""


class Known(NamedTuple):
    """What is remembered."""

    name: str
    """Under which this state's markers stand in the store."""
    newest: Marker | None
    """The store must have this one or a newer one; None before the first."""
    restored: Restored | None


def known(connection: Connection) -> Known | None:
    """Return what is remembered; None where nothing was ever issued."""
    row = connection.execute(select(table)).first()
    if row is None:
        return None
    went_back = None
    if row.restored_at_us is not None:
        went_back = Restored(row.restored_at_us, row.restored_to_us, row.asked_again)
    return Known(row.name, Marker(row.number, row.at_us) if row.number else None, went_back)


def issue(connection: Connection, name: str, above: int) -> tuple[str, int]:
    """Return the name, and a number that was never given before, above ``above``.

    ``name`` is taken where there is none yet, and kept for ever.
    """
    insert_or_ignore(connection, table, {"id": 1, "name": name})
    highest = case((table.c.issued >= above, table.c.issued), else_=above)
    row = connection.execute(update(table).values(issued=highest + 1).returning(table.c.name, table.c.issued)).one()
    return row.name, row.issued


def remember(connection: Connection, marker: Marker) -> None:
    """Remember a marker that is durable in the store, unless a newer one is remembered."""
    connection.execute(
        update(table).where(table.c.number < marker.number).values(number=marker.number, at_us=marker.at_us)
    )


def withdrawals(connection: Connection) -> int:
    """Return how often receipts began to be withdrawn.

    Who wrote points under another count than he commits under must take them as not written: they may have gone to the
    store as it was before, and their receipt would come too late to be withdrawn with the others.
    """
    return int(connection.execute(_WITHDRAWALS).scalar() or 0)


def begin_withdrawal(connection: Connection) -> None:
    """Say, in a transaction before the first receipt is withdrawn, that it begins."""
    connection.execute(update(table).values(withdrawals=table.c.withdrawals + 1))


def forget(connection: Connection, newest: Marker, found: Marker | None, asked_again: int, now_us: int) -> bool:
    """Note that the store went back to ``found``; return False where somebody else has noted it or marked it since."""
    changed = connection.execute(
        update(table)
        .where(table.c.number == newest.number)
        .values(
            number=0,
            restored_at_us=now_us,
            restored_to_us=None if found is None else found.at_us,
            asked_again=asked_again,
        )
    )
    return changed.rowcount > 0
