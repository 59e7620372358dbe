"""Dead letters: what could not be read or applied, kept whole, bounded by size and age, never in the way of anything.

The same content again raises a counter instead of taking room. What must go to keep the bounds is a loss, and is
reported as one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, select, update

from haechi.cloud.state import losses
from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import dead_letters
from haechi.cloud.state.upsert import insert_or_ignore
from haechi.contract.parcel import LossCause, LossRange, LossRecord

LetterKind = Literal["parcel", "point", "event", "control"]
CONTENT_BYTES_MAX = 64 * 1024
KEPT_BYTES_MAX = 256 * 1024 * 1024
KEPT_US_MAX = 90 * 86_400_000_000
_REASON_MAX = 500
_DROP_AT_ONCE = 500


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
    if insert_or_ignore(connection, dead_letters, row):
        return Change("dead_letter", letter.gateway)
    connection.execute(
        update(dead_letters)
        .where(
            dead_letters.c.tenant == letter.tenant,
            dead_letters.c.gateway == letter.gateway,
            dead_letters.c.sha256 == digest,
        )
        .values(times=dead_letters.c.times + 1)
    )
    return None


def each(connection: Connection, tenant: str | None = None) -> Iterator[Row[Any]]:
    """Yield all letters, oldest first, without loading them at once."""
    query = select(dead_letters).order_by(dead_letters.c.id)
    if tenant is not None:
        query = query.where(dead_letters.c.tenant == tenant)
    last = 0
    while rows := connection.execute(query.where(dead_letters.c.id > last).limit(50)).all():
        yield from rows
        last = rows[-1].id


def one(connection: Connection, letter_id: int) -> Row[Any] | None:
    """Return one letter, or None when it is gone."""
    return connection.execute(select(dead_letters).where(dead_letters.c.id == letter_id)).first()


def discard(connection: Connection, letter_id: int) -> None:
    """Remove one letter: it was replayed."""
    connection.execute(delete(dead_letters).where(dead_letters.c.id == letter_id))


def trim(
    connection: Connection, now_us: int, bytes_max: int = KEPT_BYTES_MAX, age_us_max: int = KEPT_US_MAX
) -> list[tuple[str, Change]]:
    """Drop the oldest letters beyond the bounds; what is dropped becomes a loss. Returns tenants with their changes."""
    changes: list[tuple[str, Change]] = []
    total = connection.execute(select(func.coalesce(func.sum(func.length(dead_letters.c.content)), 0))).scalar_one()
    rows = connection.execute(
        select(
            dead_letters.c.id,
            dead_letters.c.tenant,
            dead_letters.c.gateway,
            dead_letters.c.epoch,
            dead_letters.c.seq,
            dead_letters.c.received_us,
            func.length(dead_letters.c.content).label("kept"),
        )
        .order_by(dead_letters.c.id)
        .limit(_DROP_AT_ONCE)
    ).all()
    for row in rows:
        if total <= bytes_max and row.received_us >= now_us - age_us_max:
            break
        total -= row.kept
        discard(connection, row.id)
        record = LossRecord(
            id=f"letter-{row.id}-{row.received_us}",
            cause=LossCause.UNREADABLE,
            ranges=(LossRange(epoch=row.epoch.hex(), first=row.seq, last=row.seq),) if row.epoch else (),
            first_us=row.received_us,
            last_us=row.received_us,
        )
        changes.extend(
            (row.tenant, change) for change in losses.report(connection, row.tenant, row.gateway, record, now_us)
        )
    return changes
