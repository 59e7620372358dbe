"""Gateways and their epochs: that they were seen, what they last said of themselves, and the lock on their row."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, bindparam, func, select, update

from haechi.cloud.clock import DAY_US
from haechi.cloud.state.fence import EPOCHS_A_DAY_MAX
from haechi.cloud.state.ranges import EpochName, of_epoch
from haechi.cloud.state.schema import epochs, gateways
from haechi.cloud.state.upsert import upsert
from haechi.contract.control import GatewayStatus, HeldEpoch

LATE_US = 60_000_000
"""A status from before the gateway began its epoch may come so much later: another worker had it, and was slow."""

_encoder = msgspec.json.Encoder()
_ours = and_(gateways.c.tenant == bindparam("of_tenant"), gateways.c.gateway == bindparam("of_gateway"))
_FENCED = select(gateways.c.fenced).where(_ours)
_HOLD = select(gateways.c.gateway).where(_ours).with_for_update()
_LAST_WORD = (
    select(gateways.c.online, gateways.c.current_epoch, gateways.c.said_at_us, gateways.c.fenced)
    .where(_ours)
    .with_for_update()
)
_COUNT = (
    update(gateways)
    .where(_ours)
    .values(
        observations=gateways.c.observations + bindparam("more_observations"),
        repeats=gateways.c.repeats + bindparam("more_repeats"),
    )
)
_their_epochs = and_(epochs.c.tenant == bindparam("of_tenant"), epochs.c.gateway == bindparam("of_gateway"))
_HIGHEST = select(func.max(epochs.c.epoch_order)).where(_their_epochs)
_OPENED = select(func.count()).where(_their_epochs, epochs.c.first_seen_us > bindparam("since_us"))
_SUPERSEDED = select(epochs.c.superseded, epochs.c.superseded_at_us).where(of_epoch(epochs))


class Locked(NamedTuple):
    """What is known of a gateway whose row is locked."""

    new: bool
    """It was unknown until now."""
    fenced: bool
    """Nothing is taken from it now."""


def lock(connection: Connection, tenant: str, gateway: str, now_us: int) -> Locked:
    """Make the gateway's row if it is missing, note that it was seen, and hold the row until the transaction ends."""
    known = connection.execute(_FENCED, _of(tenant, gateway)).first()
    upsert(connection, gateways, [{"tenant": tenant, "gateway": gateway, "last_seen_us": now_us}])
    return Locked(known is None, known is not None and known.fenced is not None)


def hold(connection: Connection, tenant: str, gateway: str) -> None:
    """Hold the gateway's row, where there is one, until the transaction ends."""
    connection.execute(_HOLD, _of(tenant, gateway))


def is_fenced(connection: Connection, tenant: str, gateway: str) -> bool:
    """Whether nothing is taken from a gateway now."""
    return connection.execute(_FENCED, _of(tenant, gateway)).scalar() is not None


def count(connection: Connection, tenant: str, gateway: str, *, observations: int, repeats: int) -> None:
    """Add to the gateway's counters."""
    if observations or repeats:
        more = {"more_observations": observations, "more_repeats": repeats}
        connection.execute(_COUNT, {**_of(tenant, gateway), **more})


def note_epoch(connection: Connection, name: EpochName, epoch_order: int, now_us: int, *, closed: bool = False) -> None:
    """Make the row of an epoch if it is missing, so that it is counted among those of its day.

    Args:
        connection: the transaction.
        name: the epoch.
        epoch_order: 0 where it is not known.
        now_us: when it is first seen, if it is.
        closed: where its row is new, expect nothing of it until the gateway says that it holds it.
    """
    row = {**name._asdict(), "epoch_order": epoch_order, "first_seen_us": now_us, "closed": closed}
    upsert(connection, epochs, [row], kept=("first_seen_us", "closed"), rising=("epoch_order",))


def highest_order(connection: Connection, tenant: str, gateway: str) -> int:
    """Return the highest order of an epoch that is known of a gateway; 0 where none is."""
    return int(connection.execute(_HIGHEST, _of(tenant, gateway)).scalar() or 0)


def apply_status(connection: Connection, tenant: str, gateway: str, status: GatewayStatus, now_us: int) -> bool:
    """Write what a gateway says of itself; return whether two gateways seem to use its name.

    A last will (``offline``) says only that it went, and since when: what the gateway said before stays readable. A
    status that a newer one has overtaken, as happens among several workers, changes nothing.
    """
    online = status.state == "online"
    row = connection.execute(_LAST_WORD, _of(tenant, gateway)).first()
    if online or row is None:
        lock(connection, tenant, gateway, now_us)
    said: dict[str, Any] = {"online": online}
    came_back = False
    if online and status.epochs and row is not None:
        current = EpochName(tenant, gateway, bytes.fromhex(status.epochs[-1].epoch))
        if row.current_epoch == current.epoch:
            if row.said_at_us is not None and status.at_us < row.said_at_us:
                return False
        elif row.current_epoch is not None:
            left_at_us = _left_at_us(connection, current)
            if left_at_us is not None and abs(now_us - left_at_us) < LATE_US:
                return False
            # No gateway goes back to an epoch that it has left: two of them are taking turns.
            came_back = left_at_us is not None
            _leave(connection, EpochName(tenant, gateway, row.current_epoch), now_us)
    if online or row is None:
        said["status"] = _encoder.encode(status)
    if online or row is None or row.online:
        said["status_at_us"] = now_us
    if online and status.epochs:
        said["current_epoch"] = bytes.fromhex(status.epochs[-1].epoch)
        said["said_at_us"] = status.at_us
    if row is None or row.fenced is None:
        _hold(connection, tenant, gateway, status.epochs, now_us)
    connection.execute(
        update(gateways).where(gateways.c.tenant == tenant, gateways.c.gateway == gateway).values(**said)
    )
    return came_back


def _of(tenant: str, gateway: str) -> dict[str, Any]:
    return {"of_tenant": tenant, "of_gateway": gateway}


def _left_at_us(connection: Connection, name: EpochName) -> int | None:
    """Return when a later epoch became current after this one, the first time; None where that never happened."""
    row = connection.execute(_SUPERSEDED, name.parameters).first()
    return None if row is None or not row.superseded else int(row.superseded_at_us or 0)


def _leave(connection: Connection, name: EpochName, now_us: int) -> None:
    first_us = func.coalesce(epochs.c.superseded_at_us, now_us)
    connection.execute(
        update(epochs).where(of_epoch(epochs)).values(superseded=True, superseded_at_us=first_us), name.parameters
    )


def _hold(connection: Connection, tenant: str, gateway: str, held: Sequence[HeldEpoch], now_us: int) -> None:
    """Write which epochs a gateway holds, unless it has opened more of them today than any sound one does."""
    opened = connection.execute(_OPENED, {**_of(tenant, gateway), "since_us": now_us - DAY_US}).scalar_one()
    if not held or opened > EPOCHS_A_DAY_MAX:
        return
    rows = [
        {
            **EpochName(tenant, gateway, bytes.fromhex(one.epoch))._asdict(),
            "epoch_order": one.order,
            "first_seen_us": now_us,
            "next_seq": one.next,
            "final": one is not held[-1],
            "closed": False,
        }
        for one in held
    ]
    upsert(connection, epochs, rows, kept=("first_seen_us",), rising=("next_seq",))
