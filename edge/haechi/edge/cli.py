"""``haechi edge``: run the gateway agent, check its configuration, look into its outbox."""

import argparse
import asyncio
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from haechi.command import UsageError
from haechi.contract.observations import utc
from haechi.edge import agent
from haechi.edge.config import GatewayConfig
from haechi.edge.config_file import ConfigError, load
from haechi.edge.devices import Site, assemble
from haechi.edge.outbox import OutboxFailed, OutboxLocked
from haechi.edge.outbox.figures import look
from haechi.edge.uplink import UplinkSettingsError
from haechi.edge.uplink.link import Broker
from haechi.text import _


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
    print(  # noqa: T201 - the answer of the command
        _("ok: {devices}, {cameras}, {rules}, {datastreams}").format(
            devices=_many(len(config.device), "device"),
            cameras=_many(len(config.camera), "camera"),
            rules=_many(len(config.rule), "rule"),
            datastreams=_many(len(site.descriptions.datastreams), "datastream"),
        )
    )
    return 0


def _outbox_status(arguments: argparse.Namespace) -> int:
    config = _loaded(arguments.config)
    try:
        figures = look(config.gateway.data_dir, config.outbox.bytes_max)
    except OutboxFailed as error:
        raise UsageError(str(error)) from None
    if arguments.json:
        print(json.dumps(asdict(figures)))  # noqa: T201 - the answer of the command
        return 0
    oldest = "–" if figures.oldest_us is None else utc(figures.oldest_us).isoformat(timespec="seconds")
    for name, value in (
        (_("waiting parcels"), figures.parcels),
        (_("waiting bytes"), figures.bytes),
        (_("oldest waiting"), oldest),
        (_("bytes on disk"), f"{figures.bytes_kept} / {figures.bytes_max}"),
        (_("observations committed"), figures.observations_committed),
        (_("events committed"), figures.events_committed),
    ):
        print(f"{name:24} {value}")  # noqa: T201 - the answer of the command
    return 0


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


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
