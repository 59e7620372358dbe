"""Dead letters: what could not be read or applied, kept whole, bounded by size and age, never in the way of anything.

The same content again raises a counter instead of taking room. What must go to keep the bounds is a loss, and is
reported as one.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, bindparam, case, delete, func, select, update

from haechi.cloud.clock import DAY_US
from haechi.cloud.state import gateways, losses
from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import dead_letters
from haechi.cloud.state.upsert import insert_or_ignore
from haechi.contract.parcel import LossCause, LossRange, LossRecord
from haechi.contract.ranges import RangeSet

LetterKind = Literal["parcel", "point", "event", "control"]
CONTENT_BYTES_MAX = 64 * 1024
KEPT_BYTES_MAX = 256 * 1024 * 1024
KEPT_US_MAX = 90 * DAY_US
_REASON_MAX = 500
_DROP_AT_ONCE = 500
_ROW_BYTES = 1024
"""What a letter takes beside its content: reason, topic, indexes. A million letters of one byte are a gigabyte."""
_ROOM = case((dead_letters.c.bytes > CONTENT_BYTES_MAX, CONTENT_BYTES_MAX), else_=dead_letters.c.bytes) + _ROW_BYTES
_HELD = select(dead_letters.c.tenant, dead_letters.c.gateway, func.sum(_ROOM).label("size")).group_by(
    dead_letters.c.tenant, dead_letters.c.gateway
)
_DISCARD = delete(dead_letters).where(dead_letters.c.id == bindparam("gone"))
OUTSIDE = tuple(column for column in dead_letters.c if column.name != "content")
"""What stands on the envelope: all columns but the content."""
_OUTLINE = select(
    dead_letters.c.id,
    dead_letters.c.tenant,
    dead_letters.c.gateway,
    dead_letters.c.epoch,
    dead_letters.c.seq,
    dead_letters.c.received_us,
    _ROOM.label("kept"),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that went wrong, whole."""

    tenant: str
    gateway: str
    topic: str
    kind: LetterKind
    reason: str
    content: bytes
    epoch: bytes | None = None
    seq: int | None = None


def keep(connection: Connection, letter: Letter, now_us: int) -> Change | None:
    """Keep a letter, or count it when it is known; return the row for the change feed when it is new.

    Content over 64 KiB is cut there; its true size stands in ``bytes``, and its reason says so.
    """
    digest = hashlib.sha256(letter.content).digest()
    cut = len(letter.content) > CONTENT_BYTES_MAX
    reason = letter.reason + (f" (cut from {len(letter.content)} bytes)" if cut else "")
    row = {
        "tenant": letter.tenant,
        "gateway": letter.gateway,
        "topic": letter.topic[:1000].replace("\x00", "\ufffd"),
        "kind": letter.kind,
        "reason": reason[:_REASON_MAX].replace("\x00", "\ufffd"),
        "epoch": letter.epoch,
        "seq": letter.seq,
        "sha256": digest,
        "content": letter.content[:CONTENT_BYTES_MAX],
        "bytes": len(letter.content),
        "received_us": now_us,
    }
    it = and_(
        dead_letters.c.tenant == letter.tenant,
        dead_letters.c.gateway == letter.gateway,
        dead_letters.c.sha256 == digest,
    )
    if insert_or_ignore(connection, dead_letters, row):
        return Change("dead_letter", str(connection.execute(select(dead_letters.c.id).where(it)).scalar_one()))
    connection.execute(update(dead_letters).where(it).values(times=dead_letters.c.times + 1))
    return None


def page(connection: Connection, after: int = 0, limit: int = 200) -> Sequence[Row[Any]]:
    """Return some letters without their content, oldest first: those whose number is higher than ``after``."""
    return connection.execute(
        select(*OUTSIDE).where(dead_letters.c.id > after).order_by(dead_letters.c.id).limit(limit)
    ).all()


def each(connection: Connection) -> Iterator[Row[Any]]:
    """Yield all letters without their content, oldest first, without loading them at once."""
    last = 0
    while rows := page(connection, last):
        yield from rows
        last = rows[-1].id


def one(connection: Connection, letter_id: int) -> Row[Any] | None:
    """Return one letter, or None when it is gone."""
    return connection.execute(select(dead_letters).where(dead_letters.c.id == letter_id)).first()


def discard(connection: Connection, letter_id: int) -> None:
    """Remove one letter: it was replayed."""
    connection.execute(_DISCARD, {"gone": letter_id})


def trim(
    connection: Connection, now_us: int, bytes_max: int = KEPT_BYTES_MAX, age_us_max: int = KEPT_US_MAX
) -> list[tuple[str, Change]]:
    """Drop letters beyond the bounds; what is dropped becomes a loss. Returns tenants with their changes.

    Room is made by the gateway that takes most of it, oldest first, so that one that sends nothing but garbage pushes
    out nobody else's.
    """
    expired = _OUTLINE.where(dead_letters.c.received_us < now_us - age_us_max).order_by(dead_letters.c.received_us)
    dropped = list(connection.execute(expired.limit(_DROP_AT_ONCE)).all())
    _discard(connection, dropped)
    held = {(row.tenant, row.gateway): int(row.size) for row in connection.execute(_HELD)}
    while (excess := sum(held.values()) - bytes_max) > 0:
        heaviest = max(held, key=held.__getitem__)
        theirs = and_(dead_letters.c.tenant == heaviest[0], dead_letters.c.gateway == heaviest[1])
        oldest = connection.execute(_OUTLINE.where(theirs).order_by(dead_letters.c.id).limit(_DROP_AT_ONCE)).all()
        freed = list(accumulate(row.kept for row in oldest))
        count = min(bisect_left(freed, excess) + 1, len(oldest))
        _discard(connection, oldest[:count])
        dropped += oldest[:count]
        held[heaviest] -= freed[count - 1]
    return _lose(connection, dropped, now_us)


def _discard(connection: Connection, rows: Sequence[Any]) -> None:
    if rows:
        connection.execute(_DISCARD, [{"gone": row.id} for row in rows])


def _lose(connection: Connection, rows: Sequence[Any], now_us: int) -> list[tuple[str, Change]]:
    """Report letters that were removed; each gateway gets one loss for all of its."""
    changes: list[tuple[str, Change]] = []
    by_gateway: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        by_gateway.setdefault((row.tenant, row.gateway), []).append(row)
    for (tenant, gateway), some in sorted(by_gateway.items()):
        gateways.hold(connection, tenant, gateway)
        numbers: dict[bytes, RangeSet] = {}
        for row in some:
            if row.epoch is not None:
                numbers[row.epoch] = numbers.get(row.epoch, RangeSet()).add(row.seq)
        record = LossRecord(
            id=f"letter-{some[0].id}-{some[0].received_us}",
            cause=LossCause.UNREADABLE,
            ranges=tuple(
                LossRange(epoch=epoch.hex(), first=first, last=last)
                for epoch, lost in numbers.items()
                for first, last in lost.ranges
            ),
            first_us=min(row.received_us for row in some),
            last_us=max(row.received_us for row in some),
        )
        changes += [(tenant, change) for change in losses.report(connection, tenant, gateway, record, now_us)]
    return changes
