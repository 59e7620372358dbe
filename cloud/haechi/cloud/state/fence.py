"""The fence: a broken or hostile gateway is shut out alone, before it can make the state heavy for everybody.

Two things no sound gateway does: open epochs without end, and leave holes without end in them. What a fenced
gateway sends is neither stored nor acknowledged; it keeps it, and is heard again when the cause is gone. Epochs that
ended whole are no holes, however many the years bring.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from haechi.cloud.clock import DAY_US
from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import epochs, gateways, lost, settled

EPOCHS_A_DAY_MAX = 5_000
HOLES_MAX = 20_000


def inspect(
    connection: Connection,
    now_us: int,
    epochs_a_day_max: int = EPOCHS_A_DAY_MAX,
    holes_max: int = HOLES_MAX,
) -> dict[tuple[str, str], str]:
    """Return who is out of bounds (tenant, gateway), and why.

    It counts everything that is settled, so it only reads: no alarm waits for it.
    """
    reasons: dict[tuple[str, str], str] = {}
    opened = (
        select(epochs.c.tenant, epochs.c.gateway, func.count().label("number"))
        .where(epochs.c.first_seen_us > now_us - DAY_US)
        .group_by(epochs.c.tenant, epochs.c.gateway)
        .having(func.count() > epochs_a_day_max)
    )
    for row in connection.execute(opened):
        reasons[row.tenant, row.gateway] = f"{row.number} epochs in a day; at most {epochs_a_day_max} are taken"
    for table in (settled, lost):
        for row in _holed(connection, table, holes_max):
            said = f"{row.holes} holes between what is {table.name}; at most {holes_max} are kept"
            reasons[row.tenant, row.gateway] = said
    return reasons


def stand(connection: Connection, reasons: Mapping[tuple[str, str], str]) -> list[tuple[str, Change]]:
    """Raise fences before those who are out of bounds, take down all others; returns tenants with their changes."""
    changes = []
    standing = connection.execute(
        select(gateways.c.tenant, gateways.c.gateway).where(gateways.c.fenced.is_not(None))
    ).all()
    for tenant, gateway in sorted({*reasons, *((row.tenant, row.gateway) for row in standing)}):
        reason = reasons.get((tenant, gateway))
        changed = connection.execute(
            update(gateways)
            .where(
                gateways.c.tenant == tenant,
                gateways.c.gateway == gateway,
                gateways.c.fenced.is_distinct_from(reason),
            )
            .values(fenced=reason)
        )
        if changed.rowcount:
            changes.append((tenant, Change("gateway", gateway)))
    return changes


def _holed(connection: Connection, table: Table, holes_max: int) -> Sequence[Row[Any]]:
    """Return gateways with more holes: an epoch has one less of them than it has ranges."""
    holes = func.count() - func.count(table.c.epoch.distinct())
    found = (
        select(table.c.tenant, table.c.gateway, holes.label("holes"))
        .group_by(table.c.tenant, table.c.gateway)
        .having(holes > holes_max)
    )
    return connection.execute(found).all()
