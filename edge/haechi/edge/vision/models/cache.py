"""Where ready models lie, and how a camera finds one.

Layout below :func:`root`: ``<name>/<recipe>/{fp32,int8}-<size>.onnx`` and ``ready.json``. The folder is named by the
recipe that made it, so an upgrade never runs a model that older code prepared. Every file is renamed into place when
it is whole, ``ready.json`` last: it lists the sha256 of each model that passed verification on this machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from haechi.edge.vision.models.card import ModelCard, card
from haechi.edge.vision.models.errors import ModelError, ModelMissing
from haechi.text import _

Precision = Literal["fp32", "int8"]

REVISION = 1
"""Rises when converting or quantising changes what comes out."""

_LEFT_S = 600.0  # nobody writes a file for so long
_READY = "ready.json"


class _Ready(msgspec.Struct):
    files: dict[str, str]


def root(environment: Mapping[str, str] = os.environ) -> Path:
    """The cache: ``HAECHI_MODELS``, else ``$XDG_CACHE_HOME/haechi/models``, else ``~/.cache/haechi/models``."""
    if environment.get("HAECHI_MODELS"):
        return Path(environment["HAECHI_MODELS"])
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "haechi" / "models"


def folder(model: ModelCard, cache: Path) -> Path:
    """Where the ready files of a model lie."""
    return cache / model.name / model.recipe(REVISION)


def file_name(precision: Precision, size: str) -> str:
    """Name of one ready file."""
    return f"{precision}-{size}.onnx"


def ready(model: ModelCard, cache: Path) -> dict[str, str] | None:
    """Names and sha256 of the verified files, or None when nothing readable says that the model was made ready."""
    try:
        content = msgspec.json.decode((folder(model, cache) / _READY).read_bytes(), type=_Ready)
    except (OSError, msgspec.DecodeError):
        return None
    return content.files


def mark_ready(model: ModelCard, cache: Path, files: Mapping[str, str]) -> None:
    """Writes down which files were verified; from then on cameras use them."""
    write(folder(model, cache) / _READY, json.dumps({"files": dict(files)}, indent=1).encode())


def locate(name: str, precision: Precision, size: str, cache: Path | None = None) -> Path:
    """Finds the file of one form of a model.

    Raises:
        ModelMissing: it was not fetched yet, or not in this precision.
        ModelError: no such model, or its file is damaged.
    """
    model = card(name)
    cache = root() if cache is None else cache
    files = ready(model, cache)
    if files is None:
        raise _missing(name)
    digest = files.get(file_name(precision, size))
    if digest is not None:
        path = folder(model, cache) / file_name(precision, size)
        if not path.exists() or sha256(path) != digest:
            raise ModelError(
                _("{path}: damaged since it was verified; run `haechi models fetch` again").format(path=path)
            )
        return path
    raise ModelMissing(
        _(
            'model {name} has no verified {precision} form of size {size} on this machine; use precision = "auto"'
        ).format(name=name, precision=precision, size=size)
    )


def is_path(name: str) -> bool:
    """Whether a camera's model is a file of the user's own."""
    return name.endswith(".onnx")


def check_present(name: str, cache: Path | None = None) -> None:
    """Tells cheaply whether a model was made ready here, without reading it.

    Raises:
        ModelMissing: it was not fetched yet.
        ModelError: no such model.
    """
    if is_path(name):
        if not Path(name).is_file():
            raise ModelMissing(_("{path}: there is no such model file").format(path=name))
        return
    if ready(card(name), root() if cache is None else cache) is None:
        raise _missing(name)


def _missing(name: str) -> ModelMissing:
    return ModelMissing(_("model {name} is not on this machine: run `haechi models fetch`").format(name=name))


def sha256(path: Path) -> str:
    """Digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(path: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp gives 0600; the agent may run as another user than the one who fetched.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _tidy(path: Path) -> None:
    """Deletes what was left by somebody who was killed while writing this file; others may be writing it now."""
    for left in path.parent.glob(f".{path.name}.*"):
        with contextlib.suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - _LEFT_S:
                left.unlink()
