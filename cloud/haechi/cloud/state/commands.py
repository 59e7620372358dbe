"""Commands to devices: who gave which, and what became of it. Rows are never deleted: they are the audit.

A command is written before it is sent. What its gateway says of it is taken from any status; of one that the gateway
has said nothing about :data:`SILENT_US` after it expired, nobody knows what became: it is ``unknown`` until then.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, update

from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import commands
from haechi.contract.control import CommandResult
from haechi.contract.observations import Value

SILENT_US = 120_000_000
OPEN_MAX = 16
"""So many commands of a gateway may be without a result: as many as its status can tell of."""


class Given(NamedTuple):
    """A command as it is given."""

    id: str
    tenant: str
    gateway: str
    device: str
    actuator: str
    value: Value
    on_s: float | None
    given_by: str
    reason: str
    given_us: int
    expires_us: int


def write(connection: Connection, given: Given) -> bool:
    """Write a command down; False where the gateway owes an answer to too many already, and nothing was written."""
    open_ones = select(func.count()).where(
        commands.c.tenant == given.tenant, commands.c.gateway == given.gateway, commands.c.state == "sent"
    )
    if connection.execute(open_ones).scalar_one() >= OPEN_MAX:
        return False
    row = given._asdict()
    row["value"] = msgspec.json.encode(given.value).decode()
    connection.execute(insert(commands), [{**row, "state": "sent", "detail": ""}])
    return True


def settle(
    connection: Connection, tenant: str, gateway: str, results: Sequence[CommandResult], now_us: int
) -> list[Change]:
    """Take what a gateway says became of commands; return a row of the feed for each of which that is news."""
    news: list[Change] = []
    for result in results:
        changed = connection.execute(
            update(commands)
            .where(
                commands.c.tenant == tenant,
                commands.c.gateway == gateway,
                commands.c.id == result.id,
                commands.c.told_us.is_(None)
                | and_(commands.c.state != result.state, commands.c.told_us <= result.at_us),
            )
            .values(state=result.state, detail=result.detail, told_us=result.at_us, settled_us=now_us)
        ).rowcount
        if changed:
            news.append(Change("command", result.id))
    return news


def give_up(connection: Connection, now_us: int) -> list[tuple[str, Change]]:
    """Take commands of which nothing was heard for unknown; return the tenant of each with its row of the feed."""
    silent = and_(commands.c.state == "sent", commands.c.expires_us < now_us - SILENT_US)
    rows = connection.execute(select(commands.c.tenant, commands.c.id).where(silent)).all()
    if rows:
        detail = "the gateway has not said what became of it"
        connection.execute(update(commands).where(silent).values(state="unknown", detail=detail, settled_us=now_us))
    return [(row.tenant, Change("command", row.id)) for row in rows]


def find(connection: Connection, tenant: str, gateway: str, limit: int, command: str | None = None) -> list[Any]:
    """Return rows of a gateway's commands, newest first."""
    query = select(commands).where(commands.c.tenant == tenant, commands.c.gateway == gateway)
    if command is not None:
        query = query.where(commands.c.id == command)
    query = query.order_by(commands.c.given_us.desc(), commands.c.id.desc()).limit(limit)
    return list(connection.execute(query))
