"""The journal of commands: what was begun, and what became of it; on the disk before anything is written to a device.

It lies in the outbox's file, which is the one whose writing is watched. What is finished is forgotten after an hour,
when no command of that time can still be valid; while there is no room, new commands are refused.
"""

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from haechi.contract.control import CommandResult
from haechi.contract.observations import Value
from haechi.edge.outbox.queue import Outbox
from haechi.text import _

ENTRIES_MAX = 512
_FORGOTTEN_AFTER_US = 3_600_000_000
_PREFIX = "command:"


class Entry(Struct, frozen=True, kw_only=True):
    """One command."""

    id: str
    device: str
    actuator: str
    value: Value
    by: str
    state: Literal["begun", "done", "refused", "expired", "unknown"]
    at_us: int
    detail: str = ""
    away: bool = False
    """True while the device may be in another state than its fail-safe one because of it."""

    def result(self) -> CommandResult:
        """Return what the cloud is told; of what is only begun, that nobody knows."""
        state = "unknown" if self.state == "begun" else self.state
        return CommandResult(id=self.id, state=state, at_us=self.at_us, detail=self.detail)


class JournalFull(Exception):  # noqa: N818 - reads as what it is
    """So many commands came within an hour that no other can be remembered."""


_entry = msgspec.json.Decoder(Entry)


class Journal:
    """The commands of one gateway."""

    def __init__(self, outbox: Outbox) -> None:
        """Keep them beside the parcels of ``outbox``."""
        self._outbox = outbox

    async def entries(self) -> list[Entry]:
        """Return every command that is remembered, oldest first.

        Raises:
            OutboxFailed: the disk is not read now.
        """
        return await self._outbox.within(_entries)

    async def put(self, entry: Entry) -> bool:
        """Put down a new command, durable when it returns; False when it is known already, and nothing was written.

        Raises:
            OutboxFailed: the disk refused.
            JournalFull: there is no room.
        """

        def write(database: sqlite3.Connection) -> bool:
            known = _entries(database)
            if any(one.id == entry.id for one in known):
                return False
            old = [one for one in known if one.at_us < entry.at_us - _FORGOTTEN_AFTER_US and not one.away]
            for one in old:
                database.execute("DELETE FROM meta WHERE key = ?", (_PREFIX + one.id,))
            if len(known) - len(old) >= ENTRIES_MAX:
                raise JournalFull(_("{count} commands within an hour").format(count=ENTRIES_MAX))
            _write(database, entry)
            return True

        return await self._outbox.within(write)

    async def finish(self, entries: Sequence[Entry]) -> None:
        """Write what became of commands.

        Raises:
            OutboxFailed: the disk refused; they stay begun, which the next start takes for unknown.
        """

        def write(database: sqlite3.Connection) -> None:
            for entry in entries:
                _write(database, entry)

        await self._outbox.within(write)

    async def is_safe(self, device: str, actuator: str) -> None:
        """Note that an actuator is in its fail-safe state again.

        Raises:
            OutboxFailed: the disk refused.
        """

        def write(database: sqlite3.Connection) -> None:
            for one in _entries(database):
                if one.away and (one.device, one.actuator) == (device, actuator):
                    _write(database, msgspec.structs.replace(one, away=False))

        await self._outbox.within(write)


def _entries(database: sqlite3.Connection) -> list[Entry]:
    rows = database.execute("SELECT value FROM meta WHERE key GLOB ?", (_PREFIX + "*",)).fetchall()
    return sorted((_entry.decode(row[0]) for row in rows), key=lambda one: one.at_us)


def _write(database: sqlite3.Connection, entry: Entry) -> None:
    content = msgspec.json.encode(entry).decode()
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_PREFIX + entry.id, content))
