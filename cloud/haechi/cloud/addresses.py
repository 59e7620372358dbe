"""URLs of broker and store: what a person writes → what connects."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from haechi.cloud.clock import DAY_US
from haechi.cloud.event_broker.link import BrokerAddress
from haechi.cloud.store import PointStore, StoreRefused
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.cloud.urls import is_near, readable_file, take_apart, yes_or_no
from haechi.command import UsageError
from haechi.text import _

_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_INFLUX_PORT = 8086


def broker_address(url: str) -> BrokerAddress:
    """Read ``mqtt://USER@HOST:PORT?password_file=FILE`` or ``mqtts://…&ca_file=FILE``.

    Raises:
        UsageError: it is something else.
    """
    parts, options = take_apart(
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
        ca_file=readable_file(options, "ca_file", "broker"),
        username=unquote(parts.username) if parts.username else None,
        password_file=readable_file(options, "password_file", "broker"),
    )


def open_points(url: str, clock_us: Callable[[], int], retention_days: float | None) -> PointStore:
    """Open the store of ``sqlite:///PATH`` or ``influxdb://HOST:PORT/DATABASE?…``.

    To anything but this machine it speaks TLS, because its token goes along with every request; ``tls=false`` gives
    that up.

    Raises:
        UsageError: the URL is something else, or the file cannot be used. A server that is down is no error here.
    """
    limits = Limits(clock_us, None if retention_days is None else round(retention_days * DAY_US))
    if url.startswith("sqlite:///"):
        try:
            return SqlitePoints(Path(unquote(url.removeprefix("sqlite:///"))).expanduser(), limits)
        except StoreRefused as error:
            raise UsageError(_("store: {reason}").format(reason=error)) from error
    parts, options = take_apart(
        url,
        "store",
        ("influxdb",),
        ("org", "token_file", "tls", "ca_file", "bucket"),
        "sqlite:///PATH or influxdb://HOST:PORT/DATABASE",
    )
    database = unquote(parts.path.strip("/"))
    if not database:
        raise UsageError(_("store: the database is missing; expected influxdb://HOST:PORT/DATABASE"))
    tls = yes_or_no(options, "tls", "store", default=not is_near(parts.hostname or ""))
    if "ca_file" in options and not tls:
        raise UsageError(_("store: ca_file has no meaning without TLS; leave it out, or say tls=true"))
    token_file, ca_file = readable_file(options, "token_file", "store"), readable_file(options, "ca_file", "store")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    from haechi.cloud.store.influx import InfluxAddress, InfluxPoints  # brings numpy along: only for whom it serves

    address = InfluxAddress(
        url=f"http{'s' if tls else ''}://{host}:{parts.port or _INFLUX_PORT}",
        database=database,
        bucket=options.get("bucket", database),
        organisation=options.get("org", ""),
        token=token_file.read_text(encoding="utf-8").strip() if token_file else "",
        ca_file=str(ca_file) if ca_file else None,
    )
    return InfluxPoints(address, limits)
