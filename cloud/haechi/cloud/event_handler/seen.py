"""Events that the cloud itself makes, because only it can see them: a gateway is away, or there are two of one name.

``device.offline`` is a condition like any other, named by the cloud, so that it opens one situation and clears when
the gateway is back; a short absence (a restart, a new address) raises nothing. ``device.duplicate_identity`` merely
happens, each time they take turns, so it ends by itself when one of them has been taken away.
"""

import hashlib

from sqlalchemy import Connection, and_, func, or_, select

from haechi.cloud.event_handler.handler import handle
from haechi.cloud.event_handler.situations import Word
from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import conditions, gateways, places, things
from haechi.contract.catalogue import lookup
from haechi.contract.events import Event, Phase

CONDITION = "haechi.gateway.offline"
GRACE_US = 60_000_000
TURNS_US = 300_000_000
"""Taking turns is told at most this often."""
_AT_ONCE = 200


def watch(connection: Connection, now_us: int, grace_us: int = GRACE_US) -> list[tuple[str, Change]]:
    """Raise for those that have been away for ``grace_us``, clear for those that are back."""
    ours = and_(
        conditions.c.tenant == gateways.c.tenant,
        conditions.c.gateway == gateways.c.gateway,
        conditions.c.condition == CONDITION,
    )
    columns = (gateways.c.tenant, gateways.c.gateway, gateways.c.status_at_us, conditions.c.epoch_order)
    away = (
        select(*columns)
        .select_from(gateways.outerjoin(conditions, ours))
        .where(
            ~gateways.c.online,
            gateways.c.status_at_us <= now_us - grace_us,
            or_(conditions.c.condition.is_(None), ~conditions.c.active),
        )
    )
    back = select(*columns).select_from(conditions.join(gateways, ours)).where(conditions.c.active, gateways.c.online)
    found: list[tuple[str, Change]] = []
    for query, phase in ((away, Phase.RAISED), (back, Phase.CLEARED)):
        for tenant, gateway, since_us, before in connection.execute(query.limit(_AT_ONCE)).all():
            event = _event(connection, tenant, gateway, "device.offline", phase, since_us)
            # Later than our last word on it, though our clock may have stepped back since.
            order = (max(now_us, (before or 0) + 1), 0)
            word = Word(tenant, gateway, event, order, now_us)
            found.extend((tenant, change) for change in handle(connection, word, late=False) or ())
    return found


def two_of_one_name(connection: Connection, tenant: str, gateway: str, now_us: int) -> list[Change]:
    """Tell that two gateways use one name; returns rows for the change feed."""
    since_us = now_us // TURNS_US * TURNS_US
    event = _event(connection, tenant, gateway, "device.duplicate_identity", Phase.OCCURRED, since_us)
    return handle(connection, Word(tenant, gateway, event, (now_us, 0), now_us), late=False) or []


def _event(connection: Connection, tenant: str, gateway: str, type_: str, phase: Phase, time_us: int) -> Event:
    place = connection.execute(
        select(places.c.id, places.c.name, places.c.latitude, places.c.longitude)
        .select_from(places.join(things, and_(things.c.tenant == places.c.tenant, things.c.place == places.c.id)))
        .where(things.c.tenant == tenant, things.c.gateway == gateway)
        .group_by(places.c.id, places.c.name, places.c.latitude, places.c.longitude)
        .order_by(func.min(things.c.id))
        .limit(1)
    ).first()
    name = hashlib.sha256(f"{tenant}/{gateway}/{type_}/{phase.value}/{time_us}".encode()).hexdigest()
    return Event(
        id=f"cloud-{name[:24]}",
        type=type_,
        source=gateway,
        subject=place.id if place else gateway,
        time_us=time_us,
        phase=phase,
        condition="" if phase is Phase.OCCURRED else CONDITION,
        severity=lookup(type_).severity,
        place_name=place.name if place else gateway,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        data={"gateway": gateway},
    )
