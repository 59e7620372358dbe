"""Storing: pictures and points of what is not stored yet, durable before the state may hear of them."""

import logging
from collections.abc import Sequence

from sqlalchemy import Engine

from haechi.cloud.event_broker.arrivals import Delivery
from haechi.cloud.event_broker.batches import Batch
from haechi.cloud.objects import ObjectStore
from haechi.cloud.state import descriptions, markers, ranges
from haechi.cloud.state.engine import UNREADABLE, reading, reason
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.writer import StateUnavailable
from haechi.cloud.store import Batch as Points
from haechi.cloud.store import PointStore, StoreError
from haechi.contract.ranges import RangeSet

log = logging.getLogger(__name__)


class Storing:
    """Writes to the stores, in a thread of its own; may be tried again with the same batch."""

    def __init__(self, state: Engine, points: PointStore, objects: ObjectStore) -> None:
        self._state = state
        self._points = points
        self._objects = objects

    def store(self, batch: Batch) -> None:
        """Write pictures and points of the parcels that are not stored yet; bury those that break the store.

        Raises:
            StoreError: the time-series store does not work; try the same again.
            ObjectUnavailable: the pictures' store does not; the same.
            StateUnavailable: the state cannot say what is stored; the same.
        """
        if not any(one.needs_stores and not one.points_written for one in batch.deliveries):
            return
        fresh, device_time = self._look_up(batch)
        points = {id(one): _points_of(one, device_time[one.address[:2]]) for one in fresh}
        for one in fresh:
            for picture in one.parcel.evidence:
                one.pictures[picture.id, picture.piece] = self._objects.put(picture.content)
        try:
            self._write(fresh, [points[id(one)] for one in fresh], batch)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - supervises parcels: whatever one breaks, the others go on
            for one in fresh:
                try:
                    self._write([one], [points[id(one)]], batch)
                except StoreError:
                    raise
                except Exception as error:
                    log.exception("points of parcel %s of %s cannot be written", one.name, one.address.gateway)
                    batch.bury(one, error)

    def _look_up(self, batch: Batch) -> tuple[list[Delivery], dict[tuple[str, ...], frozenset[str]]]:
        """Return the parcels that are not stored yet, and the datastreams with device time of each gateway."""
        try:
            with reading(self._state) as connection:
                withdrawals = markers.withdrawals(connection)
                if batch.withdrawals not in (None, withdrawals):
                    batch.unwrite()  # what an earlier try wrote went perhaps to a store that is no more
                batch.withdrawals = withdrawals
                needy = [one for one in batch.deliveries if one.needs_stores and not one.points_written]
                numbers: dict[EpochName, list[tuple[int, int]]] = {}
                for one in needy:
                    numbers.setdefault(_epoch_of(one), []).append((one.name.seq, one.name.seq))
                stored = {name: ranges.stored_among(connection, name, RangeSet(some)) for name, some in numbers.items()}
                device_time: dict[tuple[str, ...], frozenset[str]] = {
                    gateway: descriptions.with_device_time(connection, *gateway)
                    for gateway in {name[:2] for name in numbers}
                }
        except UNREADABLE as error:
            raise StateUnavailable(reason(error)) from error
        fresh = []
        for one in needy:
            device_time[one.address[:2]] |= one.device_time
            name = _epoch_of(one)
            if one.name.seq not in stored[name]:
                fresh.append(one)
                stored[name] = stored[name].add(one.name.seq)  # once more in this batch, it is a repeat
        return fresh, device_time

    def _write(self, deliveries: Sequence[Delivery], points: Sequence[Points], batch: Batch) -> None:
        refused = self._points.write([one for one in points if one.tables])
        batch.refused.extend(refused)
        for one in deliveries:
            one.points_written = True
        for point in refused:
            owner = next(
                one for one in deliveries if one.address[:2] == (point.tenant, point.gateway) and one.parcel.tables
            )
            owner.points_refused += 1


def _epoch_of(one: Delivery) -> EpochName:
    return EpochName(one.address.tenant, one.address.gateway, one.name.epoch)


def _points_of(one: Delivery, device_time: frozenset[str]) -> Points:
    return Points(one.address.tenant, one.address.gateway, one.parcel.epoch_number, one.parcel.tables, device_time)
