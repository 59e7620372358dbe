"""Who asks, and whether they may: a session's cookie, or a program's token; without any account, anybody.

A route names the least role that it wants, as in ``who: Operator``. Who is not known is answered with 401, who may not
with 403, each with one line. A person is looked up at every request, so that whoever is removed is out at once.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Cookie, Depends, Header
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor.parameters import Monitor
from haechi.cloud.services import Services
from haechi.cloud.state.engine import reading
from haechi.cloud.workflow_manager import people
from haechi.cloud.workflow_manager.roles import ANYBODY, Person, Role
from haechi.text import _

COOKIE = "haechi_session"

Secret = Annotated[str, Cookie(alias=COOKIE, max_length=128, description="The session, as signing in has set it.")]
Authorization = Annotated[str, Header(max_length=512, description="`Bearer TOKEN` of a program's account.")]


def who_asks(services: Services, secret: str, authorization: str) -> Person | None:
    """Return who it is; None for somebody who is not known although there are accounts."""
    scheme, _space, token = authorization.partition(" ")
    with reading(services.state) as connection:
        if authorization:
            return people.of_token(connection, token.strip()) if scheme.casefold() == "bearer" else None
        if secret and (person := people.of_session(connection, secret, services.clock_us())) is not None:
            return person
        return None if people.is_anybody_known(connection) else ANYBODY


def _at_least(role: Role) -> Callable[..., Person]:
    def ask(services: Monitor, secret: Secret = "", authorization: Authorization = "") -> Person:
        person = who_asks(services, secret, authorization)
        if person is None:
            raise HTTPException(401, _("sign in first, or send `Authorization: Bearer TOKEN` of an account"))
        if not person.may_see(services.tenant):
            raise HTTPException(
                403, _("{name} may not look at {tenant}").format(name=person.name, tenant=services.tenant)
            )
        if not person.is_at_least(role):
            raise HTTPException(403, _refusal(person, role))
        return person

    return ask


def _refusal(person: Person, role: Role) -> str:
    if person is ANYBODY:
        return _("this needs an account; make one with `haechi cloud accounts set NAME --role {role}`").format(
            role=role
        )
    text = _("{name} is {has}; this needs {role} or more")
    return text.format(name=person.name, has=person.role, role=role)


VIEWING: Any = Depends(_at_least(Role.VIEWER))
"""For routes that do not need to know who it is."""
Operator = Annotated[Person, Depends(_at_least(Role.OPERATOR))]
Commander = Annotated[Person, Depends(_at_least(Role.COMMANDER))]
Admin = Annotated[Person, Depends(_at_least(Role.ADMIN))]
