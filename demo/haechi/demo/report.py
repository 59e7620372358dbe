"""Committed against stored: two independent countings, one on each side.

*Committed* is what the gateway's outbox has counted, in the very transactions that put it there. *Stored* is counted
anew in the stores: points one by one, events by their ids. A point that was overwritten, or an event that was stored
under another's id, is missing there; a point too many shows as repeated.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select

from haechi.cloud.addresses import open_points
from haechi.cloud.state import schema
from haechi.cloud.state.engine import open_state, reading
from haechi.contract.parcel import LossRecord
from haechi.edge.outbox.figures import look


class Counts(msgspec.Struct, frozen=True):
    """Of one kind of thing."""

    committed: int
    stored: int
    repeated: int
    lost_unreported: int

    @classmethod
    def of(cls, committed: int, stored: int, lost: int) -> "Counts":
        """Compare; ``lost`` is what loss records account for."""
        return cls(committed, stored, max(0, stored - committed), max(0, committed - stored - lost))


class Situations(msgspec.Struct, frozen=True):
    """How many situations there were."""

    opened: int
    cleared: int


class Camera(msgspec.Struct, frozen=True):
    """What the camera did."""

    frames_analysed: int
    events: int


class Quantiles(msgspec.Struct, frozen=True):
    """Seconds; None where nothing was timed."""

    p50: float | None
    p95: float | None

    @classmethod
    def of(cls, times_s: Sequence[float]) -> "Quantiles":
        """Return the median and the 95th percentile (nearest rank)."""
        if not times_s:
            return cls(None, None)
        ordered = sorted(times_s)
        last = len(ordered) - 1
        return cls(*(round(ordered[min(last, int(share * len(ordered)))], 4) for share in (0.5, 0.95)))


class Latency(msgspec.Struct, frozen=True):
    """From the sensor's reading of a live event to the store, and to the operator's change feed."""

    sensor_to_store: Quantiles
    sensor_to_screen: Quantiles


class Report(msgspec.Struct, frozen=True):
    """What ``--report`` writes."""

    observations: Counts
    events: Counts
    situations: Situations
    camera: Camera
    latency_s: Latency
    restarts: dict[str, int]
    """How often each process had to be started again."""
    held: int
    """Parcels still in the outbox when the run ended; not lost, but not stored either."""

    @property
    def sound(self) -> bool:
        """Whether nothing was repeated, nothing lost unreported, and nothing is left behind."""
        return not self.held and not any(
            counts.repeated or counts.lost_unreported for counts in (self.observations, self.events)
        )


def count(
    *,
    outbox: Path,
    state_url: str,
    store_url: str,
    tenant: str,
    gateway: str,
    camera: str,
    frames_analysed: int,
    latency: Latency,
    restarts: dict[str, int],
) -> Report:
    """Count both sides of a finished run. Blocks."""
    figures = look(outbox, 1)
    store = open_points(store_url, lambda: time.time_ns() // 1000, None)
    try:
        points = sum(store.count(tenant, gateway).values())
    finally:
        store.close()
    state = open_state(state_url)
    try:
        events, situations, losses = schema.events, schema.situations, schema.losses
        of_gateway = (events.c.tenant == tenant) & (events.c.gateway == gateway)
        with reading(state) as connection:
            stored_events = connection.execute(
                select(func.count(events.c.id.distinct())).where(of_gateway, events.c.seq > 0)
            ).scalar_one()
            camera_events = connection.execute(
                select(func.count()).where(of_gateway, events.c.source == camera, events.c.phase == "raised")
            ).scalar_one()
            opened, cleared = connection.execute(
                select(func.count(), func.count(situations.c.cleared_us)).where(situations.c.tenant == tenant)
            ).one()
            records = connection.execute(select(losses.c.record).where(losses.c.gateway == gateway)).scalars().all()
    finally:
        state.dispose()
    lost = [msgspec.json.decode(record, type=LossRecord) for record in records]
    return Report(
        observations=Counts.of(figures.observations_committed, points, sum(one.observations or 0 for one in lost)),
        events=Counts.of(figures.events_committed, stored_events, sum(one.events or 0 for one in lost)),
        situations=Situations(opened, cleared),
        camera=Camera(frames_analysed, camera_events),
        latency_s=latency,
        restarts=restarts,
        held=figures.parcels,
    )


def write(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    content: Any = msgspec.to_builtins(report)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
