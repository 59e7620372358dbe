"""Losses: what was committed on a gateway and can never be stored, as operators see it and as ranges.

A loss settles its numbers, so that nobody waits for them; a parcel that comes late after all takes its number back.
"""

import msgspec
from sqlalchemy import Connection, select

from haechi.cloud.state import gateways, ranges
from haechi.cloud.state.changes import Change
from haechi.cloud.state.ranges import EpochName, of_epoch
from haechi.cloud.state.schema import epochs
from haechi.cloud.state.schema import losses as table
from haechi.cloud.state.upsert import insert_or_ignore
from haechi.contract.parcel import LossRange, LossRecord
from haechi.contract.ranges import RangeSet

_encoder = msgspec.json.Encoder()
_NEXT = select(epochs.c.next_seq).where(of_epoch(epochs))


def report(connection: Connection, tenant: str, gateway: str, record: LossRecord, now_us: int) -> list[Change]:
    """Write a loss; a record that is known changes nothing. Returns rows for the change feed."""
    row = {
        "tenant": tenant,
        "id": record.id,
        "gateway": gateway,
        "cause": record.cause.value,
        "record": _encoder.encode(record),
        "first_us": record.first_us,
        "last_us": record.last_us,
        "reported_us": now_us,
    }
    if not insert_or_ignore(connection, table, row):
        return []
    numbers: dict[str, list[tuple[int, int]]] = {}
    for lost in record.ranges:
        last = _end(connection, EpochName(tenant, gateway, bytes.fromhex(lost.epoch)), lost)
        if lost.first <= last:
            numbers.setdefault(lost.epoch, []).append((lost.first, last))
    for epoch, some in numbers.items():
        name = EpochName(tenant, gateway, bytes.fromhex(epoch))
        gateways.note_epoch(connection, name, 0, now_us, closed=True)
        ranges.lose(connection, name, RangeSet(some))
    return [Change("loss", record.id)]


def _end(connection: Connection, name: EpochName, lost: LossRange) -> int:
    """Return the last number that is lost; where the record does not know it, the last that was announced."""
    if lost.last is not None:
        return lost.last
    next_seq = connection.execute(_NEXT, name.parameters).scalar()
    return (next_seq or 1) - 1
