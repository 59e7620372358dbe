"""Commands to devices: given by a commander with a reason, within bounds, and followed to their end."""

import msgspec
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import orders, views
from haechi.cloud.event_monitor.identity import Commander
from haechi.cloud.event_monitor.parameters import GatewayPath, IdPath, Limit, Monitor, absent
from haechi.cloud.state import commands
from haechi.cloud.state.engine import reading
from haechi.contract.control import ACTUATORS_MAX, Command, GatewayStatus
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
    if (services.tenant, gateway) not in services.command_keys:
        raise HTTPException(409, _("{gateway} obeys nobody: its key is not known here").format(gateway=gateway))
    with reading(services.state) as connection:
        _within_bounds(orders.status_of_online(connection, services, gateway), order)
    command = Command(
        id=orders.new_id(),
        name="actuate",
        expires_us=services.clock_us() + round(order.valid_s * 1e6),
        thing=order.device,
        actuator=order.actuator,
        value=order.value,
        on_s=order.on_s,
        valid_s=order.valid_s,
        by=who.name,
    )
    return orders.send(services, who, gateway, command, action="command", reason=order.reason, detail=_what(order))


@router.get("/gateways/{gateway}/commands")
def list_commands(services: Monitor, gateway: GatewayPath, limit: Limit = 100) -> views.Page[views.Command]:
    """What a gateway was told, by whom, and what became of it; newest first. Clips that were asked for as well."""
    with reading(services.state) as connection:
        rows = commands.find(connection, services.tenant, gateway, limit)
    return views.Page(items=[orders.view_command(row) for row in rows])


@router.get("/gateways/{gateway}/commands/{command}")
def get_command(services: Monitor, gateway: GatewayPath, command: IdPath) -> views.Command:
    """One command."""
    with reading(services.state) as connection:
        rows = commands.find(connection, services.tenant, gateway, 1, command)
    if not rows:
        raise absent("command", command)
    return orders.view_command(rows[0])


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


def _what(order: views.CommandOrder) -> str:
    lasting = "" if order.on_s is None else f", {order.on_s:g} s"
    return f"{order.device}.{order.actuator} = {msgspec.json.encode(order.value).decode()}{lasting}"
