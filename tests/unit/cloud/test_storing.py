"""What is tried again after a failure half-way ends as if it had gone through at once."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from haechi.cloud.event_broker.arrivals import Arrival, Delivery, read
from haechi.cloud.event_broker.batches import Batch
from haechi.cloud.event_broker.storing import Storing
from haechi.cloud.objects import FolderObjects
from haechi.cloud.state import markers
from haechi.cloud.state.engine import open_apart, reading, writing
from haechi.cloud.state.writer import StateUnavailable
from haechi.cloud.store import Batch as Points
from haechi.cloud.store import RefusedPoint, StoreUnavailable
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.contract import codec
from haechi.contract.parcel import ParcelName
from support.sender import EPOCH, level

NOW_US = 1_790_000_000_000_000


class Trouble(SqlitePoints):
    """Breaks on several parcels at once; goes down after one of them is written."""

    down = True

    def write(self, batches: Sequence[Points]) -> list[RefusedPoint]:
        if len(batches) > 1:
            raise RuntimeError("poison")
        if self.down and self.count("city"):
            raise StoreUnavailable("gone")
        return super().write(batches)


def delivery(seq: int) -> Delivery:
    payload = codec.encode(ParcelName(EPOCH, seq), level(NOW_US + seq, float(seq)))
    one = read(Arrival("haechi/v1/city/cabinet-1/up/live", payload, NOW_US), ["city"], "city")
    assert isinstance(one, Delivery)
    return one


def test_a_restore_between_two_tries_has_everything_written_again(state: Engine, tmp_path: Path) -> None:
    with writing(state) as connection:
        markers.issue(connection, "this-cloud", 0)
    points = Trouble(tmp_path / "points.db", Limits(lambda: NOW_US))
    storing = Storing(state, points, FolderObjects(tmp_path / "objects"))
    batch = Batch(deliveries=[delivery(1), delivery(2)])
    with pytest.raises(StoreUnavailable):
        storing.store(batch)
    assert [one.points_written for one in batch.deliveries] == [True, False]
    points._writer.execute("DELETE FROM points")
    with writing(state) as connection:
        markers.begin_withdrawal(connection)
    points.down = False
    storing.store(batch)
    assert (batch.withdrawals, points.count("city")) == (1, {"cabinet-1/river-1.level": 2})
    points.close()


def test_a_state_that_lends_no_connection_is_tried_again_and_ends_nothing(state: Engine, tmp_path: Path) -> None:
    busy = open_apart(f"sqlite:///{tmp_path}/state.db", 1)
    busy.pool._timeout = 0.01  # type: ignore[attr-defined]
    points = SqlitePoints(tmp_path / "points.db", Limits(lambda: NOW_US))
    storing = Storing(busy, points, FolderObjects(tmp_path / "objects"))
    with reading(busy), pytest.raises(StateUnavailable):
        storing.store(Batch(deliveries=[delivery(1)]))
    storing.store(Batch(deliveries=[delivery(1)]))
    busy.dispose()
    points.close()
