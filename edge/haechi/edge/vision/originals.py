"""Sealed originals on the gateway's disk: bounded, oldest out first, and a journal of every release.

Promise: only what is sealed already is ever written here. A folder holds at most so many bytes and days, those of a
camera that is configured no more as well. A file is whole or not there. A release is in the journal, on the disk,
before anything is handed out; each line of the journal holds the hash of the one before it, so that a line that was
changed, taken out or put in shows. A line that a power cut tore is named by a line of its own; nothing was handed out
for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
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
_DAYS = "days_max"
"""The file beside originals that says for how long they may be kept, should their camera be configured no more."""
_DAYS_UNKNOWN, _DAYS_MAX = 7.0, 366.0
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

    def __init__(self, folder: Path, *, bytes_max: float, days_max: float) -> None:
        """Nothing is made before the first original comes."""
        self._folder = folder
        self._bytes_max = bytes_max
        self._days_max = days_max

    @property
    def camera(self) -> str:
        """Whose they are."""
        return self._folder.name

    def keep(self, sealed: bytes, *, event: str, time_us: int, media_type: str, now_us: int) -> None:
        """Writes a sealed original, and lets go of what is too old or too much; one at a time in a folder.

        Raises:
            OSError: the disk refuses.
            ValueError: it alone is more than may be kept.
        """
        if len(sealed) > self._bytes_max:
            raise ValueError(_("an original of {size} bytes is more than originals.bytes_max").format(size=len(sealed)))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(self._folder)
        self.let_go(now_us, room_for=len(sealed))
        days = self._folder / _DAYS
        if not days.exists() or days.read_text(encoding="ascii") != str(self._days_max):
            days.write_text(str(self._days_max), encoding="ascii")
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
        held = listed(self._folder)
        total = sum(one.size for one in held) + room_for
        for one in held:
            if total > self._bytes_max or one.time_us < now_us - self._days_max * _DAY_US:
                one.path.unlink(missing_ok=True)
                total -= one.size


def let_go_everywhere(folder: Path, configured: Mapping[str, Originals], now_us: int) -> None:
    """Deletes what is too old in every camera's folder below one.

    Args:
        folder: holds a folder a camera; it need not be there.
        configured: those of cameras that keep originals; others go after as many days as they were kept under.
        now_us: wall clock.

    Raises:
        OSError: the disk refuses.
    """
    for camera in sorted(path for path in folder.glob("*") if path.is_dir()):
        if camera.name in configured:
            configured[camera.name].let_go(now_us)
            continue
        _tidy(camera)
        Originals(camera, bytes_max=float("inf"), days_max=_days_of(camera)).let_go(now_us)
        if not listed(camera):
            (camera / _DAYS).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody else's file is in it
                camera.rmdir()


def listed_everywhere(folder: Path) -> list[Original]:
    """The originals of all cameras below a folder, oldest first."""
    found = [one for camera in folder.glob("*") if camera.is_dir() for one in listed(camera)]
    return sorted(found, key=lambda one: one.time_us)


def _tidy(folder: Path) -> None:
    for left in folder.glob("*.new"):
        left.unlink(missing_ok=True)  # what a power cut left


def _days_of(folder: Path) -> float:
    try:
        days = float((folder / _DAYS).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _DAYS_UNKNOWN
    return days if 0 < days <= _DAYS_MAX else _DAYS_UNKNOWN


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
            content = file.read()
            there = _checked(content)
            lines = b"\n" if content and not content.endswith(b"\n") else b""
            number, proof = there.entries, there.proof
            for said in ([{"torn": _digest(there.torn_tail)}] if there.torn_tail else []) + [entry]:
                number += 1
                line: dict[str, Any] = {"number": number, "at": self._now().isoformat(), **said, "before": proof}
                proof = line["hash"] = _hash(line)
                lines += json.dumps(line, ensure_ascii=False).encode() + b"\n"
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        _sync(self._path.parent)
        return proof

    def verify(self) -> Checked:
        """What stands there; entries cut off at the end show only by their number and the hash of the last.

        Raises:
            JournalBroken: it was tampered with.
            OSError: it cannot be read.
        """
        return _checked(self._path.read_bytes() if self._path.exists() else b"")


class Checked(NamedTuple):
    """A journal in which nothing was changed."""

    entries: int
    torn: int
    """How often writing was cut short, as by a power cut; nothing was handed out for that."""
    proof: str
    """The hash of the last entry."""
    torn_tail: bytes
    """What was left at the end by the last time, which no entry names yet."""

    @property
    def releases(self) -> int:
        """How many entries are releases."""
        return self.entries - self.torn + bool(self.torn_tail)


def _checked(content: bytes) -> Checked:
    proof, entries, torn = _FIRST, 0, 0
    rubbish: list[bytes] = []
    for place, line in enumerate(content.removesuffix(b"\n").split(b"\n") if content else [], 1):
        entry = _entry(line)
        if entry is None:
            rubbish.append(line)
            continue
        if entry.get("torn") != (_digest(b"\n".join(rubbish)) if rubbish else None):
            raise JournalBroken(_("the journal was changed at line {number}").format(number=place - len(rubbish)))
        kept = entry.pop("hash", None)
        if entry.get("before") != proof or entry.get("number") != entries + 1 or kept != _hash(entry):
            raise JournalBroken(_("the journal was changed at line {number}").format(number=place))
        proof, entries, torn, rubbish = str(kept), entries + 1, torn + bool(rubbish), []
    return Checked(entries, torn + bool(rubbish), proof, b"\n".join(rubbish))


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _hash(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
