"""Commands to devices: given by somebody who may, written down, sent once, and followed to what became of them."""

import secrets
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header
from sqlalchemy import Row, select
from starlette.exceptions import HTTPException

from haechi.cloud.commanders import Commander
from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.parameters import GatewayPath, IdPath, Limit, Monitor, absent, aware
from haechi.cloud.services import Services
from haechi.cloud.state import changes, commands, schema
from haechi.cloud.state.changes import Change
from haechi.cloud.state.engine import reading, writing
from haechi.contract.control import Command
from haechi.contract.seals import sealed
from haechi.text import _

router = APIRouter()
_Authorization = Annotated[str, Header(max_length=512, description="`Bearer TOKEN` of somebody who may command.")]
_UNKNOWN = {"WWW-Authenticate": "Bearer"}


@router.post("/gateways/{gateway}/commands", status_code=202)
def give_command(
    services: Monitor, gateway: GatewayPath, order: views.CommandOrder, authorization: _Authorization = ""
) -> views.Command:
    """Tell a device something: at most once, and not later than `valid_s` from now.

    Answered when it is written down and sent; what becomes of it is told by `GET …/commands/{id}`. `unknown` means that
    nobody knows whether the device has done it: look there before giving another.
    """
    who = _commander(services, authorization, gateway)
    key = services.commanders.key(services.tenant, gateway)
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
        given_us=now_us,
        expires_us=now_us + round(order.valid_s * 1e6),
    )
    table = schema.gateways
    with writing(services.state) as connection:
        row = connection.execute(
            select(table.c.online).where(table.c.tenant == services.tenant, table.c.gateway == gateway)
        ).first()
        if row is None:
            raise absent("gateway", gateway)
        if not row.online:
            raise HTTPException(409, _("{gateway} is offline; a command does not wait for it").format(gateway=gateway))
        if not commands.write(connection, given):
            text = _("{gateway} has not said yet what became of {count} commands; wait for that")
            raise HTTPException(409, text.format(gateway=gateway, count=commands.OPEN_MAX))
        changes.append(connection, services.tenant, [Change("gateway", gateway)], now_us)
        (written,) = commands.find(connection, services.tenant, gateway, 1, given.id)
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
    return _view(written)


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


def _commander(services: Services, authorization: str, gateway: str) -> Commander:
    """Return who asks, if they may command this gateway.

    Raises:
        HTTPException: 403 or 401 with one line.
    """
    if services.commanders.nobody:
        raise HTTPException(403, _("commanding is switched off here; the setting `commanders` names who may"))
    scheme, _space, token = authorization.partition(" ")
    who = services.commanders.who(token.strip()) if scheme.casefold() == "bearer" else None
    if who is None:
        raise HTTPException(
            401, _("header.authorization: expected `Bearer TOKEN` of somebody who may command"), _UNKNOWN
        )
    if not who.may_command(services.tenant, gateway):
        raise HTTPException(403, _("{name} may not command {gateway}").format(name=who.name, gateway=gateway))
    return who


def _view(row: Row[Any]) -> views.Command:
    return views.Command(
        id=row.id,
        gateway=row.gateway,
        device=row.device,
        actuator=row.actuator,
        value=msgspec.json.decode(row.value),
        on_s=row.on_s,
        given_by=row.given_by,
        given_at=aware(row.given_us),
        expires_at=aware(row.expires_us),
        state=row.state,
        detail=row.detail,
        settled_at=aware(row.settled_us),
    )
