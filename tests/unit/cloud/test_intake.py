"""What the intake does where the stores and the state do not change together. (That it works, real servers show.)"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.event_broker.arrivals import Arrival
from haechi.cloud.event_broker.intake import Intake
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.objects import FolderObjects
from haechi.cloud.state import markers, ranges, receipts
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.engine import open_state, reading, writing
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.writer import StateWriter
from haechi.cloud.store import Batch, RefusedPoint
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.contract import codec
from haechi.contract.parcel import ParcelName
from support.sender import EPOCH, level

NOW_US = 1_790_000_000_000_000


class Store(SqlitePoints):
    """Something happens right after its next write, before anybody commits what was written."""

    then: Callable[[], None] | None = None

    def write(self, batches: Sequence[Batch]) -> list[RefusedPoint]:
        refused = super().write(batches)
        if self.then is not None:
            then, self.then = self.then, None
            then()
        return refused


async def test_points_that_went_to_a_store_put_back_since_are_not_taken_for_stored(tmp_path: Path) -> None:
    state, store = open_state(f"sqlite:///{tmp_path}/state.db"), Store(tmp_path / "points.db", Limits(lambda: NOW_US))
    writer = StateWriter(state)

    async def publish(_topic: str, _payload: bytes) -> None:
        pass

    intake = Intake(
        tenants=["city"],
        home="city",
        state=state,
        writer=writer,
        points=store,
        objects=FolderObjects(tmp_path / "objects"),
        bell=ChangeBell(),
        acknowledger=Acknowledger(publish, lambda: NOW_US),
        meters=Meters(CollectorRegistry()),
        clock_us=lambda: NOW_US,
    )

    def put_back() -> None:
        """The store loses what it has, which is noticed; the receipt of what is in between does not exist yet."""
        store._writer.execute("DELETE FROM points")
        with writing(state) as connection:
            markers.begin_withdrawal(connection)
            assert receipts.concerned(connection, receipts.since_marker(0)) == []

    def stored() -> tuple[tuple[int, int], ...]:
        with reading(state) as connection:
            return ranges.settled_from(connection, EpochName("city", "cabinet-1", EPOCH), 1, 10).ranges

    with writing(state) as connection:
        markers.issue(connection, "this-cloud", 0)
    payload = codec.encode(ParcelName(EPOCH, 1), level(NOW_US, 1.0))
    arrival = Arrival("haechi/v1/city/cabinet-1/up/live", payload, NOW_US)
    running = asyncio.create_task(intake.run())
    store.then = put_back
    await intake.take("bulk", arrival)
    assert (stored(), store.count("city")) == ((), {"cabinet-1/river-1.level": 0})
    await intake.take("bulk", arrival)
    assert (stored(), store.count("city")) == (((1, 1),), {"cabinet-1/river-1.level": 1})
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    writer.close()
    state.dispose()
    store.close()
