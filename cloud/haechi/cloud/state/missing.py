"""What a gateway was told is settled, and the cloud has not: ask for it again, and report as lost what nobody keeps.

A sound cloud lacks nothing below the lowest number that a gateway still holds: that number rises only by our own
acknowledgements, which follow the commit, and by losses that the gateway reports. It lacks something after

* its state was restored to an older day, or numbers were withdrawn because its points were (``haechi cloud rewind``),
* a gateway has lost what it held: its card died, or it was made anew. Then an epoch vanishes from its status.

Both are seen in a status, and nothing is done at once, for a status may be old and a loss record under way: what is
lacking is asked for with every answer, and only after ``ASKS_MIN`` answers in at least ``PATIENCE_US`` it becomes a
loss. Should a parcel come after all, stored wins; should an epoch be listed again, it is open again.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from haechi.cloud.state import losses, ranges
from haechi.cloud.state.changes import Change
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.schema import epochs
from haechi.contract.control import EPOCHS_MAX, GatewayStatus, HeldEpoch, LackedRanges
from haechi.contract.parcel import LossCause, LossRange, LossRecord
from haechi.contract.ranges import SEQ_MAX, RangeSet

ASKS_MIN = 3
PATIENCE_US = 60_000_000
_EPOCHS_AT_ONCE = 64
_RANGES_AT_ONCE = 1_000
ASKED_RANGES_MAX = 200
"""Ranges that are asked for in one message, over all its epochs."""


_OPEN = (
    select(epochs)
    .where(epochs.c.tenant == bindparam("of_tenant"), epochs.c.gateway == bindparam("of_gateway"), ~epochs.c.closed)
    .order_by(epochs.c.first_seen_us)
    .limit(_EPOCHS_AT_ONCE)
)


class Lacking(NamedTuple):
    """What a status shows to be missing."""

    again: tuple[LackedRanges, ...]
    """To be asked for."""
    changes: list[Change]
    """Losses that were written."""


def look(connection: Connection, tenant: str, gateway: str, status: GatewayStatus, now_us: int) -> Lacking:
    """Compare a status with what is settled; the gateway's row is locked. Writes what must be a loss now."""
    again: list[LackedRanges] = []
    news: list[Change] = []
    held = {bytes.fromhex(one.epoch): one for one in status.epochs}
    current = next(reversed(held), None)
    for row in _open_epochs(connection, tenant, gateway) if held else ():
        name = EpochName(tenant, gateway, row.epoch)
        vanished = row.epoch not in held
        if vanished and len(held) >= EPOCHS_MAX:
            continue  # a status lists no more: it may well be held
        settled = ranges.settled_from(connection, name, 1, _RANGES_AT_ONCE)
        reach = _reach(row, settled)
        lacked = RangeSet([(1, reach - 1)] if reach > 1 else []) - settled
        if not vanished:
            lacked -= _kept(held[row.epoch], current=row.epoch == current)
        if not lacked and not vanished:
            _note(connection, name, row, asks=0, since_us=None)
        elif row.asks < ASKS_MIN or now_us - (row.missing_since_us or now_us) < PATIENCE_US:
            _note(connection, name, row, asks=row.asks + 1, since_us=row.missing_since_us or now_us)
            room = ASKED_RANGES_MAX - sum(len(one.ranges) for one in again)
            if lacked and room:
                again.append(LackedRanges(epoch=row.epoch.hex(), ranges=lacked.ranges[:room]))
        else:
            cause = LossCause.CLOSED_EPOCH if vanished else LossCause.RESTORED
            record = _record(name, cause, lacked, reach if vanished and not row.final else None, row.first_seen_us)
            if record is not None:
                news += losses.report(connection, tenant, gateway, record, now_us)
            _note(connection, name, row, asks=0, since_us=None, closed=vanished)
    return Lacking(tuple(again), news)


def _open_epochs(connection: Connection, tenant: str, gateway: str) -> Sequence[Row[Any]]:
    return connection.execute(_OPEN, {"of_tenant": tenant, "of_gateway": gateway}).all()


def _kept(held: HeldEpoch, *, current: bool) -> RangeSet:
    """Return the numbers that a gateway may still send: from the lowest that it holds to the last that it gave.

    Where an epoch has ended and the cloud knows numbers beyond that, an older copy of the outbox was put back.
    """
    end = SEQ_MAX if current else held.next - 1
    return RangeSet([(held.lowest, end)]) if held.lowest <= end else RangeSet()


def _reach(row: Row[Any], settled: RangeSet) -> int:
    """Return the first number of an epoch of which nothing is known."""
    if len(settled.ranges) >= _RANGES_AT_ONCE:
        return settled.ranges[-1][1] + 1  # what lies beyond is looked at when these holes are filled
    return max(row.next_seq or 1, settled.ranges[-1][1] + 1 if settled else 1)


def _record(
    name: EpochName, cause: LossCause, lacked: RangeSet, open_from: int | None, first_us: int
) -> LossRecord | None:
    """Return the loss; None where an epoch has ended and nothing of it is missing.

    ``open_from`` where the gateway last committed in it: how far it went after its last word, nobody knows.
    """
    epoch = name.epoch.hex()
    lost = [LossRange(epoch=epoch, first=first, last=last) for first, last in lacked.ranges]
    if open_from is not None:
        lost.append(LossRange(epoch=epoch, first=open_from, last=None))
    if not lost:
        return None
    about = f"{name.tenant}/{name.gateway}/{epoch}/{open_from}/{lacked.ranges}"
    return LossRecord(
        id=f"missing-{hashlib.sha256(about.encode()).hexdigest()[:24]}",
        cause=cause,
        ranges=tuple(lost),
        first_us=first_us,
        last_us=None,
    )


def _note(
    connection: Connection,
    name: EpochName,
    row: Row[Any],
    *,
    asks: int,
    since_us: int | None,
    closed: bool = False,
) -> None:
    if (row.asks, row.missing_since_us, row.closed) != (asks, since_us, closed):
        ours = (epochs.c.tenant == name.tenant, epochs.c.gateway == name.gateway, epochs.c.epoch == name.epoch)
        connection.execute(update(epochs).where(*ours).values(asks=asks, missing_since_us=since_us, closed=closed))
