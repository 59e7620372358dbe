"""Accounts, for those who look after them. What is changed counts from the next request on."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.identity import Admin
from haechi.cloud.event_monitor.parameters import Monitor, absent
from haechi.cloud.services import Services
from haechi.cloud.state import changes
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.workflow_manager import audit, passwords, people
from haechi.cloud.workflow_manager.roles import Person, Role
from haechi.text import _

router = APIRouter()
_Name = Annotated[str, Path(min_length=1, max_length=64, pattern=people.NAME_PATTERN)]
_Ids = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")], ...], Field(max_length=1000)
]


class AccountOrder(BaseModel):
    """What an account shall be."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    role: Role
    tenants: _Ids | None = Field(None, description="The cities that they may look at; absent: all.")
    gateways: _Ids | None = Field(None, description="The gateways that they may command; absent: all.")
    password: str | None = Field(
        None,
        min_length=passwords.CHARACTERS_MIN,
        max_length=passwords.CHARACTERS_MAX,
        description="Absent: as it was. A new account without one is a program's, which gets a token.",
    )


@router.get("/accounts")
def list_accounts(services: Monitor, who: Admin) -> views.Page[views.Account]:  # noqa: ARG001 - the role is the point
    """Every account, by name. Needs an admin."""
    with reading(services.state) as connection:
        known = people.everybody(connection)
    return views.Page(items=[_view(person, is_program) for person, is_program in known], next=None)


@router.put("/accounts/{name}")
def put_account(services: Monitor, who: Admin, name: _Name, order: AccountOrder) -> views.Account:
    """Make an account, or change it; its sessions end. Needs an admin."""
    password = None if order.password is None else passwords.kept(order.password)
    with writing(services.state) as connection:
        known = people.account(connection, name)
        token = secrets.token_urlsafe(32) if known is None and password is None else None
        people.put(
            connection,
            name,
            order.role,
            services.clock_us(),
            tenants=order.tenants,
            gateways=order.gateways,
            password=password,
            token=token,
        )
        _keep_an_admin(connection)
        _note(services, connection, who, name, order.role.value)
        person = people.account(connection, name)
    services.bell.ring()
    if person is None:
        raise absent("account", name)
    return _view(person.person, person.password is None, token)


@router.delete("/accounts/{name}")
def remove_account(services: Monitor, who: Admin, name: _Name) -> views.Account:
    """Remove an account; who it was is out at once. Needs an admin."""
    with writing(services.state) as connection:
        known = people.account(connection, name)
        if known is None or not people.remove(connection, name):
            raise absent("account", name)
        _keep_an_admin(connection)
        _note(services, connection, who, name, "removed")
    services.bell.ring()
    return _view(known.person, known.password is None)


def _keep_an_admin(connection: Connection) -> None:
    """Undo what would leave nobody to look after accounts.

    Raises:
        HTTPException: 409 with one line.
    """
    if not any(person.is_at_least(Role.ADMIN) for person, _is_program in people.everybody(connection)):
        raise HTTPException(409, _("this would leave no admin; make another first"))


def _note(services: Services, connection: Connection, who: Person, name: str, detail: str) -> None:
    now_us = services.clock_us()
    news = audit.note(connection, services.tenant, who.name, "account", name, now_us, detail=detail)
    changes.append(connection, services.tenant, [news], now_us)


def _view(person: Person, is_program: bool, token: str | None = None) -> views.Account:
    return views.Account(
        name=person.name,
        role=person.role,
        tenants=None if person.tenants is None else sorted(person.tenants),
        gateways=None if person.gateways is None else sorted(person.gateways),
        program=is_program,
        token=token,
    )
