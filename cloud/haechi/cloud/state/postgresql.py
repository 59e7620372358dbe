"""PostgreSQL as the state database, through pg8000: how it is named, entered and verified, and what its errors mean.

``postgresql://USER@HOST:PORT/DATABASE?password_file=FILE&ca_file=FILE``, or ``…/DATABASE?host=/FOLDER`` for the Unix
socket in a folder. To anything but this machine it speaks TLS and verifies the server's certificate and name;
``tls=false`` gives that up. The password is read anew at every connection, so that a changed one needs no restart.

pg8000 raises one kind of error for whatever the server says. Who writes must tell "try again" from "its content is to
blame", so errors are sorted here by their SQLSTATE (PostgreSQL manual, appendix A).
"""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import IntegrityError, OperationalError

from haechi.cloud.urls import is_near, readable_file, take_apart, yes_or_no
from haechi.command import UsageError
from haechi.text import _

EXPECTED = "postgresql://USER@HOST/DATABASE"
_OPTIONS = ("password_file", "ca_file", "tls", "host")
_PORT = 5432
_ANSWER_S_MAX = 60.0
"""A server that is silent for longer than this has frozen; a lock is never waited for so long."""
_TABLES_LOCK = 0x6861656368690002  # "haechi", 2; 1 is the change feed's
_INTEGRITY = ("23",)
_TRY_AGAIN = ("08", "25006", "40", "53", "55", "57", "58", "XX")
"""Connection, read-only, conflict between transactions, resources, locked, stopped by an operator, disk, itself."""
_GONE = ("08", "57P")


def engine_of(url: str, **pool: Any) -> Engine:
    """Return an engine for the URL, with SQLAlchemy's settings of its pool; connects to nothing yet.

    Raises:
        UsageError: the URL is wrong, or a file that it names, or the driver is missing.
    """
    parts, options = take_apart(url, "state", ("postgresql",), _OPTIONS, EXPECTED, needs_host=False)
    folder, host = options.get("host", ""), parts.hostname or ""
    if bool(folder) == bool(host) or (folder and not folder.startswith("/")):
        raise UsageError(
            _("state: expected {expected}, or postgresql://USER@/DATABASE?host=/FOLDER for a socket").format(
                expected=EXPECTED
            )
        )
    if not parts.username:
        raise UsageError(_("state: the user is missing; expected {expected}").format(expected=EXPECTED))
    port = parts.port or _PORT
    arguments: dict[str, Any] = {"timeout": _ANSWER_S_MAX, "ssl_context": _tls(host, options)}
    if folder:
        arguments["unix_sock"] = f"{folder}/.s.PGSQL.{port}"
    address = URL.create(
        "postgresql+pg8000",
        username=unquote(parts.username),
        host=host or None,
        port=port,
        database=unquote(parts.path.strip("/")) or None,
    )
    try:
        engine = create_engine(
            address,
            connect_args=arguments,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            **pool,
        )
    except ModuleNotFoundError as error:
        raise UsageError(_("state: PostgreSQL needs its driver: pip install 'haechi[postgresql]'")) from error
    event.listen(engine, "handle_error", _sort)
    event.listen(engine, "do_connect", _Connector(readable_file(options, "password_file", "state")))
    return engine


def verify(connection: Connection) -> None:
    """Refuse a server that says "committed" before it is.

    Raises:
        UsageError: it does.
    """
    synchronous = str(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())
    if synchronous == "off":
        raise UsageError(
            _(
                "state: synchronous_commit is off, so a power cut would take back what gateways were told is stored; "
                "set it to on for this user or server"
            )
        )


def take_turns(connection: Connection) -> None:
    """Make workers that start together make the tables one after another: side by side, all but one would fail."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})")


def _tls(host: str, options: dict[str, str]) -> ssl.SSLContext | bool:
    if not yes_or_no(options, "tls", "state", default=bool(host) and not is_near(host)):
        if "ca_file" in options:
            raise UsageError(_("state: ca_file has no meaning without TLS; leave it out, or say tls=true"))
        return False
    ca_file = readable_file(options, "ca_file", "state")
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UsageError(_("state: ca_file cannot be used: {reason}").format(reason=error)) from error


class _Connector:
    """Connects, and says every refusal in the driver's own kind of error, which pg8000 leaves out for TLS."""

    def __init__(self, password_file: Path | None) -> None:
        self._password_file = password_file

    def __call__(
        self, dialect: Dialect, _record: object, arguments: Sequence[Any], parameters: Mapping[str, Any]
    ) -> DBAPIConnection:
        password = {}
        try:
            if self._password_file is not None:
                password["password"] = self._password_file.read_text(encoding="utf-8").strip()
            return dialect.connect(*arguments, **parameters, **password)
        except OSError as error:
            raise dialect.loaded_dbapi.InterfaceError(str(error)) from error


def _sort(context: ExceptionContext) -> Exception | None:
    """Return what the error is; None where pg8000 has said it well enough."""
    error = context.original_exception
    said = error.args[0] if error.args else None
    if not isinstance(said, dict):
        return None
    state = str(said.get("C", ""))
    statement, plain = context.statement or "", Exception(f"{said.get('M', 'unknown error')} ({state})")
    if state.startswith(_INTEGRITY):
        return IntegrityError(statement, None, plain, hide_parameters=True)
    if state.startswith(_TRY_AGAIN):
        context.is_disconnect = context.is_disconnect or state.startswith(_GONE)
        return OperationalError(statement, None, plain, hide_parameters=True)
    return None
