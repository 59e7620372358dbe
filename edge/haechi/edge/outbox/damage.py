"""What of a damaged file belongs into the one that follows it: tables at once, parcels later, losses at the end.

The functions that take a database run inside a transaction of their caller. A mark in the new file says how far a
damaged one has been emptied.
"""

import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from haechi.contract.parcel import LossCause, LossRange, LossRecord, ParcelName
from haechi.contract.ranges import SEQ_MAX, RangeSet
from haechi.edge.outbox.adoption import OLD_MAX, Named, add_epoch, adopt, begin_after_damage
from haechi.edge.outbox.eviction import put_down
from haechi.edge.outbox.wreck import LostEpoch, Remains

DAMAGED = "outbox.sqlite.damaged-"
"""What the name of a damaged file begins with."""
DONE = -1
"""The mark of a file that was emptied."""
_MARK = "salvage:"
_PLAUSIBLE_US = 10 * 365 * 86_400_000_000
_RANGES_MAX = 10_000
_COUNTERS = ("observations_committed", "events_committed", "running")
_ORDER_MAX = OLD_MAX // 4


def inherit(database: sqlite3.Connection, remains: Remains, damaged: str, now_us: int) -> None:
    """Begin a new file with what the tables of the damaged one said, and a mark that its parcels are still to come.

    Args:
        database: the new file, just laid.
        remains: what was read.
        damaged: name of the damaged file.
        now_us: what lies years after it was never a time.
    """
    begin_after_damage(database)
    database.execute("BEGIN IMMEDIATE")
    for each in remains.epochs:
        if _plausible(each, now_us):
            add_epoch(database, each.epoch, each.order, each.number, each.next_seq, each.last_us, old=True)
    for event in remains.conditions:
        database.execute(
            "INSERT OR REPLACE INTO conditions VALUES (?, ?)", (event.condition, msgspec.msgpack.encode(event))
        )
    for record in remains.losses:
        put_down(database, record)
    for key, value in remains.counters:
        if key in _COUNTERS or key.startswith(_MARK):
            database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (_MARK + damaged,))
    database.execute("COMMIT")


def marks(database: sqlite3.Connection) -> dict[str, int]:
    """Return, for every damaged file, the page where emptying it goes on, or :data:`DONE`."""
    rows = database.execute("SELECT key, value FROM meta WHERE key GLOB ?", (_MARK + "*",)).fetchall()
    return {key.removeprefix(_MARK): int(value) for key, value in rows}


def remove(path: Path) -> None:
    """Delete a damaged file with its companions."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def take(found: Sequence[Named], page: int, damaged: str, remains: Remains, database: sqlite3.Connection) -> int:
    """Commit parcels of a damaged file and how far it has been read; return how many were new."""
    taken = adopt(database, found, old=True)
    if not remains.counters:
        # The old totals are gone; what comes home is the least that was committed.
        for key, count in (
            ("observations_committed", sum(each.observations for each in taken)),
            ("events_committed", sum(each.events for each in taken)),
        ):
            database.execute("UPDATE meta SET value = value + ? WHERE key = ?", (count, key))
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK + damaged, page))
    return len(taken)


def finish(damaged: str, remains: Remains, now_us: int, database: sqlite3.Connection) -> None:
    """Put down what was committed and is not there; the file is done with."""
    there = _there(database)
    for n, epoch, next_seq in database.execute(
        "SELECT n, epoch, next_seq FROM epochs WHERE n < ? ORDER BY n", (OLD_MAX,)
    ).fetchall():
        expected = RangeSet([(1, next_seq - 1)] if next_seq > 1 else [])
        if remains.waiting is not None:
            expected = remains.waiting.get(epoch, RangeSet())
        missing = expected - RangeSet(there.get(n, []))
        if missing:
            put_down(database, _lost(epoch, missing))
    if not remains.epochs:
        # Nobody can say what else there was; the cloud will, when the epochs that it knows are not held any more.
        give_up(damaged, now_us, database)
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK + damaged, DONE))


def give_up(damaged: str, now_us: int, database: sqlite3.Connection) -> None:
    """Say that something is lost which nobody can name."""
    put_down(
        database, LossRecord(id=uuid.uuid4().hex, cause=LossCause.CORRUPT, ranges=(), first_us=None, last_us=now_us)
    )
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK + damaged, DONE))


def _there(database: sqlite3.Connection) -> dict[int, list[tuple[int, int]]]:
    there: dict[int, list[tuple[int, int]]] = {}
    for n, seq in database.execute("SELECT n, seq FROM parcels WHERE id < ? ORDER BY id", (OLD_MAX,)):
        ranges = there.setdefault(n, [])
        if ranges and ranges[-1][1] + 1 == seq:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
            if len(ranges) > _RANGES_MAX:
                there[n] = list(RangeSet(ranges).ranges)
    return there


def _lost(epoch: bytes, missing: RangeSet) -> LossRecord:
    ranges = missing.ranges
    if len(ranges) > _RANGES_MAX:
        # Very many holes are told as one: a parcel that comes late takes its number back.
        ranges = (*ranges[: _RANGES_MAX - 1], (ranges[_RANGES_MAX - 1][0], ranges[-1][1]))
    return LossRecord(
        id=uuid.uuid4().hex,
        cause=LossCause.CORRUPT,
        ranges=tuple(LossRange(epoch=epoch.hex(), first=first, last=last) for first, last in ranges),
        first_us=None,
        last_us=None,
    )


def may_wait(name: ParcelName, remains: Remains) -> bool:
    """Tell whether a parcel was not settled, as far as the damaged file knew."""
    return remains.waiting is None or name.seq in remains.waiting.get(name.epoch, RangeSet())


def _plausible(each: LostEpoch, now_us: int) -> bool:
    """Tell whether a row can be true: nothing checks its bytes."""
    return (
        0 < each.order < _ORDER_MAX
        and 0 <= each.number < 1000
        and 1 <= each.next_seq <= SEQ_MAX
        and 0 <= each.last_us < now_us + _PLAUSIBLE_US
    )
