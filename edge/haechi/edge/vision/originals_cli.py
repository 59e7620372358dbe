"""``haechi camera originals``: what was kept sealed, and releasing it to somebody who has a reason."""

from __future__ import annotations

import argparse
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from haechi.command import UsageError
from haechi.contract.observations import utc
from haechi.edge.config import GatewayConfig
from haechi.edge.config_file import ConfigError, load
from haechi.edge.vision import sealing
from haechi.edge.vision.originals import FOLDER, Journal, JournalBroken, listed_everywhere
from haechi.edge.vision.sealing import SealError
from haechi.text import _

_JOURNAL = "releases.jsonl"
_SEALED_BYTES_MAX = 64 * 1024**2


def register(parser: argparse.ArgumentParser) -> None:
    """Fills the parser of ``haechi camera originals``."""
    parser.description = _("Pictures and clips without blur, sealed to the city's key, where the policy keeps them.")
    commands = parser.add_subparsers(title=_("commands"), required=True)

    pair = commands.add_parser("keygen", help=_("make the city's key pair; the private key never goes on a gateway"))
    pair.add_argument("--private", type=Path, required=True, metavar="FILE", help=_("where the private key goes"))
    pair.add_argument("--public", type=Path, required=True, metavar="FILE", help=_("where the public key goes"))
    pair.set_defaults(run=_keygen)

    show = commands.add_parser("list", help=_("what is kept on this gateway"))
    show.add_argument("--config", type=Path, required=True, metavar="FILE", help=_("the gateway's file"))
    show.set_defaults(run=_list)

    release = commands.add_parser("release", help=_("hand one out; who, when and why is written down first"))
    release.add_argument("original", help=_("id of its event, or a sealed file"))
    where = release.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="FILE", help=_("on the gateway: its file"))
    where.add_argument("--journal", type=Path, metavar="FILE", help=_("elsewhere: the journal to write into"))
    release.add_argument("--by", required=True, help=_("who releases it"))
    release.add_argument("--why", required=True, help=_("for what reason, such as the number of a court order"))
    release.add_argument("--key", type=Path, metavar="FILE", help=_("the private key; without it, it stays sealed"))
    release.add_argument("--out", type=Path, required=True, metavar="FILE", help=_("where it goes"))
    release.set_defaults(run=_release)

    verify = commands.add_parser("verify", help=_("check that nobody has changed the journal of releases"))
    where = verify.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="FILE", help=_("the gateway's file"))
    where.add_argument("--journal", type=Path, metavar="FILE", help=_("a journal elsewhere"))
    verify.set_defaults(run=_verify)


def _keygen(arguments: argparse.Namespace) -> int:
    private, public = sealing.new_pair()
    _write_new(arguments.private, private)
    _write_new(arguments.public, public)
    _say(_("{private} opens what {public} seals; keep it off every gateway").format(**vars(arguments)))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    config = _load(arguments.config)
    found = listed_everywhere(config.gateway.data_dir / FOLDER)
    for one in found:
        _say(f"{one.event}  {utc(one.time_us):%Y-%m-%d %H:%M:%SZ}  {one.camera}  {one.kind}  {one.size}")
    if not found:
        _say(_("nothing is kept"))
    return 0


def _release(arguments: argparse.Namespace) -> int:
    path, folder = _find(arguments)
    sealed = _read(path)
    try:
        label = sealing.label_of(sealed)
        content = sealed
        if arguments.key is not None:
            label, content = sealing.opened(sealed, sealing.read_private_key(arguments.key))
        if arguments.out.exists():
            raise UsageError(_("{path}: is there already").format(path=arguments.out))
        proof = Journal(folder, now=_now).note(
            by=arguments.by,
            why=arguments.why,
            what=path.name,
            camera=label.camera,
            taken_at=utc(label.time_us).isoformat(),
            sha256=hashlib.sha256(sealed).hexdigest(),
            form="sealed" if arguments.key is None else "opened",
        )
    except (SealError, JournalBroken) as error:
        raise UsageError(f"{path}: {error}") from None
    except OSError as error:
        raise UsageError(_("{path}: cannot be written: {reason}").format(path=folder, reason=error.strerror)) from None
    _write_new(arguments.out, content)
    _say(_("{out}: written; the journal's last hash is {proof}").format(out=arguments.out, proof=proof))
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    try:
        there = Journal(_journal(arguments), now=_now).verify()
    except JournalBroken as error:
        raise UsageError(f"{_journal(arguments)}: {error}") from None
    except OSError as error:
        raise UsageError(f"{_journal(arguments)}: {error.strerror}") from None
    _say(_("{count} releases; the last hash is {proof}").format(count=there.releases, proof=there.proof))
    if there.torn:
        _say(
            _("{count} lines were torn while they were written, as by a power cut; nothing was handed out").format(
                count=there.torn
            )
        )
    return 0


def _find(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """The sealed file that is meant, and the journal."""
    named = Path(arguments.original)
    if arguments.config is None or named.is_file():
        return named, _journal(arguments)
    config = _load(arguments.config)
    matching = [one for one in listed_everywhere(config.gateway.data_dir / FOLDER) if one.event == arguments.original]
    if len(matching) != 1:
        names = ", ".join(str(one.path) for one in matching)
        raise UsageError(
            _("{event}: several are kept; name the file: {names}").format(event=arguments.original, names=names)
            if matching
            else _("{event}: no original of this event is kept; see `list`").format(event=arguments.original)
        )
    return matching[0].path, _journal(arguments)


def _journal(arguments: argparse.Namespace) -> Path:
    if arguments.journal is not None:
        return Path(arguments.journal)
    return Path(_load(arguments.config).gateway.data_dir / FOLDER / _JOURNAL)


def _load(path: Path) -> GatewayConfig:
    try:
        return load(path)
    except ConfigError as error:
        raise UsageError(str(error)) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_SEALED_BYTES_MAX)
    except OSError as error:
        raise UsageError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None


def _write_new(path: Path, content: bytes) -> None:
    """Writes a file that only its owner reads; one that is there is not touched."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(_("{path}: cannot be written: {reason}").format(path=path, reason=error.strerror)) from None


def _now() -> datetime:
    return datetime.now(UTC)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's own output
