"""``haechi edge``: run the gateway agent, check its configuration, look into its outbox."""

import argparse
import asyncio
import contextlib
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from haechi.command import UsageError
from haechi.contract.observations import utc
from haechi.edge import agent
from haechi.edge.config import GatewayConfig, OutboxConfig
from haechi.edge.config_file import ConfigError, load
from haechi.edge.devices import Site, assemble
from haechi.edge.outbox import OutboxFailed, OutboxLocked
from haechi.edge.outbox.figures import (
    ASSUMED_BYTES_PER_VALUE,
    PARCEL_BYTES,
    Room,
    bytes_needed,
    look_at_room,
    room_on_disk,
)
from haechi.edge.uplink import UplinkSettingsError
from haechi.edge.uplink.link import Broker
from haechi.text import _, ngettext

_BYTES_MIN = 2**20
"""What the configuration takes at least."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of ``haechi edge``."""
    parser.description = _("The gateway agent.")
    commands = parser.add_subparsers(required=True)

    run = commands.add_parser("run", help=_("run the agent until it is stopped"))
    _add_config(run)
    run.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info", help=_("default: info")
    )
    run.set_defaults(run=_run)

    check = commands.add_parser("check-config", help=_("check a configuration in full and say what it holds"))
    _add_config(check)
    check.set_defaults(run=_check)

    outbox = commands.add_parser("outbox", help=_("look into the outbox"))
    actions = outbox.add_subparsers(required=True)
    status = actions.add_parser("status", help=_("how full it is, and what has been committed to it"))
    _add_config(status)
    status.add_argument("--json", action="store_true", help=_("write JSON"))
    status.set_defaults(run=_outbox_status)
    size = actions.add_parser("size", help=_("how large it must be to keep so many hours without the cloud"))
    size.add_argument("--rate", type=_positive, required=True, metavar="R", help=_("values per second"))
    size.add_argument("--hours", type=_positive, required=True, metavar="H", help=_("hours without the cloud"))
    size.add_argument("--config", type=Path, metavar="FILE", help=_("measure bytes per value in this gateway's outbox"))
    size.set_defaults(run=_outbox_size)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=_("the gateway's TOML file"))


def _run(arguments: argparse.Namespace) -> int:
    config, site, broker = _checked(arguments.config)
    logging.basicConfig(
        level=arguments.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    try:
        asyncio.run(agent.run(config, site, broker))
    except OutboxLocked as error:
        raise UsageError(str(error)) from None
    return 0


def _check(arguments: argparse.Namespace) -> int:
    config, site, _broker = _checked(arguments.config)
    devices, cameras, rules = len(config.device), len(config.camera), len(config.rule)
    datastreams = len(site.descriptions.datastreams)
    print(  # noqa: T201 - the answer of the command
        _("ok: {devices}, {cameras}, {rules}, {datastreams}").format(
            devices=ngettext("{n} device", "{n} devices", devices).format(n=devices),
            cameras=ngettext("{n} camera", "{n} cameras", cameras).format(n=cameras),
            rules=ngettext("{n} rule", "{n} rules", rules).format(n=rules),
            datastreams=ngettext("{n} datastream", "{n} datastreams", datastreams).format(n=datastreams),
        )
    )
    return 0


def _outbox_status(arguments: argparse.Namespace) -> int:
    config = _loaded(arguments.config)
    try:
        room = look_at_room(config.gateway.data_dir, config.outbox.bytes_max)
    except OutboxFailed as error:
        raise UsageError(str(error)) from None
    figures, pace = room.figures, room.pace
    if arguments.json:
        answer = {
            **asdict(figures),
            "bytes_left": room.bytes_left,
            "hours_left": room.hours_left,
            "bytes_per_s": pace and pace.bytes_per_s,
            "bytes_per_value": pace and pace.bytes_per_value,
            "newest_us": room.newest_us,
            "set_aside": room.set_aside,
        }
        print(json.dumps(answer))  # noqa: T201 - the answer of the command
        return 0
    lost = ", ".join(f"{count} ({cause})" for cause, count in sorted(figures.parcels_lost.items()) if count)
    for name, value in (
        (_("waiting parcels"), figures.parcels),
        (_("waiting bytes"), _mebibytes(figures.bytes)),
        (_("oldest waiting"), _time(figures.oldest_us)),
        (_("newest committed"), _time(room.newest_us)),
        (_("bytes kept, of at most"), f"{_mebibytes(figures.bytes_kept)} / {_mebibytes(figures.bytes_max)}"),
        (_("hours left"), _("not known yet") if room.hours_left is None else _hours(room)),
        (_("observations committed"), figures.observations_committed),
        (_("events committed"), figures.events_committed),
        (_("parcels lost, reported"), lost or 0),
        (_("damaged files"), ", ".join(room.set_aside) or _("none")),
    ):
        print(f"{name:24} {value}")  # noqa: T201 - the answer of the command
    return 0


def _outbox_size(arguments: argparse.Namespace) -> int:
    bytes_per_value, seal_s, how = ASSUMED_BYTES_PER_VALUE, OutboxConfig().seal_s, _("assumed")
    on_disk = None
    if arguments.config is not None:
        config = _loaded(arguments.config)
        seal_s = config.outbox.seal_s
        with contextlib.suppress(OSError):
            on_disk = room_on_disk(config.gateway.data_dir)
        with contextlib.suppress(OutboxFailed):
            pace = look_at_room(config.gateway.data_dir, config.outbox.bytes_max).pace
            if pace is not None and pace.bytes_per_value is not None:
                bytes_per_value, how = pace.bytes_per_value, _("measured in its outbox")
    size = max(_BYTES_MIN, bytes_needed(arguments.rate, arguments.hours, bytes_per_value, 1 / seal_s))
    lines = [
        f"bytes_max = {size}",
        _("{size:.1f} MiB for {hours:g} hours at {rate:g} values per second without the cloud").format(
            size=size / 2**20, hours=arguments.hours, rate=arguments.rate
        ),
        _("{value:.1f} bytes per value ({how}), and one parcel of {parcel} bytes every {seal_s:g} s").format(
            value=bytes_per_value, how=how, parcel=PARCEL_BYTES, seal_s=seal_s
        ),
        _("pictures come on top: about 30 KiB for every event of a camera"),
    ]
    if on_disk is not None:
        enough = _("its disk has room for {room}") if size < on_disk else _("its disk has room for {room} only")
        lines.append(enough.format(room=_mebibytes(on_disk)))
    print("\n".join(lines))  # noqa: T201 - the answer of the command
    return 0


def _time(time_us: int | None) -> str:
    return utc(time_us).isoformat(timespec="seconds") if time_us else "–"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _hours(room: Room) -> str:
    rate = room.pace.bytes_per_s if room.pace is not None else 0.0
    return _("{hours:.1f} without the cloud, at {rate:.0f} bytes/s").format(hours=room.hours_left, rate=rate)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(_("{text!r}: expected a number above 0").format(text=text))
    return number


def _loaded(path: Path) -> GatewayConfig:
    try:
        return load(path)
    except ConfigError as error:
        raise UsageError(str(error)) from None


def _checked(path: Path) -> tuple[GatewayConfig, Site, Broker]:
    config = _loaded(path)
    try:
        return config, assemble(config), agent.broker_of(config)
    except (ConfigError, UplinkSettingsError) as error:
        raise UsageError(f"{path}: {error}") from None
