"""Makes a model ready: obtain, convert, quantise, verify, mark. Every step is resumed where it stopped.

Promise: after :func:`prepare` returns, each file that cameras may use has answered the stored output vectors on this
machine. Two that run at once wait for each other. A model that is ready costs nothing to prepare again.
"""

from __future__ import annotations

import fcntl
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx

from haechi.edge.vision.models import cache as store
from haechi.edge.vision.models import obtain, vectors
from haechi.edge.vision.models.card import ModelCard, height_width_px
from haechi.edge.vision.models.convert import to_onnx
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.models.obtain import Progress
from haechi.edge.vision.models.quantise import to_int8
from haechi.text import _

Obtain = Callable[[ModelCard, Path, Progress], dict[str, bytes]]
"""Gets the publisher's files; the folder is scratch space."""


def prepare(model: ModelCard, cache: Path, get: Obtain, progress: Progress) -> None:
    """Makes `model` ready below `cache`.

    Args:
        model: the card of the model.
        cache: see :mod:`.cache`.
        get: where the publisher's files come from when they are not there yet.
        progress: told each step and its share.

    Raises:
        ModelError: files cannot be obtained, are not the pinned ones, or compute something else.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache / f".{model.name}.lock"):
            if store.ready(model, cache) is not None and not damaged(model, cache):
                return
            files = _source(model, cache, get, progress)
            store.mark_ready(model, cache, _build(model, cache, files, progress))
    except OSError as error:
        raise ModelError(
            _("{path}: {reason}; HAECHI_MODELS names another folder for models").format(
                path=error.filename or cache, reason=error.strerror
            )
        ) from error


def damaged(model: ModelCard, cache: Path) -> list[str]:
    """Names of ready files that are gone or changed since they were verified."""
    here = store.folder(model, cache)
    files = store.ready(model, cache) or {}
    return [name for name, digest in files.items() if not (here / name).exists() or store.sha256(here / name) != digest]


def disagreeing(model: ModelCard, cache: Path) -> list[str]:
    """Names of ready files that do not answer the stored vectors on this machine."""
    wrong = []
    for name in store.ready(model, cache) or {}:
        precision, size = name.removesuffix(".onnx").split("-")
        if not _agrees(model, precision, size, (store.folder(model, cache) / name).read_bytes()):
            wrong.append(name)
    return wrong


def bundle(model: ModelCard, cache: Path, target: Path) -> None:
    """Writes the publisher's two files as one small archive for a gateway without internet.

    It holds what the sha256 in the card pin, so whoever imports it need not trust whoever carried it; converting and
    verifying take that gateway some seconds.
    """
    here = store.folder(model, cache)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for file in model.files:
            content = (here / Path(file.path).name).read_bytes()
            entry = tarfile.TarInfo(file.path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    try:
        store.write(target, stream.getvalue())
    except OSError as error:
        raise ModelError(_("{path}: {reason}").format(path=target, reason=error.strerror)) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _source(model: ModelCard, cache: Path, get: Obtain, progress: Progress) -> dict[str, bytes]:
    here = store.folder(model, cache)
    try:
        files = {file.path: (here / Path(file.path).name).read_bytes() for file in model.files}
        obtain.check(model, files, str(here))
    except (FileNotFoundError, ModelError):
        scratch_prefix = f".download-{model.name}-"
        for left in cache.glob(f"{scratch_prefix}*"):
            shutil.rmtree(left, ignore_errors=True)  # of somebody who was killed, and had all to themselves as we have
        with tempfile.TemporaryDirectory(dir=cache, prefix=scratch_prefix) as scratch:
            files = get(model, Path(scratch), progress)
        for path, content in files.items():
            store.write(here / Path(path).name, content)
    return files


def _build(model: ModelCard, cache: Path, files: dict[str, bytes], progress: Progress) -> dict[str, str]:
    graph_file, weights_file = (files[file.path] for file in model.files)
    graph = json.loads(graph_file)

    def convert(size: str) -> onnx.ModelProto:
        height, width = height_width_px(size)
        return to_onnx(graph, weights_file, height_px=height, width_px=width)

    progress(_("convert, compare with the publisher's own runtime"), 0.0)
    source_size = model.input.source_size
    if not _agrees(model, "fp32", source_size, convert(source_size).SerializeToString()):
        raise ModelError(_("model {name}: what was converted computes something else").format(name=model.name))
    made: dict[str, str] = {}
    for done, size in enumerate(model.input.sizes, start=1):
        progress(_("convert, quantise, verify"), done / (len(model.input.sizes) + 1))
        fp32 = convert(size)
        for precision, form in (("fp32", fp32), ("int8", to_int8(fp32, model.ranges))):
            content = form.SerializeToString()
            if _agrees(model, precision, size, content):
                path = store.folder(model, cache) / f"{precision}-{size}.onnx"
                store.write(path, content)
                made[path.name] = store.sha256(path)
            elif precision == "fp32":
                raise ModelError(
                    _("model {name} computes something else on this machine (size {size})").format(
                        name=model.name, size=size
                    )
                )
    progress(_("ready"), 1.0)
    return made


def _agrees(model: ModelCard, precision: str, size: str, content: bytes) -> bool:
    found = vectors.difference(vectors.outputs(content, size), vectors.stored(model, size))
    return vectors.agrees(model, precision, found)
