"""The one way from a person to a gateway: written down with who and why, sealed where it has a key, sent once.

Nothing waits for a gateway that is offline, and nothing is ever sent again by itself.
"""

import secrets
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.gateways import status_of
from haechi.cloud.event_monitor.parameters import absent, aware
from haechi.cloud.services import Services
from haechi.cloud.state import changes, commands, schema
from haechi.cloud.state.changes import Change
from haechi.cloud.state.engine import writing
from haechi.cloud.workflow_manager import audit
from haechi.cloud.workflow_manager.roles import Person
from haechi.contract.control import Command, GatewayStatus
from haechi.contract.seals import sealed
from haechi.text import _


def new_id() -> str:
    """Return a name for a command."""
    return secrets.token_hex(16)


def status_of_online(connection: Connection, services: Services, gateway: str) -> GatewayStatus | None:
    """Return what a gateway that can be told something last said of itself.

    Raises:
        HTTPException: 404 or 409: there is no such gateway, or it is offline.
    """
    table = schema.gateways
    row = connection.execute(
        select(table.c.online, table.c.status).where(table.c.tenant == services.tenant, table.c.gateway == gateway)
    ).first()
    if row is None:
        raise absent("gateway", gateway)
    if not row.online:
        raise HTTPException(409, _("{gateway} is offline; a command does not wait for it").format(gateway=gateway))
    return status_of(row.status)


def send(
    services: Services, who: Person, gateway: str, command: Command, *, action: audit.Action, reason: str, detail: str
) -> views.Command:
    """Write down what a gateway is told, with ``action``, ``reason`` and ``detail`` in the audit, and send it.

    Raises:
        HTTPException: 404 or 409 with one line; then nothing was sent.
    """
    now_us = services.clock_us()
    with writing(services.state) as connection:
        status_of_online(connection, services, gateway)
        if not commands.write(connection, commands.Given(command, services.tenant, gateway, reason, now_us)):
            text = _("{gateway} has not said yet what became of {count} commands; wait for that")
            raise HTTPException(409, text.format(gateway=gateway, count=commands.OPEN_MAX))
        key = command.event if command.event is not None else command.id
        noted = audit.note(
            connection,
            services.tenant,
            who.name,
            action,
            key,
            now_us,
            reason=reason,
            detail=detail,
            command=command.id,
        )
        changes.append(connection, services.tenant, [Change("command", command.id), noted], now_us)
        written = find_commands(connection, services.tenant, [command.id])[command.id]
    services.bell.ring()
    seal_key = services.command_keys.get((services.tenant, gateway))
    if seal_key is not None:
        command = sealed(command, seal_key, services.tenant, gateway)
    services.command(services.tenant, gateway, command)
    return written


def find_commands(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Command]:
    """Return the commands that exist of those asked for."""
    table = schema.commands
    rows = connection.execute(select(table).where(table.c.tenant == tenant, table.c.id.in_(ids)))
    return {row.id: view_command(row) for row in rows}


def view_command(row: Row[Any]) -> views.Command:
    """Return a row of ``commands`` as it is shown."""
    return views.Command(
        id=row.id,
        gateway=row.gateway,
        name=row.name,
        device=row.device,
        actuator=row.actuator,
        value=msgspec.json.decode(row.value),
        event=row.event,
        on_s=row.on_s,
        given_by=row.given_by,
        reason=row.reason,
        given_at=aware(row.given_us),
        expires_at=aware(row.expires_us),
        state=row.state,
        detail=row.detail,
        settled_at=aware(row.settled_us),
    )
