"""Where a gateway's status and what the cloud shows differ about conditions: the gateway is asked to say it again.

Words are not lost between a sound gateway and a sound cloud. But a card dies, an image or a database is restored to an
older day, an alarm was raised from memory while the disk refused and the power went. Then a flood would stand on
the map for ever, or one that is there would never be shown. So both sides compare what they think, with every status,
and what one of them does not know is stated again. Nothing is cleared here: only the gateway can see the water.
"""

from sqlalchemy import Connection, select

from haechi.cloud.event_handler import seen
from haechi.cloud.state.schema import conditions, situations
from haechi.contract.control import CONDITIONS_MAX, Doubt, GatewayStatus

_HAPPENED = "occurred:"


def doubted(connection: Connection, tenant: str, gateway: str, status: GatewayStatus) -> tuple[Doubt, ...]:
    """Return the conditions on which a status differs from what is shown; at most ``CONDITIONS_MAX``.

    Words that are on their way make a difference as well: a gateway heeds a doubt only when all of its own have come.
    """
    if status.standing is None:
        return ()
    rows = connection.execute(
        select(conditions.c.condition, conditions.c.type, situations.c.place)
        .select_from(conditions.outerjoin(situations, situations.c.id == conditions.c.situation))
        .where(
            conditions.c.tenant == tenant,
            conditions.c.gateway == gateway,
            conditions.c.active,
            conditions.c.condition != seen.CONDITION,
            ~conditions.c.condition.startswith(_HAPPENED, autoescape=True),
        )
        .order_by(conditions.c.condition)
    ).all()
    shown = {row.condition: row for row in rows}
    standing = set(status.standing)
    too_many = [
        Doubt(condition=name, type=row.type, subject=row.place) for name, row in shown.items() if name not in standing
    ]
    too_few = [Doubt(condition=name) for name in status.standing if name not in shown]
    return tuple([*too_few, *too_many][:CONDITIONS_MAX])
