"""Opening an outbox: one agent at a time, a damaged file set aside, memory where no disk can be written.

Nothing here ends the agent but a second agent on the same folder: an alarm that only memory holds is better than none.
"""

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from haechi.edge.outbox import Opened, OutboxDamaged, OutboxFailed, OutboxLocked
from haechi.edge.outbox.damage import inherit, remove
from haechi.edge.outbox.schema import connect
from haechi.edge.outbox.store import Store
from haechi.edge.outbox.wreck import read_tables
from haechi.text import _

FILE = "outbox.sqlite"
_LOCK = "lock"
_MEMORY_BYTES_MAX = 8 * 1024 * 1024
_SET_ASIDE_MAX = 2
_PROBE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opening:
    """An open store, the lock that keeps others away, and what was found."""

    store: Store
    lock: TextIO | None
    opened: Opened


def open_store(
    folder: Path,
    bytes_max: int,
    now_us: Callable[[int], int],
    *,
    suspect: bool = False,
    in_memory: str = "",
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Opening:
    """Open the outbox of a folder and draw its epoch.

    Args:
        folder: made when it is not there.
        bytes_max: what the outbox may hold.
        now_us: gives the time, told the newest that the outbox knows.
        suspect: True has every page of the file checked first.
        in_memory: a reason not to use the disk at all.
        random_bytes: where epochs come from.

    Raises:
        OutboxLocked: another agent has it open.
    """
    lock = None
    if not in_memory:
        try:
            lock = _lock(folder)
            return _open_file(folder, bytes_max, now_us, suspect, random_bytes, lock)
        except (OutboxFailed, OSError, sqlite3.OperationalError) as error:
            in_memory = _("{folder}: {reason}").format(folder=folder, reason=_reason(error))
    store = Store(connect(None), min(bytes_max, _MEMORY_BYTES_MAX), random_bytes)
    return Opening(store, lock, replace(store.begin(now_us(0)), in_memory=in_memory))


def can_write(folder: Path) -> bool:
    """Tell whether the disk of a folder takes an outbox (again); blocks while it tries."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError:
        return False
    return True


def _open_file(
    folder: Path,
    bytes_max: int,
    now_us: Callable[[int], int],
    suspect: bool,
    random_bytes: Callable[[int], bytes],
    lock: TextIO,
) -> Opening:
    path = folder / FILE
    set_aside = ""
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
    return Opening(store, lock, replace(opened, set_aside=set_aside))


def _checked(path: Path, suspect: bool) -> sqlite3.Connection:
    database = connect(path)
    if suspect:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            database.close()
            raise sqlite3.DatabaseError(verdict)
    return database


def _lock(folder: Path) -> TextIO:
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise OutboxLocked(
            _("{folder}: another agent is running with this data_dir; stop it first").format(folder=folder)
        ) from None
    return lock


def _set_aside(path: Path) -> str:
    """Rename a damaged file with its companions; keep only the newest few."""
    old = sorted(path.parent.glob(f"{FILE}.damaged-*[0-9]"))
    number = int(old[-1].name.rpartition("-")[2]) + 1 if old else 1
    target = path.with_name(f"{FILE}.damaged-{number:06d}")
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(FILE + suffix)
        if companion.exists():
            companion.rename(target.with_name(target.name + suffix))
    path.rename(target)
    for gone in old[: len(old) + 1 - _SET_ASIDE_MAX]:
        remove(gone)
    return target.name


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
