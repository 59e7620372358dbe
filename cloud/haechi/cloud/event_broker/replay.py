"""Dead letters, read once more: after an upgrade, what was unreadable may be a parcel like any other.

A letter that can be applied now is applied in one transaction and removed in the same; its number, settled when it
was put aside, is withdrawn first, so that the usual test of membership holds. Works beside a running cloud. Letters of
a gateway that is fenced off stay until the fence is down.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from sqlalchemy import Engine

from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, read
from haechi.cloud.objects import ObjectStore
from haechi.cloud.state import descriptions, gateways, letters, ranges
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.store import Batch, PointStore
from haechi.contract.ranges import RangeSet


class Replayed(NamedTuple):
    """What became of the dead letters."""

    applied: int
    left: int


def replay(
    state: Engine,
    points: PointStore,
    objects: ObjectStore,
    tenants: Collection[str],
    clock_us: Callable[[], int],
) -> Replayed:
    """Apply every parcel among the dead letters that can be read now.

    Raises:
        StoreError: a store does not work; what was applied before stays applied, the rest can be tried again.
    """
    applied = left = 0
    with reading(state) as connection:
        numbers = [row.id for row in letters.each(connection)]
    for number in numbers:
        if _replay(state, points, objects, tenants, clock_us(), number):
            applied += 1
        else:
            left += 1
    return Replayed(applied, left)


def _replay(
    state: Engine, points: PointStore, objects: ObjectStore, tenants: Collection[str], now_us: int, number: int
) -> bool:
    with reading(state) as connection:
        letter = letters.one(connection, number)
        if letter is None or letter.kind != "parcel" or letter.bytes != len(letter.content):
            return False
        came = read(Arrival(letter.topic, letter.content, letter.received_us), tenants, letter.tenant)
        if not isinstance(came, Delivery):
            return False
        device_time = descriptions.with_device_time(connection, *came.address[:2]) | came.device_time
    for picture in came.parcel.evidence:
        came.pictures[picture.id, picture.piece] = objects.put(picture.content)
    tables = came.parcel.tables
    refused = points.write([Batch(*came.address[:2], came.parcel.epoch_number, tables, device_time)]) if tables else []
    came.points_written, came.points_refused = True, len(refused)
    name = EpochName(*came.address[:2], came.name.epoch)
    with writing(state) as connection:
        if gateways.lock(connection, *came.address[:2], now_us).fenced:
            return False
        ranges.withdraw(connection, name, RangeSet([(came.name.seq, came.name.seq)]))
        letters.discard(connection, number)
        apply(connection, [came], [], refused, now_us)
    return True
