"""Accounts and sessions. Of passwords, tokens and sessions only sums are kept; whoever is removed is out at once.

A person signs in with name and password and gets a session; a program has a token instead. A session of somebody who
may act lasts for a shift, a viewer's, on the wall, for a month. After some wrong passwords in a row an account waits.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, update

from haechi.cloud.clock import DAY_US
from haechi.cloud.state.schema import accounts, sessions
from haechi.cloud.state.upsert import upsert
from haechi.cloud.workflow_manager.roles import Person, Role

NAME_PATTERN = r"^[^\s/](?:[^/\x00-\x1f\x7f]*[^\s/])?$"
"""Any script; no slash, which would not fit an address."""
SHIFT_US = DAY_US // 2
WALL_US = 30 * DAY_US
WRONG_MAX = 5
WAIT_US = 30_000_000
SESSIONS_MAX = 50
"""Of one account; the oldest goes."""


class Account(NamedTuple):
    """What is known of an account before its password is looked at."""

    person: Person
    password: str | None
    """As it is kept; None for a program's, which has a token."""
    waits_until_us: int
    """Not before this time; 0 where it need not wait."""


def put(
    connection: Connection,
    name: str,
    role: Role,
    now_us: int,
    *,
    tenants: Collection[str] | None = None,
    gateways: Collection[str] | None = None,
    password: str | None = None,
    token: str | None = None,
) -> None:
    """Make an account, or change it; its sessions end.

    Args:
        connection: a writing transaction.
        name: of the account.
        role: what it may.
        now_us: now.
        tenants: the cities that it may look at; None: all.
        gateways: the gateways that it may command; None: all.
        password: as it is to be kept; None leaves what there is.
        token: itself; None leaves what there is.
    """
    row: dict[str, Any] = {
        "name": name,
        "role": role.value,
        "tenants": None if tenants is None else json.dumps(sorted(tenants)),
        "gateways": None if gateways is None else json.dumps(sorted(gateways)),
        "wrong": 0,
        "changed_us": now_us,
    }
    if password is not None:
        row["password"] = password
    if token is not None:
        row["token"] = _sum(token)
    upsert(connection, accounts, [row])
    connection.execute(delete(sessions).where(sessions.c.account == name))


def remove(connection: Connection, name: str) -> bool:
    """Remove an account and end its sessions; False where there is none."""
    connection.execute(delete(sessions).where(sessions.c.account == name))
    return connection.execute(delete(accounts).where(accounts.c.name == name)).rowcount > 0


def everybody(connection: Connection) -> list[tuple[Person, bool]]:
    """Return all accounts by name, and whether each is a program's."""
    rows = connection.execute(select(accounts).order_by(accounts.c.name))
    return [(_person(row), row.password is None) for row in rows]


def is_anybody_known(connection: Connection) -> bool:
    """Tell whether there are accounts."""
    return bool(connection.execute(select(exists().where(accounts.c.name != ""))).scalar())


def account(connection: Connection, name: str) -> Account | None:
    """Return what is known of an account."""
    row = connection.execute(select(accounts).where(accounts.c.name == name)).first()
    if row is None:
        return None
    waits = row.wrong >= WRONG_MAX
    return Account(_person(row), row.password, (row.wrong_us or 0) + WAIT_US if waits else 0)


def note_wrong(connection: Connection, name: str, now_us: int) -> None:
    """Count a wrong password."""
    wrong = update(accounts).where(accounts.c.name == name)
    connection.execute(wrong.values(wrong=accounts.c.wrong + 1, wrong_us=now_us))


def begin(connection: Connection, person: Person, now_us: int) -> tuple[str, int]:
    """Begin a session; return its secret, and in how many seconds it ends."""
    secret = secrets.token_urlsafe(32)
    lasts_us = SHIFT_US if person.is_at_least(Role.OPERATOR) else WALL_US
    ours = sessions.c.account == person.name
    newest = select(sessions.c.id).where(ours).order_by(sessions.c.expires_us.desc()).limit(SESSIONS_MAX - 1)
    over = or_(sessions.c.expires_us <= now_us, ours & sessions.c.id.not_in(newest))
    connection.execute(delete(sessions).where(over))
    connection.execute(update(accounts).where(accounts.c.name == person.name).values(wrong=0))
    row = {"id": _sum(secret), "account": person.name, "expires_us": now_us + lasts_us}
    connection.execute(insert(sessions), row)
    return secret, lasts_us // 1_000_000


def end(connection: Connection, secret: str) -> None:
    """End a session."""
    connection.execute(delete(sessions).where(sessions.c.id == _sum(secret)))


def of_session(connection: Connection, secret: str, now_us: int) -> Person | None:
    """Return whose session it is."""
    row = connection.execute(
        select(accounts)
        .join(sessions, sessions.c.account == accounts.c.name)
        .where(sessions.c.id == _sum(secret), sessions.c.expires_us > now_us)
    ).first()
    return None if row is None else _person(row)


def of_token(connection: Connection, token: str) -> Person | None:
    """Return whose token it is."""
    row = connection.execute(select(accounts).where(accounts.c.token == _sum(token))).first()
    return None if row is None else _person(row)


def _person(row: Row[Any]) -> Person:
    return Person(row.name, Role(row.role), _names(row.tenants), _names(row.gateways))


def _names(written: str | None) -> frozenset[str] | None:
    if written is None:
        return None
    names: Sequence[str] = json.loads(written)
    return frozenset(names)


def _sum(secret: str) -> bytes:
    """Return what is kept of a random secret; it is long, so it needs no salt and no cost."""
    return hashlib.sha256(secret.encode()).digest()
