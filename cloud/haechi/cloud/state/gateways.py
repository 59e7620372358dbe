"""Gateways and their epochs: that they were seen, what they last said of themselves, and the lock on their row."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.schema import epochs, gateways
from haechi.cloud.state.upsert import upsert
from haechi.contract.control import GatewayStatus, HeldEpoch

_encoder = msgspec.json.Encoder()


class Locked(NamedTuple):
    """What is known of a gateway whose row is locked."""

    new: bool
    """It was unknown until now."""
    fenced: bool
    """Nothing is taken from it now."""


def lock(connection: Connection, tenant: str, gateway: str, now_us: int) -> Locked:
    """Make the gateway's row if it is missing, note that it was seen, and hold the row until the transaction ends."""
    known = connection.execute(
        select(gateways.c.fenced).where(gateways.c.tenant == tenant, gateways.c.gateway == gateway)
    ).first()
    upsert(connection, gateways, [{"tenant": tenant, "gateway": gateway, "last_seen_us": now_us}])
    return Locked(known is None, known is not None and known.fenced is not None)


def count(connection: Connection, tenant: str, gateway: str, *, observations: int, repeats: int) -> None:
    """Add to the gateway's counters."""
    if observations or repeats:
        connection.execute(
            update(gateways)
            .where(gateways.c.tenant == tenant, gateways.c.gateway == gateway)
            .values(observations=gateways.c.observations + observations, repeats=gateways.c.repeats + repeats)
        )


def note_epoch(connection: Connection, name: EpochName, epoch_order: int, now_us: int) -> None:
    """Make the row of an epoch if it is missing."""
    row = {**name._asdict(), "epoch_order": epoch_order, "first_seen_us": now_us}
    upsert(connection, epochs, [row], kept=("epoch_order", "first_seen_us"))


def highest_order(connection: Connection, tenant: str, gateway: str) -> int:
    """Return the highest order of an epoch that is known of a gateway; 0 where none is."""
    ours = (epochs.c.tenant == tenant, epochs.c.gateway == gateway)
    return int(connection.execute(select(func.max(epochs.c.epoch_order)).where(*ours)).scalar() or 0)


def apply_status(connection: Connection, tenant: str, gateway: str, status: GatewayStatus, now_us: int) -> bool:
    """Write what a gateway says of itself; return whether two gateways seem to use its name.

    A last will (``offline``) says only that it went, and since when: what the gateway said before stays readable.
    A gateway never goes back to an epoch that it has left; where that happens, two of them are taking turns.
    """
    row = connection.execute(
        select(gateways.c.online, gateways.c.current_epoch).where(
            gateways.c.tenant == tenant, gateways.c.gateway == gateway
        )
    ).first()
    online = status.state == "online"
    said: dict[str, Any] = {"online": online}
    if online or row is None:
        lock(connection, tenant, gateway, now_us)
        said["status"] = _encoder.encode(status)
    if online or row is None or row.online:
        said["status_at_us"] = now_us
    for held in status.epochs:
        name = EpochName(tenant, gateway, bytes.fromhex(held.epoch))
        _hold(connection, name, held, held is not status.epochs[-1], now_us)
    came_back = False
    if online and status.epochs:
        current = said["current_epoch"] = bytes.fromhex(status.epochs[-1].epoch)
        if row is not None and row.current_epoch not in (None, current):
            came_back = _superseded(connection, EpochName(tenant, gateway, current))
            _supersede(connection, EpochName(tenant, gateway, row.current_epoch))
    connection.execute(
        update(gateways).where(gateways.c.tenant == tenant, gateways.c.gateway == gateway).values(**said)
    )
    return came_back


def _superseded(connection: Connection, name: EpochName) -> bool:
    return bool(connection.execute(select(epochs.c.superseded).where(_of(name))).scalar())


def _supersede(connection: Connection, name: EpochName) -> None:
    connection.execute(update(epochs).where(_of(name)).values(superseded=True))


def _of(name: EpochName) -> ColumnElement[bool]:
    return and_(epochs.c.tenant == name.tenant, epochs.c.gateway == name.gateway, epochs.c.epoch == name.epoch)


def _hold(connection: Connection, name: EpochName, held: HeldEpoch, final: bool, now_us: int) -> None:
    row = {
        **name._asdict(),
        "epoch_order": held.order,
        "first_seen_us": now_us,
        "next_seq": held.next,
        "lowest": held.lowest,
        "final": final,
        "closed": False,
    }
    upsert(connection, epochs, [row], kept=("first_seen_us",))
