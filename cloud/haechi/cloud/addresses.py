"""URLs of broker and store, read: what a person writes → what connects. Secrets come from files that the URL names."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from haechi.cloud.event_broker.link import BrokerAddress
from haechi.cloud.store import PointStore, StoreRefused
from haechi.cloud.store.points import DAY_US, Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.command import UsageError
from haechi.text import _

_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_INFLUX_PORT = 8086
_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no", "")


def broker_address(url: str) -> BrokerAddress:
    """Read ``mqtt://USER@HOST:PORT?password_file=FILE`` or ``mqtts://…&ca_file=FILE``.

    Raises:
        UsageError: it is something else.
    """
    parts, options = _split(
        url, "broker", tuple(_MQTT_PORTS), ("password_file", "ca_file"), "mqtt://HOST:PORT or embedded"
    )
    if parts.scheme == "mqtt" and "ca_file" in options:
        raise UsageError(_("broker: ca_file has no meaning without TLS; expected mqtts://…"))
    if "password_file" in options and not parts.username:
        raise UsageError(
            _("broker: password_file needs a user; expected {scheme}://USER@HOST…").format(scheme=parts.scheme)
        )
    return BrokerAddress(
        host=parts.hostname or "",
        port=parts.port or _MQTT_PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        ca_file=_file(options, "ca_file", "broker"),
        username=unquote(parts.username) if parts.username else None,
        password_file=_file(options, "password_file", "broker"),
    )


def open_points(url: str, clock_us: Callable[[], int], retention_days: float | None) -> PointStore:
    """Open the store of ``sqlite:///PATH`` or ``influxdb://HOST:PORT/DATABASE?…``.

    Raises:
        UsageError: the URL is something else, or the file cannot be used. A server that is down is no error here.
    """
    limits = Limits(clock_us, None if retention_days is None else round(retention_days * DAY_US))
    if url.startswith("sqlite:///"):
        try:
            return SqlitePoints(Path(unquote(url.removeprefix("sqlite:///"))).expanduser(), limits)
        except StoreRefused as error:
            raise UsageError(_("store: {reason}").format(reason=error)) from error
    parts, options = _split(
        url,
        "store",
        ("influxdb",),
        ("org", "token_file", "tls", "ca_file", "bucket"),
        "sqlite:///PATH or influxdb://HOST:PORT/DATABASE",
    )
    database = unquote(parts.path.strip("/"))
    if not database:
        raise UsageError(_("store: the database is missing; expected influxdb://HOST:PORT/DATABASE"))
    tls = options.get("tls", "").lower()
    if tls not in _TRUE + _FALSE:
        raise UsageError(_("store: tls = {value!r}; expected true or false").format(value=tls))
    token_file, ca_file = _file(options, "token_file", "store"), _file(options, "ca_file", "store")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    from haechi.cloud.store.influx import InfluxAddress, InfluxPoints  # brings numpy along: only for whom it serves

    address = InfluxAddress(
        url=f"http{'s' if tls in _TRUE else ''}://{host}:{parts.port or _INFLUX_PORT}",
        database=database,
        bucket=options.get("bucket", database),
        organisation=options.get("org", ""),
        token=token_file.read_text(encoding="utf-8").strip() if token_file else "",
        ca_file=str(ca_file) if ca_file else None,
    )
    return InfluxPoints(address, limits)


def _split(
    url: str, key: str, schemes: tuple[str, ...], known: tuple[str, ...], expected: str
) -> tuple[SplitResult, dict[str, str]]:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(
            _("{key}: not a URL ({reason}); expected {expected}").format(key=key, reason=error, expected=expected)
        ) from error
    if parts.scheme not in schemes or not host:
        shown = f"{parts.scheme}:…" if parts.scheme else repr(url[:40])
        raise UsageError(
            _("{key}: {shown} is not understood; expected {expected}").format(key=key, shown=shown, expected=expected)
        )
    if parts.password is not None:
        raise UsageError(
            _(
                "{key}: a password does not belong into a URL, where anybody can read it; put it into a file and name "
                "the file with ?{option}=FILE"
            ).format(key=key, option=next(one for one in known if one.endswith("_file")))
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(
            _("{key}: unknown option {option!r}; expected {known}").format(
                key=key, option=unknown[0], known=", ".join(known)
            )
        )
    return parts, options


def _file(options: dict[str, str], option: str, key: str) -> Path | None:
    if not options.get(option):
        return None
    path = Path(options[option]).expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise UsageError(
            _("{key}: {option} cannot be read: {reason}").format(key=key, option=option, reason=error)
        ) from error
