"""``haechi cloud accounts``: make, change, list and remove accounts, on the machine where the state is.

Works while the cloud runs and while it does not, and needs no account: whoever may write to the state may do anything.
"""

import argparse
import getpass
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.cloud.clock import now_us
from haechi.cloud.config import CloudConfig
from haechi.cloud.workflow_manager import passwords
from haechi.cloud.workflow_manager.roles import Role
from haechi.command import UsageError
from haechi.text import _

if TYPE_CHECKING:
    from sqlalchemy import Connection

_Settings = Callable[[argparse.ArgumentParser], None]
_Load = Callable[[argparse.Namespace], CloudConfig]


def register(parser: argparse.ArgumentParser, settings: _Settings, load: _Load) -> None:
    """Fill the parser; ``settings`` adds the options that say where the state is, ``load`` reads them."""
    actions = parser.add_subparsers(required=True, metavar="set|list|remove")
    put = actions.add_parser("set", help=_("make an account, or change it; without one, anybody here may operate"))
    settings(put)
    put.add_argument("name", help=_("who signs in, or the program"))
    put.add_argument("--role", required=True, choices=[role.value for role in Role], help=_("what they may"))
    put.add_argument("--city", action="append", help=_("a city that they may look at; repeatable; absent: all"))
    put.add_argument("--gateway", action="append", help=_("a gateway they may command; repeatable; absent: all"))
    secret = put.add_mutually_exclusive_group()
    secret.add_argument("--password-file", type=Path, metavar="FILE", help=_("its first line; absent: it is asked for"))
    secret.add_argument("--token", action="store_true", help=_("for a program: print a new token, once"))
    secret.add_argument("--keep-password", action="store_true", help=_("change only what they may"))
    put.set_defaults(run=lambda arguments: _put(arguments, load(arguments)))
    listing = actions.add_parser("list", help=_("list them"))
    settings(listing)
    listing.set_defaults(run=lambda arguments: _list(load(arguments)))
    remove = actions.add_parser("remove", help=_("remove one; who it was is out at once"))
    settings(remove)
    remove.add_argument("name")
    remove.set_defaults(run=lambda arguments: _remove(arguments, load(arguments)))


def _put(arguments: argparse.Namespace, config: CloudConfig) -> int:
    from haechi.cloud.state.engine import opened_state, writing
    from haechi.cloud.workflow_manager import people

    if len(arguments.name) > 64 or not re.fullmatch(people.NAME_PATTERN, arguments.name):
        raise UsageError(_("NAME: expected 1 to 64 characters, without slashes or spaces at the ends"))
    token = secrets.token_urlsafe(32) if arguments.token else None
    password = None if arguments.token or arguments.keep_password else passwords.kept(_password(arguments))
    with opened_state(config.state_url) as state, writing(state) as connection:
        if arguments.keep_password and people.account(connection, arguments.name) is None:
            raise UsageError(_("there is no account {name}").format(name=arguments.name))
        people.put(
            connection,
            arguments.name,
            Role(arguments.role),
            now_us(),
            tenants=arguments.city,
            gateways=arguments.gateway,
            password=password,
            token=token,
        )
        _note(connection, config, arguments.name, arguments.role)
    if token is not None:
        sys.stdout.write(f"{token}\n")
    return 0


def _list(config: CloudConfig) -> int:
    from haechi.cloud.state.engine import opened_state, reading
    from haechi.cloud.workflow_manager import people

    with opened_state(config.state_url) as state:
        with reading(state) as connection:
            known = people.everybody(connection)
        for person, is_program in known:
            cities = _("all cities") if person.tenants is None else ",".join(sorted(person.tenants))
            gateways = _("all gateways") if person.gateways is None else ",".join(sorted(person.gateways))
            kind = _("token") if is_program else _("password")
            sys.stdout.write(f"{person.name}\t{person.role}\t{kind}\t{cities}\t{gateways}\n")
    return 0


def _remove(arguments: argparse.Namespace, config: CloudConfig) -> int:
    from haechi.cloud.state.engine import opened_state, writing
    from haechi.cloud.workflow_manager import people

    with opened_state(config.state_url) as state, writing(state) as connection:
        if not people.remove(connection, arguments.name):
            raise UsageError(_("there is no account {name}").format(name=arguments.name))
        _note(connection, config, arguments.name, "removed")
    return 0


def _password(arguments: argparse.Namespace) -> str:
    path: Path | None = arguments.password_file
    if path is not None:
        try:
            with path.open(encoding="utf-8") as file:
                password = file.readline(1024).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or _("it is no text")
            raise UsageError(f"--password-file {path}: {why}") from None
    elif sys.stdin.isatty():
        password = getpass.getpass(_("Password: "))
        if getpass.getpass(_("Again: ")) != password:
            raise UsageError(_("the two passwords differ"))
    else:
        raise UsageError(_("no terminal to ask for the password: give --password-file FILE"))
    if not passwords.CHARACTERS_MIN <= len(password) <= passwords.CHARACTERS_MAX:
        raise UsageError(
            _("password: expected {least} to {most} characters").format(
                least=passwords.CHARACTERS_MIN, most=passwords.CHARACTERS_MAX
            )
        )
    return password


def _note(connection: "Connection", config: CloudConfig, name: str, detail: str) -> None:
    from haechi.cloud.state import changes
    from haechi.cloud.workflow_manager import audit

    at_us = now_us()
    news = audit.note(connection, config.tenants[0], "", "account", name, at_us, detail=detail)
    changes.append(connection, config.tenants[0], [news], at_us)
