"""``haechi cloud``: run the cloud, look at its dead letters and replay them, have gateways send again."""

import argparse
import contextlib
import logging
import os
from datetime import datetime
from pathlib import Path

from haechi.cloud import account_cli, config
from haechi.cloud.clock import DAY_US, now_us
from haechi.command import UsageError
from haechi.text import _


def register(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``haechi cloud``."""
    parser.description = _("The aggregator: takes what gateways send, stores it, shows it.")
    commands = parser.add_subparsers(required=True, metavar="run|check-config|accounts|dead-letters|rewind")
    run = commands.add_parser("run", help=_("run the cloud until it is told to stop"))
    _all_settings(run)
    run.set_defaults(run=_run)
    check = commands.add_parser("check-config", help=_("say everything that is wrong with the settings, start nothing"))
    _all_settings(check)
    check.set_defaults(run=_check)
    account_cli.register(
        commands.add_parser("accounts", help=_("who may sign in, and what they may")), _settings, _load
    )
    dead = commands.add_parser("dead-letters", help=_("what could not be read: look at it, or read it once more"))
    actions = dead.add_subparsers(required=True, metavar="list|replay")
    listing = actions.add_parser("list", help=_("list them, oldest first"))
    _settings(listing)
    listing.set_defaults(run=_list)
    again = actions.add_parser("replay", help=_("apply those that can be read now, as after an upgrade"))
    _settings(again)
    again.add_argument("--store", metavar="URL", help=config.CloudConfig.model_fields["store"].description)
    again.add_argument("--objects", metavar="DIR", help=config.CloudConfig.model_fields["objects"].description)
    again.add_argument(
        "--tenant", metavar="CITY", action="append", dest="tenants", help=_("a city to serve; repeatable")
    )
    again.set_defaults(run=_replay)
    rewind = commands.add_parser(
        "rewind", help=_("after the points were restored to an older day: have gateways send again what came since")
    )
    _settings(rewind)
    rewind.add_argument(
        "--since",
        metavar="TIME",
        required=True,
        type=_time_us,
        help=_("the day and time that the points were restored to, with its zone: 2026-11-21T06:00:00+09:00"),
    )
    rewind.set_defaults(run=_rewind)


def _time_us(written: str) -> int:
    try:
        time = datetime.fromisoformat(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            _("{written!r}: expected a time such as 2026-11-21T06:00:00+09:00").format(written=written)
        ) from error
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(
            _("{written}: expected a time with its zone, as {written}+09:00 or {written}Z").format(written=written)
        )
    return round(time.timestamp() * 1_000_000)


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help=_("settings as TOML; options stand over them"))
    parser.add_argument("--data-dir", metavar="DIR", help=config.CloudConfig.model_fields["data_dir"].description)
    parser.add_argument("--state", metavar="URL", help=config.CloudConfig.model_fields["state"].description)


def _all_settings(parser: argparse.ArgumentParser) -> None:
    _settings(parser)
    parser.add_argument("--broker", metavar="URL", help=config.CloudConfig.model_fields["broker"].description)
    parser.add_argument(
        "--broker-port", metavar="PORT", help=config.CloudConfig.model_fields["broker_port"].description
    )
    parser.add_argument("--store", metavar="URL", help=config.CloudConfig.model_fields["store"].description)
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help=config.CloudConfig.model_fields["listen"].description)
    parser.add_argument("--objects", metavar="DIR", help=config.CloudConfig.model_fields["objects"].description)
    parser.add_argument("--share", metavar="NAME", help=config.CloudConfig.model_fields["share"].description)
    parser.add_argument(
        "--tenant", metavar="CITY", action="append", dest="tenants", help=_("a city to serve; repeatable")
    )
    parser.add_argument(
        "--command-keys", metavar="FILE", help=config.CloudConfig.model_fields["command_keys"].description
    )
    parser.add_argument("--basemap", metavar="FILE", help=config.CloudConfig.model_fields["basemap"].description)


def _options(arguments: argparse.Namespace) -> dict[str, object]:
    return {name: getattr(arguments, name, None) for name in config.CloudConfig.model_fields}


def _load(arguments: argparse.Namespace) -> config.CloudConfig:
    return config.load(arguments.config, _options(arguments))


def _check(arguments: argparse.Namespace) -> int:
    from haechi.cloud.check import faults

    settings, found = config.read(arguments.config, _options(arguments))
    if settings is not None:
        found = faults(settings)
    if found or settings is None:
        raise UsageError("\n".join(found))
    _say(
        _("ok: {cities}, broker {broker}, console at http://{listen}").format(
            cities=", ".join(settings.tenants), broker=settings.broker.partition("?")[0], listen=settings.listen
        )
    )
    return 0


def _run(arguments: argparse.Namespace) -> int:
    settings = _load(arguments)
    logging.basicConfig(
        level=os.environ.get("HAECHI_LOG", "WARNING").upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # the link itself says what matters, once
    from haechi.cloud.serve import serve

    return serve(settings)


def _list(arguments: argparse.Namespace) -> int:
    from haechi.cloud.state import letters
    from haechi.cloud.state.engine import opened_state, reading
    from haechi.contract.observations import utc

    last = 0
    with opened_state(_load(arguments).state_url) as state:
        while True:
            with reading(state) as connection:  # ended before anything is said: a pager may stand for hours
                some = letters.page(connection, last)
            if not some:
                return 0
            for letter in some:
                number = "" if letter.seq is None else f" {letter.epoch.hex()[:8]}/{letter.seq}"
                _say(
                    f"{letter.id}\t{utc(letter.received_us):%Y-%m-%dT%H:%M:%SZ}\t"
                    f"{letter.tenant}/{letter.gateway}{number}\t"
                    f"{letter.kind}\t{letter.bytes} B\t×{letter.times}\t{letter.reason!r}"
                )
            last = some[-1].id


def _replay(arguments: argparse.Namespace) -> int:
    from haechi.cloud.addresses import open_points
    from haechi.cloud.event_broker.replay import replay
    from haechi.cloud.objects import FolderObjects
    from haechi.cloud.state.engine import opened_state
    from haechi.cloud.store import StoreError

    settings = _load(arguments)
    points = open_points(settings.store_url, now_us, settings.retention_days)
    with contextlib.closing(points), opened_state(settings.state_url) as state:
        try:
            done = replay(state, points, FolderObjects(settings.objects_dir), settings.tenants, now_us)
        except StoreError as error:
            raise UsageError(_("store: {reason}; nothing is lost, try again").format(reason=error)) from error
    _say(_("{applied} applied, {left} left").format(applied=done.applied, left=done.left))
    return 0


def _rewind(arguments: argparse.Namespace) -> int:
    from haechi.cloud.state import markers, receipts
    from haechi.cloud.state.engine import opened_state, reading, writing
    from haechi.cloud.state.retention import RECEIPTS_US_MAX

    age_us = now_us() - arguments.since
    if not 0 <= age_us <= RECEIPTS_US_MAX:
        raise UsageError(
            _("--since: expected a time within the last {days} days; older receipts are gone").format(
                days=RECEIPTS_US_MAX // DAY_US
            )
        )
    since = receipts.since_time(arguments.since)
    parcels = gateways = 0
    with opened_state(_load(arguments).state_url) as state:
        with writing(state) as connection:
            markers.begin_withdrawal(connection)
        with reading(state) as connection:
            concerned = receipts.concerned(connection, since)
        for tenant, gateway in concerned:  # each by itself: a running cloud takes alarms meanwhile
            with writing(state) as connection:
                withdrawn = receipts.rewind(connection, tenant, gateway, since)
            parcels += sum(numbers.size for numbers in withdrawn.values())
            gateways += bool(withdrawn)
    _say(
        _("{parcels} parcels of {gateways} gateways are asked for again; what they keep no more becomes a loss").format(
            parcels=parcels, gateways=gateways
        )
    )
    return 0


def _say(line: str) -> None:
    print(line)  # noqa: T201 - what the person asked for
