"""``haechi cloud``: run the cloud, look at its dead letters, replay them."""

import argparse
import logging
import os
from pathlib import Path

from haechi.cloud import config
from haechi.text import _


def register(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``haechi cloud``."""
    parser.description = _("The aggregator: takes what gateways send, stores it, shows it.")
    commands = parser.add_subparsers(required=True, metavar="run|dead-letters")
    run = commands.add_parser("run", help=_("run the cloud until it is told to stop"))
    _settings(run)
    run.add_argument("--broker", metavar="URL", help=config.CloudConfig.model_fields["broker"].description)
    run.add_argument("--broker-port", metavar="PORT", help=config.CloudConfig.model_fields["broker_port"].description)
    run.add_argument("--store", metavar="URL", help=config.CloudConfig.model_fields["store"].description)
    run.add_argument("--listen", metavar="ADDRESS:PORT", help=config.CloudConfig.model_fields["listen"].description)
    run.add_argument("--tenant", metavar="CITY", action="append", dest="tenants", help=_("a city to serve; repeatable"))
    run.add_argument("--basemap", metavar="FILE", help=config.CloudConfig.model_fields["basemap"].description)
    run.set_defaults(run=_run)


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help=_("settings as TOML; options stand over them"))
    parser.add_argument("--data-dir", metavar="DIR", help=config.CloudConfig.model_fields["data_dir"].description)
    parser.add_argument("--state", metavar="URL", help=config.CloudConfig.model_fields["state"].description)


def _load(arguments: argparse.Namespace) -> config.CloudConfig:
    options = {name: getattr(arguments, name, None) for name in config.CloudConfig.model_fields}
    return config.load(arguments.config, options)


def _run(arguments: argparse.Namespace) -> int:
    settings = _load(arguments)
    logging.basicConfig(
        level=os.environ.get("HAECHI_LOG", "WARNING").upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # the link itself says what matters, once
    from haechi.cloud.serve import serve

    return serve(settings)
