"""What of a folder of SQLite files survives.

A kill leaves what was written. A power cut leaves what was synced, and of what was not, any part: single sectors old,
new or garbage. SQLite with a WAL and ``synchronous=FULL`` syncs the log at every commit and the database at the end of
every checkpoint, before the log begins anew. So while a transaction runs, either its frames in the log are not synced
yet (and the database is untouched), or the log is synced and a checkpoint is on its way into the database.
"""

import random
import shutil
from collections.abc import Collection
from pathlib import Path

SECTOR_BYTES = 512
_DATABASES, _LOG = "*.sqlite", "-wal"

Image = dict[str, bytes]
"""File name → content."""


def take(folder: Path) -> Image:
    """Return the files of the databases in a folder; the index of a log is built anew from the log."""
    return {
        path.name: path.read_bytes()
        for database in sorted(folder.glob(_DATABASES))
        for path in (database, database.with_name(database.name + _LOG))
        if path.exists()
    }


def lay(image: Image, folder: Path) -> None:
    """Write an image into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in image.items():
        (folder / name).write_bytes(content)


def only(image: Image, databases: Collection[str]) -> Image:
    """Return the part of an image that belongs to some databases."""
    return {name: content for name, content in image.items() if name.removesuffix(_LOG) in databases}


def without(image: Image, databases: Collection[str]) -> Image:
    """Return the part of an image that belongs to no such database."""
    return {name: content for name, content in image.items() if name.removesuffix(_LOG) not in databases}


def torn(before: Image, after: Image, chance: random.Random) -> Image:
    """Return what a power cut leaves in the middle of a step from one image to another, the first wholly synced."""
    left: Image = dict(before)
    for name in sorted(name for name in {*before, *after} if not name.endswith(_LOG)):
        log = name + _LOG
        old, new = before.get(name, b""), after.get(name, b"")
        old_log, new_log = before.get(log, b""), after.get(log, b"")
        if old_log and not new_log:
            # Closing empties the log only after the database is synced: all of it or nothing.
            left[name], left[log] = chance.choice(((old, old_log), (new, new_log)))
        elif new and not old:
            # A database is made under a rollback journal, before there is a log: its first page is there or is not.
            left[name], left[log] = chance.choice(((old, old_log), (new, new_log)))
        elif old != new and chance.random() < 0.5:
            left[name], left[log] = _mixed(old, new, chance), new_log
        else:
            left[log] = _mixed(old_log, new_log, chance)
    return left


def _mixed(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """Return sectors of both, and garbage where nothing was before: what is written damages nothing beside it."""
    if old == new:
        return old
    arrived = chance.choice((0.0, 0.5, 0.9, 1.0))
    parts: list[bytes] = []
    for start in range(0, max(len(old), len(new)), SECTOR_BYTES):
        was, is_now = old[start : start + SECTOR_BYTES], new[start : start + SECTOR_BYTES]
        if was == is_now or chance.random() < arrived:
            parts.append(is_now)
        elif is_now.startswith(was) and chance.random() < 0.5:
            parts.append(was + chance.randbytes(len(is_now) - len(was)))
        else:
            parts.append(was.ljust(len(is_now), b"\0"))
    return b"".join(parts)
