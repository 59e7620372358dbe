"""Commands to devices: given by a commander with a reason, written down, sent once, and followed to their end."""

import secrets
from collections.abc import Collection
from typing import Any

import msgspec
from fastapi import APIRouter
from sqlalchemy import Connection, Row, select
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.gateways import status_of
from haechi.cloud.event_monitor.identity import Commander
from haechi.cloud.event_monitor.parameters import GatewayPath, IdPath, Limit, Monitor, absent, aware
from haechi.cloud.state import changes, commands, schema
from haechi.cloud.state.changes import Change
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.workflow_manager import audit
from haechi.contract.control import ACTUATORS_MAX, Command, GatewayStatus
from haechi.contract.seals import sealed
from haechi.text import _

router = APIRouter()


@router.post("/gateways/{gateway}/commands", status_code=202)
def give_command(services: Monitor, who: Commander, gateway: GatewayPath, order: views.CommandOrder) -> views.Command:
    """Tell a device something: at most once, and not later than `valid_s` from now. Needs a commander.

    Answered when it is written down and sent; what becomes of it is told by `GET …/commands/{id}` and in the change
    feed. `unknown` means that nobody knows whether the device has done it: look there before giving another.
    """
    if not who.may_command(gateway):
        raise HTTPException(403, _("{name} may not command {gateway}").format(name=who.name, gateway=gateway))
    key = services.command_keys.get((services.tenant, gateway))
    if key is None:
        raise HTTPException(409, _("{gateway} obeys nobody: its key is not known here").format(gateway=gateway))
    now_us = services.clock_us()
    given = commands.Given(
        id=secrets.token_hex(16),
        tenant=services.tenant,
        gateway=gateway,
        device=order.device,
        actuator=order.actuator,
        value=order.value,
        on_s=order.on_s,
        given_by=who.name,
        reason=order.reason,
        given_us=now_us,
        expires_us=now_us + round(order.valid_s * 1e6),
    )
    table = schema.gateways
    with writing(services.state) as connection:
        row = connection.execute(
            select(table.c.online, table.c.status).where(table.c.tenant == services.tenant, table.c.gateway == gateway)
        ).first()
        if row is None:
            raise absent("gateway", gateway)
        if not row.online:
            raise HTTPException(409, _("{gateway} is offline; a command does not wait for it").format(gateway=gateway))
        _within_bounds(status_of(row.status), order)
        if not commands.write(connection, given):
            text = _("{gateway} has not said yet what became of {count} commands; wait for that")
            raise HTTPException(409, text.format(gateway=gateway, count=commands.OPEN_MAX))
        noted = audit.note(
            connection, services.tenant, who.name, "command", given.id, now_us, reason=order.reason, detail=_what(given)
        )
        changes.append(connection, services.tenant, [Change("command", given.id), noted], now_us)
        written = find_commands(connection, services.tenant, [given.id])[given.id]
    services.bell.ring()
    command = Command(
        id=given.id,
        name="actuate",
        expires_us=given.expires_us,
        thing=given.device,
        actuator=given.actuator,
        value=given.value,
        on_s=given.on_s,
        valid_s=order.valid_s,
        by=given.given_by,
    )
    services.command(services.tenant, gateway, sealed(command, key, services.tenant, gateway))
    return written


def find_commands(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, views.Command]:
    """Return the commands that exist of those asked for."""
    table = schema.commands
    rows = connection.execute(select(table).where(table.c.tenant == tenant, table.c.id.in_(ids)))
    return {row.id: _view(row) for row in rows}


@router.get("/gateways/{gateway}/commands")
def list_commands(services: Monitor, gateway: GatewayPath, limit: Limit = 100) -> views.Page[views.Command]:
    """Who told which device of a gateway what, and what became of it; newest first."""
    with reading(services.state) as connection:
        rows = commands.find(connection, services.tenant, gateway, limit)
    return views.Page(items=[_view(row) for row in rows])


@router.get("/gateways/{gateway}/commands/{command}")
def get_command(services: Monitor, gateway: GatewayPath, command: IdPath) -> views.Command:
    """One command."""
    with reading(services.state) as connection:
        rows = commands.find(connection, services.tenant, gateway, 1, command)
    if not rows:
        raise absent("command", command)
    return _view(rows[0])


def _within_bounds(status: GatewayStatus | None, order: views.CommandOrder) -> None:
    """Refuse what the gateway would; where it has not said what it takes, it judges alone.

    Raises:
        HTTPException: 422 with one line.
    """
    if status is None or status.actuators is None:
        return
    for one in status.actuators:
        if (one.device, one.name) == (order.device, order.actuator):
            if fault := one.fault_in(order.value, order.on_s):
                raise HTTPException(422, f"{one.device}.{one.name}: {fault}")
            return
    if len(status.actuators) < ACTUATORS_MAX:
        text = _("{device}.{name} may not be commanded: its gateway does not name it")
        raise HTTPException(422, text.format(device=order.device, name=order.actuator))


def _what(given: commands.Given) -> str:
    lasting = "" if given.on_s is None else f", {given.on_s:g} s"
    return f"{given.device}.{given.actuator} = {msgspec.json.encode(given.value).decode()}{lasting}"


def _view(row: Row[Any]) -> views.Command:
    return views.Command(
        id=row.id,
        gateway=row.gateway,
        device=row.device,
        actuator=row.actuator,
        value=msgspec.json.decode(row.value),
        on_s=row.on_s,
        given_by=row.given_by,
        reason=row.reason,
        given_at=aware(row.given_us),
        expires_at=aware(row.expires_us),
        state=row.state,
        detail=row.detail,
        settled_at=aware(row.settled_us),
    )
