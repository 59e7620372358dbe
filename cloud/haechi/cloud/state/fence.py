"""The fence: a broken or hostile gateway is shut out alone, before it can make the state heavy for everybody.

Two things no sound gateway does: open epochs without end, and leave holes without end in one epoch. What a fenced
gateway sends is neither stored nor acknowledged; it keeps it, and is heard again when the cause is gone.
"""

from sqlalchemy import Connection, func, select, update

from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import epochs, gateways, settled

DAY_US = 86_400_000_000
EPOCHS_A_DAY_MAX = 5_000
RANGES_MAX = 20_000


def inspect(
    connection: Connection,
    now_us: int,
    epochs_a_day_max: int = EPOCHS_A_DAY_MAX,
    ranges_max: int = RANGES_MAX,
) -> list[tuple[str, Change]]:
    """Raise and take down fences; returns tenants with their changes."""
    reasons: dict[tuple[str, str], str] = {}
    opened = (
        select(epochs.c.tenant, epochs.c.gateway, func.count().label("number"))
        .where(epochs.c.first_seen_us > now_us - DAY_US)
        .group_by(epochs.c.tenant, epochs.c.gateway)
        .having(func.count() > epochs_a_day_max)
    )
    for row in connection.execute(opened):
        reasons[row.tenant, row.gateway] = f"{row.number} epochs in a day; at most {epochs_a_day_max} are taken"
    holed = (
        select(settled.c.tenant, settled.c.gateway, func.count().label("number"))
        .group_by(settled.c.tenant, settled.c.gateway)
        .having(func.count() > ranges_max)
    )
    for row in connection.execute(holed):
        reasons[row.tenant, row.gateway] = f"{row.number} ranges with holes between them; at most {ranges_max} are kept"
    changes = []
    standing = connection.execute(
        select(gateways.c.tenant, gateways.c.gateway).where(gateways.c.fenced.is_not(None))
    ).all()
    for tenant, gateway in {*reasons, *((row.tenant, row.gateway) for row in standing)}:
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
