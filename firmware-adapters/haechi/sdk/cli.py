"""``haechi adapter``: what a hardware partner and a field technician do with adapters, from one terminal.

Each subcommand answers with lines for people; ``--json`` where a program reads it. Nothing here writes to a device.
"""

import argparse
from pathlib import Path

from haechi.sdk.commands import bench, beside, kit
from haechi.text import _

_MOST = 86400.0
_BYTES_MOST = 16 * 2**20


def register(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of ``haechi adapter``."""
    parser.description = _("Adapters: the code for one kind of device each.")
    commands = parser.add_subparsers(required=True)

    listing = commands.add_parser("list", help=_("which adapters are installed"))
    listing.add_argument("--json", action="store_true", help=_("write JSON"))
    listing.set_defaults(run=bench.list_installed)

    probe = commands.add_parser("probe", help=_("look whether devices answer; changes nothing in them"))
    _add_devices(probe)
    probe.set_defaults(run=bench.probe)

    scan = commands.add_parser("scan", help=_("list serial ports, or try many addresses and speeds"))
    scan.add_argument("file", type=Path, nargs="?", metavar="FILE", help=_("sample.toml or the gateway's TOML file"))
    scan.add_argument("--adapter", metavar="NAME", help=_("default: the one whose folder FILE is in"))
    scan.add_argument("--device", metavar="ID", help=_("only this device of FILE"))
    scan.add_argument(
        "--over",
        action="append",
        default=[],
        metavar="KEY=VALUES",
        help=_("try these: unit_id=1-20, baud=9600,19200, port=ports for every serial port"),
    )
    scan.set_defaults(run=bench.scan)

    record = commands.add_parser("record", help=_("write down what passes the wire of a live device"))
    _add_devices(record)
    record.add_argument("--into", type=Path, required=True, metavar="TOML", help=_("the recording that is written"))
    record.add_argument("--provenance", required=True, metavar="TEXT", help=_("device, firmware, place and date"))
    record.add_argument("--licence", default="CC0-1.0", metavar="SPDX", help=_("of the recorded bytes"))
    record.add_argument(
        "--beside",
        type=Path,
        metavar="SOCKET",
        help=_("listen to the running gateway, which keeps the port: wire.sock in its data_dir"),
    )
    record.add_argument("--seconds", type=_positive, default=10.0, help=_("default: 10"))
    record.add_argument("--bytes-max", type=_size, default=65536, help=_("default: 65536"))
    record.set_defaults(run=bench.record)

    trace = commands.add_parser("trace", help=_("show the last frames of a running gateway's devices"))
    _add_devices(trace)
    trace.add_argument(
        "--beside",
        type=Path,
        required=True,
        metavar="SOCKET",
        help=_("the gateway's: wire.sock in its data_dir"),
    )
    trace.add_argument("--seconds", type=_positive, default=1.0, help=_("how long to go on listening; default: 1"))
    trace.set_defaults(run=beside.trace)

    replay = commands.add_parser("replay", help=_("play a recording to its adapter and compare the values"))
    replay.add_argument("recording", type=Path, metavar="TOML")
    replay.add_argument("--adapter", metavar="NAME", help=_("default: the one whose folder the recording is in"))
    replay.add_argument("--speed", type=_positive, default=1.0, help=_("default: as fast as it was recorded"))
    replay.set_defaults(run=bench.replay)

    new = commands.add_parser("new", help=_("make the folder of a new adapter, which passes its checks at once"))
    new.add_argument("name", metavar="VENDOR_MODEL")
    new.add_argument("--into", type=Path, default=Path(), metavar="FOLDER", help=_("default: here"))
    new.add_argument("--package", action="store_true", help=_("a project of its own, with pyproject.toml"))
    new.add_argument(
        "--actuator",
        action="store_true",
        help=_("for a device that is told something: a post with a siren, to begin with"),
    )
    new.add_argument("--licence", metavar="SPDX", help=_("default: LicenseRef-Proprietary"))
    new.set_defaults(run=kit.new)

    check = commands.add_parser("check", help=_("run the conformance suite and say which rules hold"))
    check.add_argument("adapter", metavar="PATH|NAME", help=_("an adapter's folder, or an installed adapter"))
    check.add_argument("--quick", action="store_true", help=_("try less of each rule; no mark can be signed"))
    check.add_argument("--into", type=Path, metavar="FOLDER", help=_("for the reports; default: NAME-check"))
    check.add_argument("--sign", type=Path, metavar="KEY", help=_("sign the mark with this Ed25519 key (PEM)"))
    check.add_argument(
        "--verify", type=Path, metavar="MARK", help=_("do not run: hold a signed mark against the folder")
    )
    check.add_argument("--key", type=Path, metavar="PUBLIC", help=_("for --verify: who must have signed it (PEM)"))
    check.set_defaults(run=kit.check)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _MOST:
        raise argparse.ArgumentTypeError(_("{text!r}: expected a number above 0").format(text=text))
    return number


def _size(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= _BYTES_MOST:
        raise argparse.ArgumentTypeError(_("{text!r}: expected 1 to {most}").format(text=text, most=_BYTES_MOST))
    return int(text)


def _add_devices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=_("sample.toml or the gateway's TOML file"))
    parser.add_argument("--adapter", metavar="NAME", help=_("default: the one whose folder FILE is in"))
    parser.add_argument("--device", metavar="ID", help=_("only this device of FILE"))
