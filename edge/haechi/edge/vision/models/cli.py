"""``haechi models fetch|import|list|verify``: gets the detector ready before a camera needs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from haechi.command import UsageError
from haechi.edge.vision.models import cache as store
from haechi.edge.vision.models import obtain, prepare
from haechi.edge.vision.models.card import ModelCard, card, shipped
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.progress import Progress
from haechi.text import _

DEFAULT = "nanodet-g"


def register(parser: argparse.ArgumentParser) -> None:
    """Fills the parser of ``haechi models``."""
    parser.description = _(
        "Gets the camera detector ready on this machine; HAECHI_MODELS names the folder it is kept in."
    )
    commands = parser.add_subparsers(title=_("commands"), required=True)

    fetch = commands.add_parser("fetch", help=_("download, convert, quantise and verify"))
    fetch.add_argument("name", nargs="?", default=DEFAULT, help=_("model (default: %(default)s)"))
    fetch.add_argument("--bundle", type=Path, metavar="FILE", help=_("also write it for a gateway without internet"))
    fetch.set_defaults(run=_answering(_fetch))

    bring = commands.add_parser("import", help=_("the same from a file instead of the internet"))
    bring.add_argument("file", type=Path, help=_("a bundle, or the npm tarball"))
    bring.add_argument("--name", default=DEFAULT, help=_("model (default: %(default)s)"))
    bring.set_defaults(run=_answering(_import))

    listing = commands.add_parser("list", help=_("known models, and which are ready here"))
    listing.set_defaults(run=_answering(_list))

    verify = commands.add_parser("verify", help=_("check files and answers of what is ready here"))
    verify.add_argument("name", nargs="?", default=DEFAULT, help=_("model (default: %(default)s)"))
    verify.set_defaults(run=_answering(_verify))


def _answering(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        try:
            return command(arguments)
        except ModelError as error:
            raise UsageError(str(error)) from error

    return run


def _fetch(arguments: argparse.Namespace) -> int:
    model = card(arguments.name)
    with Progress() as shown:
        prepare.prepare(model, store.root(), obtain.from_registry, shown)
    if arguments.bundle:
        prepare.bundle(model, store.root(), arguments.bundle)
        _say(_("bundle written: {path}").format(path=arguments.bundle))
    return _told(model)


def _import(arguments: argparse.Namespace) -> int:
    model = card(arguments.name)
    files = obtain.from_file(model, arguments.file)
    with Progress() as shown:
        prepare.prepare(model, store.root(), lambda *_ignored: files, shown)
    return _told(model)


def _told(model: ModelCard) -> int:
    files = store.ready(model, store.root()) or {}
    _say(
        _("{name} is ready: {files} in {folder}").format(
            name=model.name, files=", ".join(sorted(files)), folder=store.folder(model, store.root())
        )
    )
    return 0


def _list(arguments: argparse.Namespace) -> int:
    del arguments
    for model in shipped().values():
        files = store.ready(model, store.root())
        state = (
            _("ready: {files}").format(files=", ".join(sorted(files)))
            if files
            else _("not here yet: `haechi models fetch`")
        )
        _say(f"{model.name}  {model.title}, {model.licence}  {state}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    model, cache = card(arguments.name), store.root()
    if store.ready(model, cache) is None:
        raise UsageError(_("model {name} is not on this machine: run `haechi models fetch`").format(name=model.name))
    broken = prepare.damaged(model, cache) or prepare.disagreeing(model, cache)
    for name in broken:
        _say(_("{name}: damaged or wrong; run `haechi models fetch` again").format(name=name))
    if not broken:
        _say(_("{name}: every file is as it was verified and answers as stored").format(name=model.name))
    return 1 if broken else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's own output
