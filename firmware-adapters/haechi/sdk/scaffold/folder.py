"""Writes the folder of a new adapter: the skeleton beside this module under the partner's own name.

A skeleton is an adapter like any other, typed and judged where it stands, so what is written here works: a gauge that
is read, or a post whose siren is sounded on command. The folder is made whole or not at all.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from haechi.sdk.scaffold.packaging import project_files
from haechi.text import _


class _Skeleton(NamedTuple):
    """What a folder is made of."""

    folder: str
    name: str
    """What it calls itself, and what is put in its place."""


_GAUGE, _POST = _Skeleton("skeleton", "acme_gauge"), _Skeleton("post", "acme_post")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
_NAME_CHARACTERS_MAX = 40
_ANNOUNCED = re.compile(r"^found_by_entry_point = .*$", re.MULTILINE)
_LICENCE = re.compile(r'^licence = "[^"]*"', re.MULTILINE)
_IMPORTS = re.compile(r"(?:^from [\w.]+ import [^(\n]+\n)+", re.MULTILINE)
"""Imports that stood in order under another name."""
OPEN_LATER = "LicenseRef-Proprietary"


class CannotWrite(Exception):  # noqa: N818 - reads as what it is
    """The folder cannot be made; the text says why in one line."""


def write_adapter(name: str, into: Path, *, package: bool, actuator: bool = False, licence: str = OPEN_LATER) -> Path:
    """Write the adapter ``name`` below ``into`` and return its folder.

    Args:
        name: maker and model, such as ``acme_gauge``.
        into: an existing folder; in ``haechi/adapters`` of this repository it becomes one of ours.
        package: True wraps the folder into a project of its own that announces the adapter.
        actuator: True makes an adapter that is told something, and not only reads.
        licence: of what the partner writes, an SPDX identifier.

    Raises:
        CannotWrite: the name is none, or something is there already.
    """
    if not _NAME.fullmatch(name) or len(name) > _NAME_CHARACTERS_MAX:
        raise CannotWrite(
            _("{name!r} is no name of an adapter: expected maker and model, such as acme_gauge").format(name=name)
        )
    target = into / name
    if target.exists():
        raise CannotWrite(_("{path} exists already").format(path=target))
    if not into.is_dir():
        raise CannotWrite(_("{path} is no folder").format(path=into))
    is_ours = not package and into.resolve().parts[-2:] == ("haechi", "adapters")
    module = f"haechi.adapters.{name}" if is_ours else name
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}.") as scratch:
        made = Path(scratch) / name
        folder = made / name if package else made
        _copy(_POST if actuator else _GAUGE, folder, name, module)
        _judge_anew(folder / "conformance.toml", licence=licence, announced=package)
        if package:
            for path, text in project_files(name, class_of(name), licence).items():
                (made / path).write_text(text, encoding="utf-8")
        made.rename(target)
    return target / name if package else target


def class_of(name: str) -> str:
    """Return the name of the adapter's class: ``acme_gauge`` → ``AcmeGauge``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _copy(skeleton: _Skeleton, folder: Path, name: str, module: str) -> None:
    """Copy ``skeleton`` to ``folder`` under the name of another adapter."""
    shutil.copytree(
        Path(__file__).with_name(skeleton.folder), folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        text = text.replace(f"haechi.sdk.scaffold.{skeleton.folder}", module)
        text = text.replace(class_of(skeleton.name), class_of(name)).replace(skeleton.name, name)
        text = text.replace(_title_of(skeleton.name), _title_of(name))
        if path.suffix == ".py":
            text = _IMPORTS.sub(lambda block: "".join(sorted(block[0].splitlines(keepends=True))), text)
        path.write_text(text, encoding="utf-8")


def _judge_anew(conformance: Path, *, licence: str, announced: bool) -> None:
    """Write the partner's licence, and whether a package announces the folder, into its verdicts."""
    text = _LICENCE.sub(f'licence = "{licence}"', conformance.read_text(encoding="utf-8"))
    if announced:
        text = _ANNOUNCED.sub('found_by_entry_point = "met"', text)
    conformance.write_text(text, encoding="utf-8")


def _title_of(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("_"))
