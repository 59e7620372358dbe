"""Opening an outbox: one agent at a time, a damaged file set aside, memory where no disk can be written.

Nothing here ends the agent but a second agent on the same folder: an alarm that only memory holds is better than none.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from haechi.edge.outbox import Opened, OutboxDamaged, OutboxFailed, OutboxLocked
from haechi.edge.outbox.damage import inherit, remove
from haechi.edge.outbox.schema import connect
from haechi.edge.outbox.shelter import Shelter
from haechi.edge.outbox.store import Store
from haechi.edge.outbox.wreck import read_tables
from haechi.text import _

FILE = "outbox.sqlite"
_LOCK = "lock"
_MEMORY_BYTES_MAX = 8 * 1024 * 1024
_SET_ASIDE_MAX = 2


class FolderLock:
    """Keeps other agents away from a folder."""

    def __init__(self, folder: Path) -> None:
        """Not taken yet."""
        self._folder = folder
        self._file: TextIO | None = None

    def take(self) -> None:
        """Take it, unless we have it.

        Raises:
            OutboxLocked: another agent has it.
            OSError: the folder cannot be used.
        """
        if self._file is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        file = (self._folder / _LOCK).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise OutboxLocked(
                _("{folder}: another agent is running with this data_dir; stop it first").format(folder=self._folder)
            ) from None
        self._file = file

    def close(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass(frozen=True)
class Opening:
    """An open store, the lock that keeps others away, and what was found."""

    store: Store
    lock: FolderLock
    opened: Opened


@dataclass(frozen=True)
class ShelteredOpening:
    """The same with a store that goes on without its disk."""

    store: Shelter
    lock: FolderLock
    opened: Opened


def open_store(
    folder: Path,
    bytes_max: int,
    now_us: Callable[[int], int],
    *,
    suspect: bool = False,
    random_bytes: Callable[[int], bytes] = os.urandom,
    lock: FolderLock | None = None,
) -> Opening:
    """Open the outbox of a folder and draw its epoch.

    Args:
        folder: made when it is not there.
        bytes_max: what the outbox may hold.
        now_us: gives the time, told the newest that the outbox knows.
        suspect: True has every page of the file checked first.
        random_bytes: where epochs come from.
        lock: that of the folder, where the caller has it already.

    Raises:
        OutboxLocked: another agent has it open.
        OutboxFailed: the disk refuses.
    """
    mine = lock or FolderLock(folder)
    try:
        mine.take()
        store, opened = _open_file(folder, bytes_max, now_us, suspect, random_bytes)
    except (OutboxFailed, OSError, sqlite3.OperationalError) as error:
        if lock is None:
            mine.close()
        raise OutboxFailed(_("{folder}: {reason}").format(folder=folder, reason=_reason(error))) from error
    return Opening(store, mine, opened)


def open_sheltered(
    folder: Path,
    bytes_max: int,
    now_us: Callable[[int], int],
    *,
    suspect: bool = False,
    random_bytes: Callable[[int], bytes] = os.urandom,
    now_s: Callable[[], float] = time.monotonic,
) -> ShelteredOpening:
    """Open the outbox of a folder; where its disk refuses, now or later, memory stands in for it.

    Raises:
        OutboxLocked: another agent has it open.
    """
    lock = FolderLock(folder)

    def open_disk() -> Opening:
        return open_store(folder, bytes_max, now_us, suspect=suspect, random_bytes=random_bytes, lock=lock)

    def shelter(disk: Store | None) -> Shelter:
        return Shelter(
            disk,
            lambda: open_disk().store,
            min(bytes_max, _MEMORY_BYTES_MAX),
            random_bytes=random_bytes,
            now_s=now_s,
        )

    try:
        opening = open_disk()
    except OutboxFailed as error:
        store = shelter(None)
        return ShelteredOpening(store, lock, store.begin(now_us(0), str(error)))
    return ShelteredOpening(shelter(opening.store), lock, opening.opened)


def _open_file(
    folder: Path,
    bytes_max: int,
    now_us: Callable[[int], int],
    suspect: bool,
    random_bytes: Callable[[int], bytes],
) -> tuple[Store, Opened]:
    path = folder / FILE
    set_aside = ""
    _keep_log(path)
    try:
        store = Store(_checked(path, suspect), bytes_max, random_bytes)
        opened = store.begin(now_us(store.newest_us()))
    except (OutboxDamaged, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        set_aside = _set_aside(path)
        database = connect(path)
        inherit(database, read_tables(path.with_name(set_aside)), set_aside, now_us(0))
        store = Store(database, bytes_max, random_bytes)
        opened = store.begin(now_us(store.newest_us()))
    _kept_log(path).unlink(missing_ok=True)
    return store, replace(opened, set_aside=set_aside)


def _checked(path: Path, suspect: bool) -> sqlite3.Connection:
    database = connect(path)
    if suspect:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            database.close()
            raise sqlite3.DatabaseError(verdict)
    return database


def _kept_log(path: Path) -> Path:
    return path.with_name(f"{FILE}-log")


def _keep_log(path: Path) -> None:
    """Hold the write-ahead log by a second name: SQLite deletes one that it cannot use, with all that is in it."""
    log, kept = path.with_name(f"{FILE}-wal"), _kept_log(path)
    with contextlib.suppress(OSError):
        if log.exists():
            kept.unlink(missing_ok=True)
            kept.hardlink_to(log)


def _set_aside(path: Path) -> str:
    """Rename a damaged file with its companions; keep only the newest few."""
    old = sorted(path.parent.glob(f"{FILE}.damaged-*[0-9]"))
    number = int(old[-1].name.rpartition("-")[2]) + 1 if old else 1
    target = path.with_name(f"{FILE}.damaged-{number:06d}")
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(FILE + suffix)
        if companion.exists():
            companion.rename(target.with_name(target.name + suffix))
        elif suffix == "-wal" and _kept_log(path).exists():
            _kept_log(path).rename(target.with_name(target.name + suffix))
    path.rename(target)
    for gone in old[: len(old) + 1 - _SET_ASIDE_MAX]:
        remove(gone)
    return target.name


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
