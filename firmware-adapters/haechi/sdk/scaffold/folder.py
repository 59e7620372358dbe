"""Writes the folder of a new adapter: the skeleton beside this module under the partner's own name.

The skeleton is an adapter like any other, typed and judged where it stands, so what is written here works. The folder
is made whole or not at all.
"""

import re
import shutil
import tempfile
from pathlib import Path

from haechi.sdk.scaffold.packaging import project_files
from haechi.text import _

SKELETON = Path(__file__).with_name("skeleton")
_SKELETON_IMPORT = "haechi.sdk.scaffold.skeleton"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
_NAME_CHARACTERS_MAX = 40
_ANNOUNCED = re.compile(r"^found_by_entry_point = .*$", re.MULTILINE)
_LICENCE = re.compile(r'^licence = "[^"]*"', re.MULTILINE)
OPEN_LATER = "LicenseRef-Proprietary"


class CannotWrite(Exception):  # noqa: N818 - reads as what it is
    """The folder cannot be made; the text says why in one line."""


def write_adapter(name: str, into: Path, *, package: bool, licence: str = OPEN_LATER) -> Path:
    """Write the adapter ``name`` below ``into`` and return its folder.

    Args:
        name: maker and model, such as ``acme_gauge``.
        into: an existing folder; in ``haechi/adapters`` of this repository it becomes one of ours.
        package: True wraps the folder into a project of its own that announces the adapter.
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
        _copy(folder, name, module, licence=licence, announced=package)
        if package:
            for path, text in project_files(name, class_of(name), licence).items():
                (made / path).write_text(text, encoding="utf-8")
        made.rename(target)
    return target / name if package else target


def class_of(name: str) -> str:
    """Return the name of the adapter's class: ``acme_gauge`` → ``AcmeGauge``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _copy(folder: Path, name: str, module: str, *, licence: str, announced: bool) -> None:
    shutil.copytree(SKELETON, folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    title = " ".join(part.capitalize() for part in name.split("_"))
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        text = text.replace(_SKELETON_IMPORT, module).replace("AcmeGauge", class_of(name))
        text = text.replace("acme_gauge", name).replace("Acme Gauge", title)
        if path.name == "conformance.toml":
            text = _LICENCE.sub(f'licence = "{licence}"', text)
            if announced:
                text = _ANNOUNCED.sub('found_by_entry_point = "met"', text)
        path.write_text(text, encoding="utf-8")
