"""Looking at an outbox from another process, while its agent runs or not; changes nothing.

It also answers how long the room lasts at the present rate, and how much room a rate needs.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from haechi.edge.outbox import Figures, OutboxFailed
from haechi.edge.outbox.damage import DAMAGED
from haechi.edge.outbox.eviction import ROW_BYTES
from haechi.edge.outbox.opening import FILE
from haechi.edge.outbox.store import figures_of
from haechi.text import _

ASSUMED_BYTES_PER_VALUE = 8.0
"""Nothing measured: a value with a time of its own, as serial gauges send it; blocks of registers need half."""
PARCEL_BYTES = ROW_BYTES + 200
"""What a parcel costs beside its values: its rows, its envelope, the names of its datastreams packed."""
_LOOK_BACK = 2_000
_SPAN_S_MIN = 10.0


@dataclass(frozen=True)
class Pace:
    """What was committed lately."""

    bytes_per_s: float
    bytes_per_value: float | None
    """Disk bytes for one observation, everything included; None when there were none."""
    span_s: float
    """Over which time that was measured."""


@dataclass(frozen=True)
class Room:
    """An outbox, how fast it fills, and how long it lasts if nothing is acknowledged from now on."""

    figures: Figures
    pace: Pace | None
    """None until enough was committed to tell."""
    bytes_left: int
    """What can still be committed before anything is lost; what was acknowledged makes room."""
    hours_left: float | None
    newest_us: int
    """When something was last committed; stands still where no agent runs."""
    set_aside: tuple[str, ...]
    """Names of damaged files that are still there."""


def look(folder: Path, bytes_max: int) -> Figures:
    """Return how full the outbox of a folder is.

    Raises:
        OutboxFailed: there is none, or it cannot be read.
    """
    return look_at_room(folder, bytes_max).figures


def look_at_room(folder: Path, bytes_max: int) -> Room:
    """Return how full the outbox of a folder is, and how long it lasts.

    Raises:
        OutboxFailed: there is none, or it cannot be read.
    """
    path = folder / FILE
    try:
        with closing(_opened(path)) as database:
            figures, pace = figures_of(database, bytes_max), _pace(database)
            (newest_us,) = database.execute("SELECT coalesce(max(last_us), 0) FROM epochs").fetchone()
        on_disk = room_on_disk(folder)
        set_aside = tuple(sorted(file.name for file in folder.glob(f"{DAMAGED}*[0-9]")))
    except (sqlite3.Error, OSError) as error:
        raise OutboxFailed(f"{path}: {_why(path, error)}") from error
    left = max(0, min(bytes_max, on_disk) - figures.bytes - ROW_BYTES * figures.parcels)
    hours = left / pace.bytes_per_s / 3600 if pace is not None and pace.bytes_per_s else None
    return Room(figures, pace, left, hours, newest_us, set_aside)


def room_on_disk(folder: Path) -> int:
    """Return how large an outbox in a folder can grow, the file that is there included.

    Raises:
        OSError: the folder may not be looked into.
    """
    disk = os.statvfs(next(path for path in (folder, *folder.absolute().parents) if path.exists()))
    file = folder / FILE
    return disk.f_bavail * disk.f_frsize + (file.stat().st_size if file.exists() else 0)


def bytes_needed(rate_per_s: float, hours: float, bytes_per_value: float, parcels_per_s: float) -> int:
    """Return what an outbox must hold to keep ``hours`` of ``rate_per_s`` values without being acknowledged."""
    return round(3600 * hours * (rate_per_s * bytes_per_value + parcels_per_s * PARCEL_BYTES))


def _opened(path: Path) -> sqlite3.Connection:
    """Open a database that somebody else may be writing, or nobody."""
    path.stat()
    # Without a log nobody has it open; SQLite would want to begin one, which takes the right to write.
    alone = "" if path.with_name(f"{FILE}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=5.0)


def _why(path: Path, error: Exception) -> str:
    """Say what keeps an outbox from being read, and what to do."""
    if isinstance(error, FileNotFoundError):
        return _("there is no outbox; has the agent run yet?")
    log = path.with_name(f"{FILE}-wal")
    if isinstance(error, PermissionError) or not all(os.access(file, os.R_OK) for file in (path, log) if file.exists()):
        return _("this user may not read it; try with sudo, or as the user that the agent runs as")
    if isinstance(error, sqlite3.OperationalError) and "no such" in str(error):
        return _("is empty or no outbox of this version; starting the agent makes it one")
    if isinstance(error, sqlite3.OperationalError | OSError):
        return _("cannot be read: {reason}").format(reason=error)
    return _("is damaged and cannot be read ({reason}); restart the agent: it sends what is still whole in it").format(
        reason=error
    )


def _pace(database: sqlite3.Connection) -> Pace | None:
    count, size, first_us, last_us, values, value_bytes = database.execute(
        "SELECT count(*), sum(size), min(committed_at_us), max(committed_at_us), sum(observations),"
        " sum(size) FILTER (WHERE observations > 0)"
        " FROM (SELECT size, committed_at_us, observations FROM parcels ORDER BY id DESC LIMIT ?)",
        (_LOOK_BACK,),
    ).fetchone()
    if not count or last_us - first_us < _SPAN_S_MIN * 1e6:
        return None
    span_s = (last_us - first_us) / 1e6
    return Pace((size + ROW_BYTES * count) / span_s, value_bytes / values if values else None, span_s)
