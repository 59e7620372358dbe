"""Taking in parcels that already have names: out of a damaged file, or from memory back to the disk.

What is taken in twice is there once. Parcels out of a damaged file are older than anything in the new one, so their ids
and their epochs' row numbers lie below :data:`OLD_MAX`, above which a file that follows a damaged one begins to count.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from haechi.contract import ContractError
from haechi.contract.codec import Outline, outline
from haechi.contract.parcel import ParcelName
from haechi.edge.outbox import Rank

OLD_MAX = 2**40


@dataclass(frozen=True, slots=True)
class Named:
    """A parcel with its name, and what the outbox knows of it."""

    name: ParcelName
    order: int
    number: int
    """Order and number of its epoch."""
    rank: Rank
    parcel: bytes
    """With its envelope."""
    keeps: bool
    committed_at_us: int
    observations: int
    events: int
    first_us: int | None
    last_us: int | None


def described(parcel: bytes, before_us: int) -> Named | None:
    """Return what a parcel says of itself; None when its content cannot be read.

    ``before_us``: it was committed before this time, and at the newest time that it holds, as far as anybody knows.
    """
    try:
        content = outline(parcel)
    except (ContractError, ValueError):
        return None
    return Named(
        name=content.name,
        order=content.epoch_order,
        number=content.epoch_number,
        rank=_rank(content),
        parcel=parcel,
        keeps=content.losses > 0,
        committed_at_us=min(before_us, before_us if content.last_us is None else content.last_us),
        observations=content.observations,
        events=content.events,
        first_us=content.first_us,
        last_us=content.last_us,
    )


def adopt(database: sqlite3.Connection, found: Sequence[Named], *, old: bool) -> list[Named]:
    """Write parcels that are not there yet and return them; runs inside a transaction.

    Args:
        database: an open outbox.
        found: what to write.
        old: True for parcels older than everything that the file has committed itself.
    """
    taken: list[Named] = []
    for each in found:
        n = _epoch(database, each, old=old)
        known = "SELECT 1 FROM parcels WHERE n = ? AND seq = ? AND settled = 0"
        if database.execute(known, (n, each.name.seq)).fetchone() is not None:
            continue
        parcel = None
        if old:
            parcel = 1 + _one(database, "SELECT coalesce(max(id), 0) FROM parcels WHERE id < ?", OLD_MAX)
        cursor = database.execute(
            "INSERT INTO parcels (id, n, seq, rank, size, keeps, committed_at_us, observations, events, first_us,"
            " last_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(parcel, n, each.name.seq, each.rank, len(each.parcel), each.keeps, each.committed_at_us),
                *(each.observations, each.events, each.first_us, each.last_us),
            ),
        )
        database.execute("INSERT INTO bodies VALUES (?, ?)", (cursor.lastrowid, each.parcel))
        database.execute(
            "UPDATE totals SET parcels = parcels + 1, bytes = bytes + ? WHERE rank = ? AND settled = 0",
            (len(each.parcel), each.rank),
        )
        taken.append(each)
    return taken


def _rank(content: Outline) -> Rank:
    if content.observations:
        return Rank.LIVE
    if content.clips:
        return Rank.CLIP
    return Rank.EVIDENCE if content.pictures else Rank.URGENT


def begin_after_damage(database: sqlite3.Connection) -> None:
    """Make a new file count from :data:`OLD_MAX` on, so that there is room below for what is found later."""
    database.execute("BEGIN IMMEDIATE")
    for table in ("parcels", "epochs"):
        database.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        database.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, OLD_MAX))
    database.execute("COMMIT")


def add_epoch(
    database: sqlite3.Connection, epoch: bytes, order: int, number: int, next_seq: int, last_us: int, *, old: bool
) -> int:
    """Put an epoch down, or raise what is known of it; return its row number."""
    row = database.execute("SELECT n FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
    if row is not None:
        database.execute(
            "UPDATE epochs SET next_seq = max(next_seq, ?), last_us = max(last_us, ?) WHERE n = ?",
            (next_seq, last_us, row[0]),
        )
        return int(row[0])
    n = None
    if old:
        # Orders rise from epoch to epoch, so they keep the rows in their order.
        n = min(order, OLD_MAX // 2)
        while database.execute("SELECT 1 FROM epochs WHERE n = ?", (n,)).fetchone() is not None:
            n += 1
    cursor = database.execute(
        "INSERT INTO epochs (n, epoch, ord, number, next_seq, last_us) VALUES (?, ?, ?, ?, ?, ?)",
        (n, epoch, order, number, next_seq, last_us),
    )
    return int(cursor.lastrowid or 0)


def _epoch(database: sqlite3.Connection, each: Named, *, old: bool) -> int:
    return add_epoch(
        database, each.name.epoch, each.order, each.number, each.name.seq + 1, each.committed_at_us, old=old
    )


def _one(database: sqlite3.Connection, question: str, *values: object) -> int:
    (answer,) = database.execute(question, values).fetchone()
    return int(answer)
