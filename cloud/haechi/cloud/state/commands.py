"""Commands to gateways: who gave which, and what became of it. Rows are never deleted: they are the audit.

A command is written before it is sent. What its gateway says of it is taken from any status; of one that the gateway
has said nothing about :data:`SILENT_US` after it expired, nobody knows what became: it is ``unknown`` until then. A
clip is ``done`` when all of it has come.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, update

from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import commands, events
from haechi.contract.control import Command, CommandResult, MissedClip

SILENT_US = 120_000_000
CLOCKS_US = 5_000_000
"""Clocks of gateways and of the cloud may differ by so much: what was missed longer before an order is not its end."""
OPEN_MAX = 16
"""So many commands of one name to a gateway may be without a result: as many as its status can tell of."""


class Given(NamedTuple):
    """A command as it is given."""

    command: Command
    tenant: str
    gateway: str
    reason: str
    given_us: int


def write(connection: Connection, given: Given) -> bool:
    """Write a command down; False where the gateway owes an answer to too many already, and nothing was written."""
    command = given.command
    open_ones = select(func.count()).where(
        commands.c.tenant == given.tenant,
        commands.c.gateway == given.gateway,
        commands.c.name == command.name,
        commands.c.state == "sent",
    )
    if connection.execute(open_ones).scalar_one() >= OPEN_MAX:
        return False
    row = {
        "id": command.id,
        "tenant": given.tenant,
        "gateway": given.gateway,
        "name": command.name,
        "device": command.thing or "",
        "actuator": command.actuator or "",
        "value": msgspec.json.encode(command.value).decode(),
        "event": command.event,
        "on_s": command.on_s,
        "given_by": command.by,
        "reason": given.reason,
        "given_us": given.given_us,
        "expires_us": command.expires_us,
        "state": "sent",
        "detail": "",
    }
    connection.execute(insert(commands), [row])
    return True


def clip_has_come(connection: Connection, tenant: str, gateway: str, event: str, now_us: int) -> list[Change]:
    """Settle what asked for a clip that is here now; return a row of the feed for each."""
    asked = and_(
        commands.c.tenant == tenant,
        commands.c.gateway == gateway,
        commands.c.event == event,
        commands.c.state != "done",
    )
    ids = connection.execute(select(commands.c.id).where(asked)).scalars().all()
    if ids:
        connection.execute(update(commands).where(asked).values(state="done", detail="", settled_us=now_us))
    return [Change("command", id_) for id_ in ids]


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


def clips_missed(
    connection: Connection, tenant: str, gateway: str, missed: Sequence[MissedClip], now_us: int
) -> list[Change]:
    """Take which clips a gateway says are not to come; return rows of the feed for what that is news of."""
    news: list[Change] = []
    for one in missed:
        event = (events.c.tenant == tenant) & (events.c.gateway == gateway) & (events.c.id == one.event)
        unsaid = events.c.clip_missed.is_(None) | (events.c.clip_missed != one.reason)
        if connection.execute(update(events).where(event, unsaid).values(clip_missed=one.reason)).rowcount:
            news.append(Change("event", one.event))
        asked = and_(
            commands.c.tenant == tenant,
            commands.c.gateway == gateway,
            commands.c.event == one.event,
            commands.c.state.in_(("sent", "unknown")),
            commands.c.given_us <= one.at_us + CLOCKS_US,
        )
        ids = connection.execute(select(commands.c.id).where(asked)).scalars().all()
        if ids:
            said = {"state": "refused", "detail": one.reason, "told_us": one.at_us, "settled_us": now_us}
            connection.execute(update(commands).where(asked).values(said))
        news += [Change("command", id_) for id_ in ids]
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
