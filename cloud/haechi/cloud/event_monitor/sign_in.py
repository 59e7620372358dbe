"""Signing in and out. A wrong name and a wrong password look and last the same; each try is in the audit."""

import threading
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.identity import COOKIE, Authorization, Secret, who_asks
from haechi.cloud.event_monitor.parameters import Monitor
from haechi.cloud.state import changes
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.workflow_manager import audit, passwords, people
from haechi.cloud.workflow_manager.roles import Person
from haechi.text import _

router = APIRouter()
_AT_ONCE = 2
"""Passwords that are looked at at once: each costs memory and time, and somebody may try many."""
_looking = threading.BoundedSemaphore(_AT_ONCE)


class Credentials(BaseModel):
    """Name and password."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=passwords.CHARACTERS_MAX)]


@router.get("/session")
def get_session(services: Monitor, secret: Secret = "", authorization: Authorization = "") -> views.Session:
    """Who is asking, and what they may. Anybody may ask this."""
    return _view(who_asks(services, secret, authorization))


@router.post("/session", responses={429: {"description": "Too many wrong passwords in a row."}})
def sign_in(services: Monitor, request: Request, response: Response, given: Credentials) -> views.Session:
    """Sign in; the answer sets a cookie, which lasts for twelve hours, a viewer's for thirty days."""
    if not _looking.acquire(blocking=False):
        raise HTTPException(503, _("others are signing in just now; try again"), {"Retry-After": "1"})
    try:
        person = _judged(services, given)
    finally:
        _looking.release()
    with writing(services.state) as connection:
        secret, lasts_s = people.begin(connection, person, services.clock_us())
        news = audit.note(connection, services.tenant, person.name, "sign_in", person.name, services.clock_us())
        changes.append(connection, services.tenant, [news], services.clock_us())
    services.bell.ring()
    response.set_cookie(
        COOKIE, secret, max_age=lasts_s, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return _view(person)


@router.delete("/session")
def sign_out(services: Monitor, response: Response, secret: Secret = "") -> views.Session:
    """Sign out."""
    with writing(services.state) as connection:
        people.end(connection, secret)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return _view(who_asks(services, "", ""))


def _judged(services: Monitor, given: Credentials) -> Person:
    """Return whose name and password these are.

    Raises:
        HTTPException: 429 where the account waits, 401 where they are wrong.
    """
    now_us = services.clock_us()
    with reading(services.state) as connection:
        account = people.account(connection, given.name)
    if account is not None and account.waits_until_us > now_us:
        wait_s = -(-(account.waits_until_us - now_us) // 1_000_000)
        text = _("too many wrong passwords for {name}; try again in {seconds} s")
        raise HTTPException(429, text.format(name=given.name, seconds=wait_s), {"Retry-After": str(wait_s)})
    if passwords.matches(given.password, account.password if account is not None else None) and account is not None:
        return account.person
    with writing(services.state) as connection:
        people.note_wrong(connection, given.name, now_us)
        if account is not None:
            news = audit.note(connection, services.tenant, given.name, "sign_in_refused", given.name, now_us)
            changes.append(connection, services.tenant, [news], now_us)
    services.bell.ring()
    raise HTTPException(401, _("name or password is wrong"))


def _view(person: Person | None) -> views.Session:
    if person is None:
        return views.Session(name=None, role=None)
    return views.Session(name=person.name, role=person.role)
