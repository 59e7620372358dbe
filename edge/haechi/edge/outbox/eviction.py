"""What must go when the outbox is full, and the loss record that it leaves.

Settled parcels go first, oldest first, without a record. Then urgent ones while they hold more than half of the
outbox, then clips, pictures, observations, and the rest of the urgent ones, each oldest first. A parcel that carries
loss records never goes. The record is written in the same transaction as the deletion; records of one epoch merge
until they travel.
"""

import sqlite3
import uuid
from collections.abc import Callable, Iterable

import msgspec

from haechi.contract import UnreadableBody
from haechi.contract.codec import decode
from haechi.contract.parcel import LossCause, LossRange, LossRecord
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Rank

ROW_BYTES = 300
"""What a parcel costs on the disk beside its own bytes: rows, indexes, half-filled pages."""
EVICTED = "parcels_evicted"
LOST, LOST_OBSERVATIONS = "parcels_lost:", "observations_lost:"
GAPS = "gaps"
"""Totals in ``meta``; those of losses by cause."""
_DATASTREAMS_MAX = 200
_RANGES_MAX = 500
"""Of a record, beyond which a new one begins."""
_AT_ONCE = 64
_DAY_US = 86_400_000_000
_decoder = msgspec.msgpack.Decoder(LossRecord)


def make_room(database: sqlite3.Connection, bytes_max: int, cause: LossCause = LossCause.QUOTA) -> bool:
    """Delete until the outbox holds at most ``bytes_max``; True when something was lost. Runs inside a transaction."""
    lost = False
    while _held(database) > bytes_max:
        over = _held(database) - bytes_max
        rows = _victims(database, bytes_max)
        if not rows:
            return lost
        for parcel, settled, size in rows:
            if not settled:
                _record_loss(database, parcel, cause)
                lost = True
            else:
                _count(database, EVICTED, 1)
            forget(database, parcel)
            over -= size + ROW_BYTES
            if over <= 0:
                break
    return lost


def forget(database: sqlite3.Connection, parcel: int) -> None:
    """Delete one parcel and keep the totals right."""
    database.execute(
        "UPDATE totals SET parcels = parcels - 1, bytes = bytes - (SELECT size FROM parcels WHERE id = ?1)"
        " WHERE (rank, settled) = (SELECT rank, settled FROM parcels WHERE id = ?1)",
        (parcel,),
    )
    database.execute("DELETE FROM bodies WHERE id = ?", (parcel,))
    database.execute("DELETE FROM parcels WHERE id = ?", (parcel,))


def put_down(database: sqlite3.Connection, record: LossRecord) -> None:
    """Write a loss record, merged into one of the same cause and epoch (or day) that has not travelled yet.

    A record holds some hundred ranges at most: pictures that go while values stay leave a range each.
    """
    _count(database, LOST + record.cause, sum((part.last or part.first) - part.first + 1 for part in record.ranges))
    _count(database, LOST_OBSERVATIONS + record.cause, record.observations or 0)
    _count(database, GAPS, not record.ranges)
    about = record.ranges[0].epoch if record.ranges else str((record.last_us or 0) // _DAY_US)
    key = f"{record.cause}:{about}"
    row = database.execute("SELECT record FROM losses WHERE key = ?", (key,)).fetchone()
    if row is not None:
        kept = _decoder.decode(row[0])
        if len(kept.ranges) < _RANGES_MAX:
            record = _merged(kept, record)
        else:  # a new one begins, or each loss would cost as much as all before it
            database.execute("UPDATE losses SET key = key || ':' || id WHERE key = ?", (key,))
    database.execute(
        "INSERT INTO losses (key, id, record) VALUES (?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET id = excluded.id, record = excluded.record",
        (key, record.id, msgspec.msgpack.encode(record)),
    )


def untold(database: sqlite3.Connection) -> list[LossRecord]:
    """Return the loss records that do not travel yet."""
    return [_decoder.decode(row[0]) for row in database.execute("SELECT record FROM losses ORDER BY key")]


def lose(database: sqlite3.Connection, parcel: int, cause: LossCause) -> None:
    """Put a parcel down as lost and delete it."""
    _record_loss(database, parcel, cause)
    forget(database, parcel)


def _count(database: sqlite3.Connection, key: str, count: int) -> None:
    if count:
        database.execute(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = value + ?2", (key, count)
        )


def _held(database: sqlite3.Connection) -> int:
    (held,) = database.execute(
        "SELECT coalesce(sum(bytes), 0) + ? * coalesce(sum(parcels), 0) FROM totals", (ROW_BYTES,)
    ).fetchone()
    return int(held)


def _victims(database: sqlite3.Connection, bytes_max: int) -> list[tuple[int, int, int]]:
    rows = database.execute(
        "SELECT id, 1, size FROM parcels WHERE settled = 1 ORDER BY id LIMIT ?", (_AT_ONCE,)
    ).fetchall()
    if rows:
        return rows
    (urgent,) = database.execute(
        "SELECT coalesce(sum(bytes), 0) FROM totals WHERE rank = ? AND settled = 0", (Rank.URGENT,)
    ).fetchone()
    order = [Rank.CLIP, Rank.EVIDENCE, Rank.LIVE, Rank.URGENT]
    if urgent > bytes_max // 2:
        order.insert(0, Rank.URGENT)
    for rank in order:
        rows = database.execute(
            "SELECT id, 0, size FROM parcels WHERE settled = 0 AND rank = ? AND keeps = 0 ORDER BY id LIMIT ?",
            (rank, _AT_ONCE),
        ).fetchall()
        if rows:
            return rows
    return []


def _record_loss(database: sqlite3.Connection, parcel: int, cause: LossCause) -> None:
    epoch, seq, observations, events, first_us, last_us, body = database.execute(
        "SELECT epochs.epoch, seq, observations, events, first_us, parcels.last_us, bytes FROM parcels"
        " JOIN epochs ON epochs.n = parcels.n LEFT JOIN bodies ON bodies.id = parcels.id WHERE parcels.id = ?",
        (parcel,),
    ).fetchone()
    put_down(
        database,
        LossRecord(
            id=uuid.uuid4().hex,
            cause=cause,
            ranges=(LossRange(epoch=epoch.hex(), first=seq, last=seq),),
            first_us=first_us,
            last_us=last_us,
            datastreams=tuple(sorted(_datastreams(body))[:_DATASTREAMS_MAX]),
            observations=observations,
            events=events,
        ),
    )


def _datastreams(parcel: bytes | None) -> set[str]:
    try:
        content = decode(parcel or b"")[1]
    except (UnreadableBody, ValueError):
        return set()
    return {name for table in content.tables for name in table.datastreams}


def _merged(one: LossRecord, other: LossRecord) -> LossRecord:
    """Return both as one; they have the same cause and epoch. The newer id: the older may have travelled already."""
    numbers = RangeSet((part.first, part.last or part.first) for part in (*one.ranges, *other.ranges))
    epoch = one.ranges[0].epoch if one.ranges else ""
    return LossRecord(
        id=other.id,
        cause=one.cause,
        ranges=tuple(LossRange(epoch=epoch, first=first, last=last) for first, last in numbers.ranges),
        first_us=_known(min, one.first_us, other.first_us),
        last_us=_known(max, one.last_us, other.last_us),
        datastreams=tuple(sorted({*one.datastreams, *other.datastreams})[:_DATASTREAMS_MAX]),
        observations=(one.observations or 0) + (other.observations or 0),
        events=(one.events or 0) + (other.events or 0),
    )


def _known(choose: Callable[[Iterable[int]], int], one: int | None, other: int | None) -> int | None:
    times = [time_us for time_us in (one, other) if time_us is not None]
    return choose(times) if times else None
