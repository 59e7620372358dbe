"""Small file systems that fill up, fail and become read-only, as an SD card does. Needs root; says so where it is not.

Promise: what is mounted is unmounted in the end, whatever happened in between.
"""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_FILLER = "filler"


class NeedsRoot(Exception):  # noqa: N818 - reads as what it is
    """Only root may mount; run it as root, or leave it out."""


@contextlib.contextmanager
def memory_disk(where: Path, size: int) -> Iterator[Path]:
    """Mount a file system of so many bytes, empty."""
    with _mounted(where, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield where


def make_card(image: Path, *options: str) -> None:
    """Make an ext4 file system in ``image``: 64 MB large, and only as full as it is used.

    Args:
        image: its file; what cannot be written there is an I/O error on the card.
        options: of mkfs.ext4.
    """
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    _run("mkfs.ext4", "-q", "-F", *options, str(image))


@contextlib.contextmanager
def inserted(where: Path, image: Path) -> Iterator[None]:
    """Mount a card."""
    with _mounted(where, "-o", "loop,errors=continue", str(image)):
        yield


def repair(image: Path) -> None:
    """Check a card that is not mounted and mend it, as a boot does."""
    subprocess.run(["e2fsck", "-fy", str(image)], capture_output=True, check=False)


def abort(where: Path) -> None:
    """Let the kernel give a card up: read-only from now on, as after an error of its journal."""
    _run("mount", "-o", "remount,abort", str(where))


def fill(where: Path) -> None:
    """Leave no byte free."""
    with (where / _FILLER).open("wb", buffering=0) as file:
        for size in (64 * 1024, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def clear(where: Path) -> None:
    """Give the room back."""
    (where / _FILLER).unlink()


@contextlib.contextmanager
def _mounted(where: Path, *words: str) -> Iterator[None]:
    if os.geteuid() != 0:
        raise NeedsRoot("only root may mount the file systems of this scenario")
    where.mkdir(parents=True, exist_ok=True)
    _run("mount", *words, str(where))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)
