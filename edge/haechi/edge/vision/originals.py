"""Sealed originals on the gateway's disk: bounded, oldest out first, and a journal of every release.

Promise: only what is sealed already is ever written here. A folder holds at most so many bytes and days. A file is
whole or not there. A release is in the journal, on the disk, before anything is handed out; each line of the journal
holds the hash of the one before it, so that a line that was changed, taken out or put in shows.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from haechi.text import _

FOLDER = "originals"
"""Below the gateway's data folder; a folder a camera."""
_SUFFIX = ".sealed"
_NAME = re.compile(r"(\d{1,20})_([A-Za-z0-9_-]{8,64})\.(jpg|mp4)\.sealed")
_KINDS = {"image/jpeg": "jpg", "video/mp4": "mp4"}
_DAY_US = 86_400_000_000
_FIRST = "0" * 64


class JournalBroken(Exception):  # noqa: N818 - reads as what it is
    """The journal is not what was written; the text says from which line on."""


class Original(NamedTuple):
    """One sealed file."""

    path: Path
    camera: str
    event: str
    time_us: int
    kind: str
    """``jpg`` or ``mp4``."""
    size: int


class Originals:
    """The originals of one camera. Methods block."""

    def __init__(self, folder: Path, *, bytes_max: int, days_max: float) -> None:
        """Nothing is made before the first original comes."""
        self._folder = folder
        self._bytes_max = bytes_max
        self._days_max = days_max

    def keep(self, sealed: bytes, *, event: str, time_us: int, media_type: str, now_us: int) -> None:
        """Writes a sealed original, and lets go of what is too old or too much.

        Raises:
            OSError: the disk refuses.
            ValueError: it alone is more than may be kept.
        """
        if len(sealed) > self._bytes_max:
            raise ValueError(_("an original of {size} bytes is more than originals.bytes_max").format(size=len(sealed)))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.let_go(now_us, room_for=len(sealed))
        path = self._folder / f"{time_us}_{event}.{_KINDS[media_type]}{_SUFFIX}"
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        _sync(self._folder)

    def let_go(self, now_us: int, *, room_for: int = 0) -> None:
        """Deletes what is too old, then the oldest until there is room."""
        for left in self._folder.glob("*.new"):
            left.unlink(missing_ok=True)  # what a power cut left
        held = listed(self._folder)
        total = sum(one.size for one in held) + room_for
        for one in held:
            if total > self._bytes_max or one.time_us < now_us - self._days_max * _DAY_US:
                one.path.unlink(missing_ok=True)
                total -= one.size


def listed(folder: Path) -> list[Original]:
    """The originals in a camera's folder, oldest first."""
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        match = _NAME.fullmatch(path.name)
        with contextlib.suppress(FileNotFoundError):  # it was let go of meanwhile
            if match is not None:
                size = path.stat().st_size
                found.append(Original(path, folder.name, match[2], int(match[1]), match[3], size))
    return sorted(found, key=lambda one: one.time_us)


class Journal:
    """Who was given what, when and why: lines of JSON, each with the hash of the one before."""

    def __init__(self, path: Path, *, now: Callable[[], datetime]) -> None:
        """Nothing is made before the first entry."""
        self._path = path
        self._now = now

    def note(self, **entry: str) -> str:
        """Appends an entry and returns its hash; on the disk when this returns.

        Raises:
            JournalBroken: what stands there was tampered with; nothing is appended.
            OSError: the disk refuses.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            number, before = _checked(file.read())
            said: dict[str, Any] = {"number": number + 1, "at": self._now().isoformat(), **entry, "before": before}
            said["hash"] = _hash(said)
            file.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync(self._path.parent)
        return str(said["hash"])

    def verify(self) -> tuple[int, str]:
        """How many entries there are, and the hash of the last; entries cut off at the end show only by these two.

        Raises:
            JournalBroken: it was tampered with.
            OSError: it cannot be read.
        """
        return _checked(self._path.read_bytes()) if self._path.exists() else (0, _FIRST)


def _checked(content: bytes) -> tuple[int, str]:
    before, number = _FIRST, 0
    for number, said in enumerate(_entries(content), 1):
        if said is None or said.get("before") != before or said.get("number") != number:
            raise JournalBroken(_("the journal was changed at line {number}").format(number=number))
        kept = said.pop("hash", None)
        if kept != _hash(said):
            raise JournalBroken(_("the journal was changed at line {number}").format(number=number))
        before = str(kept)
    return number, before


def _entries(content: bytes) -> Iterator[dict[str, Any] | None]:
    for line in content.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        yield said if isinstance(said, dict) else None


def _hash(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
