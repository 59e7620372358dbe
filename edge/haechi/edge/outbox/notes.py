"""Small whole numbers that outlive a restart: what was spent of a link's budget, what the broker said of itself.

They are kept beside the parcels, so that a gateway has one file whose writing is watched.
"""

import logging
import sqlite3
from collections.abc import Mapping

from haechi.edge.outbox import OutboxDamaged, OutboxFailed
from haechi.edge.outbox.queue import Outbox

_log = logging.getLogger("haechi.edge.outbox")
_PREFIX = "note:"


async def read_notes(outbox: Outbox) -> dict[str, int]:
    """Return every note; none while memory stands in for the disk."""

    def read(database: sqlite3.Connection) -> dict[str, int]:
        rows = database.execute("SELECT key, value FROM meta WHERE key GLOB ?", (_PREFIX + "*",)).fetchall()
        return {key.removeprefix(_PREFIX): int(value) for key, value in rows}

    try:
        return await outbox.within(read)
    except OutboxDamaged:
        raise
    except OutboxFailed:
        return {}


async def write_notes(outbox: Outbox, notes: Mapping[str, int]) -> None:
    """Keep notes; a disk that refuses leaves the old ones."""

    def write(database: sqlite3.Connection) -> None:
        for key, value in notes.items():
            database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_PREFIX + key, value))

    try:
        await outbox.within(write)
    except OutboxDamaged:
        raise
    except OutboxFailed as error:
        _log.debug("notes are not kept: %s", error)
