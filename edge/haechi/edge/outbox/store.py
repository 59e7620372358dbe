"""The outbox's SQLite table: synchronous, one thread at a time.

Every method that writes is one transaction, durable when it returns (WAL, ``synchronous=FULL``). A parcel's checksum
is that of its envelope; it is verified whenever a parcel is read, and one that does not fit becomes a loss record.
"""

import os
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from haechi.contract import NotAParcel
from haechi.contract.codec import VERSION
from haechi.contract.control import EPOCHS_MAX, HeldEpoch
from haechi.contract.envelope import unwrap, wrap
from haechi.contract.events import Event, Phase
from haechi.contract.parcel import LossCause, LossRecord, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Epoch, Figures, Held, Opened, OutboxDamaged, OutboxFailed, Rank
from haechi.edge.outbox.adoption import OLD_MAX, Named
from haechi.edge.outbox.epochs import RECENT, draw_epoch
from haechi.edge.outbox.eviction import (
    EVICTED,
    GAPS,
    LOST,
    LOST_OBSERVATIONS,
    ROW_BYTES,
    lose,
    make_room,
    put_down,
    untold,
)
from haechi.text import _

_FINISHED_LISTED = 8
_CURSOR = "cursor:"
_event = msgspec.msgpack.Decoder(Event)
Answer = TypeVar("Answer")


class Store:
    """One open outbox."""

    def __init__(
        self,
        database: sqlite3.Connection,
        bytes_max: int,
        random_bytes: Callable[[int], bytes] = os.urandom,
        cause: LossCause = LossCause.QUOTA,
    ) -> None:
        """Take over an open database; :meth:`begin` must follow before anything is committed.

        ``cause``: what is to blame when there is no room.
        """
        self._database = database
        self._cause = cause
        self._bytes_max = bytes_max
        self._random_bytes = random_bytes
        self._n = 0
        self.epoch = Epoch(b"", 0, 0)
        self.moves = 0
        """A store on one disk never moves."""
        self.trouble = ""

    def newest_us(self) -> int:
        """Return the newest time that the outbox knows; 0 when it is new."""
        with _answering_for_the_disk():
            return int(self._one("SELECT coalesce(max(last_us), 0) FROM epochs"))

    def begin(self, now_us: int) -> Opened:
        """Draw this opening's epoch; put down the gap of an unclean stop."""
        with self._transaction():
            newest_us = int(self._one("SELECT coalesce(max(last_us), 0) FROM epochs"))
            unclean = None
            if self._one("SELECT value FROM meta WHERE key = 'running'"):
                unclean = LossRecord(
                    id=uuid.uuid4().hex,
                    cause=LossCause.UNCLEAN_STOP,
                    ranges=(),
                    first_us=newest_us,
                    last_us=max(now_us, newest_us),
                )
                put_down(self._database, unclean)
            self._database.execute("UPDATE meta SET value = 1 WHERE key = 'running'")
            self._draw(now_us)
        return Opened(newest_us, unclean)

    def new_epoch(self, now_us: int, above: int = 0) -> Epoch:
        """Draw an epoch for what is committed from here on, of an order higher than ``above``."""
        with self._transaction():
            self._draw(now_us, above)
        return self.epoch

    def tend(self, _now_us: int) -> bool:
        """Nothing to tend: what cannot be written is said by who wanted it written."""
        return False

    def commit(self, batch: Batch, now_us: int) -> list[ParcelName]:
        """Name the drafts and write everything, or nothing."""
        names: list[ParcelName] = []
        with self._transaction():
            for event in batch.stated:
                self._remember(event)
            for loss in batch.losses_told:
                self._database.execute("DELETE FROM losses WHERE id = ?", (loss,))
            next_seq = self._one("SELECT next_seq FROM epochs WHERE n = ?", self._n)
            for seq, draft in enumerate(batch.drafts, start=next_seq):
                name = ParcelName(self.epoch.epoch, seq)
                parcel = wrap(name, VERSION, draft.body)
                cursor = self._database.execute(
                    "INSERT INTO parcels (n, seq, rank, size, keeps, committed_at_us, observations, events, first_us,"
                    " last_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(self._n, seq, draft.rank, len(parcel), draft.keeps, now_us),
                        *(draft.observations, draft.events, draft.first_us, draft.last_us),
                    ),
                )
                self._database.execute("INSERT INTO bodies VALUES (?, ?)", (cursor.lastrowid, parcel))
                self._count(draft.rank, 0, 1, len(parcel))
                names.append(name)
            self._add_up(batch)
            put_cursors(self._database, batch.cursors)
            self._database.execute(
                "UPDATE epochs SET next_seq = next_seq + ?, last_us = max(last_us, ?) WHERE n = ?",
                (len(batch.drafts), now_us, self._n),
            )
            make_room(self._database, self._bytes_max, self._cause)
        return names

    def within(self, work: Callable[[sqlite3.Connection], Answer], *, new_epoch_at_us: int | None = None) -> Answer:
        """Do something in one transaction, with a new epoch at its end if wanted; the quota holds after it."""
        with self._transaction():
            answer = work(self._database)
            make_room(self._database, self._bytes_max, self._cause)
            if new_epoch_at_us is not None:
                self._draw(new_epoch_at_us)
        return answer

    def named(self, count_max: int) -> Iterator[Named]:
        """Yield what is not settled, with its content, oldest first."""
        with _answering_for_the_disk():
            for row in self._database.execute(
                "SELECT epochs.epoch, seq, ord, number, rank, bytes, keeps, committed_at_us, observations, events,"
                " first_us, parcels.last_us FROM parcels JOIN epochs ON epochs.n = parcels.n"
                " JOIN bodies ON bodies.id = parcels.id WHERE settled = 0 ORDER BY parcels.id LIMIT ?",
                (count_max,),
            ):
                epoch, seq, order, number, rank, parcel, keeps, *rest = row
                yield Named(ParcelName(epoch, seq), order, number, Rank(rank), parcel, bool(keeps), *rest)

    def waiting(self, rank: Rank, after: int, before: int | None, count_max: int) -> list[Held]:
        """Return parcels that are not settled, oldest first, with ``after < id < before``."""
        with _answering_for_the_disk():
            rows = self._database.execute(
                "SELECT id, epochs.epoch, seq, size, committed_at_us FROM parcels JOIN epochs ON epochs.n = parcels.n"
                " WHERE settled = 0 AND rank = ? AND id > ? AND id < ? ORDER BY id LIMIT ?",
                (rank, after, 2**63 - 1 if before is None else before, count_max),
            ).fetchall()
        return [
            Held(parcel, ParcelName(epoch, seq), rank, size, committed_at_us)
            for parcel, epoch, seq, size, committed_at_us in rows
        ]

    def first_since(self, time_us: int) -> int:
        """Return the id from which on parcels were committed at ``time_us`` or later; a little low is possible."""
        with _answering_for_the_disk():
            low, high = 0, int(self._one("SELECT coalesce(max(id), 0) FROM parcels")) + 1
            while low < high:
                middle = (low + high) // 2
                row = self._database.execute(
                    "SELECT committed_at_us FROM parcels WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
                ).fetchone()
                low, high = (middle + 1, high) if row is not None and row[0] < time_us else (low, middle)
            return low

    def read(self, parcel: int) -> bytes | None:
        """Return a parcel with its envelope; None when it is gone, or damaged (then it is put down as lost)."""
        with _answering_for_the_disk():
            row = self._database.execute("SELECT bytes FROM bodies WHERE id = ?", (parcel,)).fetchone()
        if row is None:
            return None
        content: bytes = row[0]
        try:
            unwrap(content)
        except NotAParcel:
            with self._transaction():
                lose(self._database, parcel, LossCause.CORRUPT)
            return None
        return content

    def settle(self, epoch: bytes, settled: RangeSet) -> int:
        """Mark what the cloud has settled; return how many parcels that frees."""
        freed = 0
        with self._transaction():
            row = self._database.execute("SELECT n FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
            if row is None:
                return 0
            lowest = self._one("SELECT coalesce(min(seq), 0) FROM parcels WHERE n = ? AND settled = 0", row[0])
            for first, last in settled.at_or_after(lowest).ranges if lowest else ():
                freed += self._mark(row[0], first, last, settled=True)
        return freed

    def unsettle(self, epoch: bytes, lacked: RangeSet) -> int:
        """Take back what the cloud has not any more; return how many parcels are still kept and wait again."""
        with self._transaction():
            row = self._database.execute("SELECT n FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
            return sum(self._mark(row[0], first, last, settled=False) for first, last in lacked.ranges) if row else 0

    def held_epochs(self) -> tuple[HeldEpoch, ...]:
        """Return the epochs that the outbox still holds something of, oldest first, the current one last.

        The few before the current one are listed in any case, and all between two that are: so the cloud learns how
        far they went, and asks for what is still kept of them when it was restored to an older day.
        """
        with _answering_for_the_disk():
            rows = self._database.execute(
                "WITH every AS (SELECT n, epoch, ord, next_seq,"
                "  (SELECT min(seq) FROM parcels WHERE parcels.n = epochs.n AND settled = 0) AS lowest,"
                "  n < ?3 AND EXISTS (SELECT 1 FROM meta WHERE key GLOB 'salvage:*' AND value > 0) AS salvaged"
                "  FROM epochs),"
                " oldest AS (SELECT min(n) AS n FROM every WHERE lowest IS NOT NULL)"
                " SELECT epoch, ord, next_seq, lowest, salvaged FROM every"
                " WHERE n >= min(?1 - ?4, coalesce((SELECT n FROM oldest), ?1)) OR salvaged"
                " ORDER BY n DESC LIMIT ?2",
                (self._n, EPOCHS_MAX, OLD_MAX, _FINISHED_LISTED),
            ).fetchall()
        # What a damaged file may still give back counts as held.
        return tuple(
            HeldEpoch(epoch=epoch.hex(), order=order, lowest=1 if salvaged else lowest or next_seq, next=next_seq)
            for epoch, order, next_seq, lowest, salvaged in reversed(rows)
        )

    def conditions(self) -> list[Event]:
        """Return, for every condition that is active, the event that last stated it."""
        with _answering_for_the_disk():
            rows = self._database.execute("SELECT event FROM conditions ORDER BY condition").fetchall()
        return [_event.decode(row[0]) for row in rows]

    def cursors(self) -> dict[str, str]:
        """Return, by device, where to read on in its memory."""
        with _answering_for_the_disk():
            rows = self._database.execute("SELECT key, value FROM meta WHERE key GLOB ?", (_CURSOR + "*",)).fetchall()
        return {key.removeprefix(_CURSOR): str(value) for key, value in rows}

    def losses(self) -> list[LossRecord]:
        """Return the loss records that do not travel yet."""
        with _answering_for_the_disk():
            return untold(self._database)

    def figures(self) -> Figures:
        """Return how full it is."""
        with _answering_for_the_disk():
            return figures_of(self._database, self._bytes_max)

    def close(self, *, clean: bool = True) -> None:
        """Close for good; unless ``clean``, the next opening reports a gap.

        Raises:
            OutboxFailed: the disk refused the note; the database is closed all the same.
        """
        try:
            with self._transaction():
                self._database.execute("UPDATE meta SET value = ? WHERE key = 'running'", (not clean,))
        finally:
            self._database.close()

    def _draw(self, now_us: int, above: int = 0) -> None:
        recent = self._database.execute("SELECT ord, number FROM epochs ORDER BY n DESC LIMIT ?", (RECENT,)).fetchall()
        above = max(above, recent[0][0] if recent else 0)
        self.epoch = draw_epoch(above, (row[1] for row in recent), now_us, self._random_bytes)
        cursor = self._database.execute(
            "INSERT INTO epochs (epoch, ord, number, next_seq, last_us) VALUES (?, ?, ?, 1, ?)",
            (self.epoch.epoch, self.epoch.order, self.epoch.number, now_us),
        )
        self._n = int(cursor.lastrowid or 0)
        self._database.execute(
            # An epoch's n rises with its parcels' ids, so the oldest parcel tells which epochs are still needed.
            # That does not hold for what came out of a damaged file.
            "DELETE FROM epochs WHERE n < min(?1, coalesce((SELECT n FROM parcels ORDER BY id LIMIT 1), ?1))"
            " AND (n > ?2 OR n NOT IN (SELECT n FROM parcels WHERE id <= ?2))"
            " AND NOT (n <= ?2 AND EXISTS (SELECT 1 FROM meta WHERE key GLOB 'salvage:*' AND value > 0))",
            (self._n - RECENT, OLD_MAX),
        )

    def _remember(self, event: Event) -> None:
        if event.phase is Phase.CLEARED:
            self._database.execute("DELETE FROM conditions WHERE condition = ?", (event.condition,))
        elif event.condition:
            self._database.execute(
                "INSERT INTO conditions VALUES (?, ?) ON CONFLICT (condition) DO UPDATE SET event = excluded.event",
                (event.condition, msgspec.msgpack.encode(event)),
            )

    def _mark(self, n: int, first: int, last: int, *, settled: bool) -> int:
        """Mark a range of an epoch's parcels as settled or as waiting; return how many were the other way before."""
        parcels: Counter[int] = Counter()
        sizes: Counter[int] = Counter()
        for rank, size in self._database.execute(
            "UPDATE parcels SET settled = ?1 WHERE n = ?2 AND seq BETWEEN ?3 AND ?4 AND settled = NOT ?1"
            " RETURNING rank, size",
            (settled, n, first, last),
        ):
            parcels[rank] += 1
            sizes[rank] += size
        for rank, count in parcels.items():
            self._count(rank, not settled, -count, -sizes[rank])
            self._count(rank, settled, count, sizes[rank])
        return parcels.total()

    def _count(self, rank: int, settled: int, parcels: int, size: int) -> None:
        self._database.execute(
            "UPDATE totals SET parcels = parcels + ?, bytes = bytes + ? WHERE rank = ? AND settled = ?",
            (parcels, size, rank, settled),
        )

    def _add_up(self, batch: Batch) -> None:
        for key, count in (
            ("observations_committed", sum(draft.observations for draft in batch.drafts)),
            ("events_committed", sum(draft.events for draft in batch.drafts)),
        ):
            if count:
                self._database.execute("UPDATE meta SET value = value + ? WHERE key = ?", (count, key))

    def _one(self, question: str, *values: object) -> int:
        (answer,) = self._database.execute(question, values).fetchone()
        return int(answer)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        n, epoch = self._n, self.epoch
        with _answering_for_the_disk():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                # An epoch that was drawn in vain names nothing.
                self._n, self.epoch = n, epoch
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def put_cursors(database: sqlite3.Connection, cursors: Iterable[tuple[str, str]]) -> None:
    """Remember where to read on in the memory of devices; runs inside a transaction."""
    for device, cursor in cursors:
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_CURSOR + device, cursor))


def figures_of(database: sqlite3.Connection, bytes_max: int) -> Figures:
    """Return how full an outbox is; reads a handful of rows."""
    parcels, size, everything = database.execute(
        "SELECT sum(parcels) FILTER (WHERE settled = 0), sum(bytes) FILTER (WHERE settled = 0),"
        " sum(bytes) + ? * sum(parcels) FROM totals",
        (ROW_BYTES,),
    ).fetchone()
    oldest: Sequence[int | None] = [
        database.execute(
            "SELECT committed_at_us FROM parcels WHERE settled = 0 AND rank = ? ORDER BY id LIMIT 1", (rank,)
        ).fetchone()
        for rank in Rank
    ]
    committed = dict(database.execute("SELECT key, value FROM meta").fetchall())
    return Figures(
        parcels=parcels,
        bytes=size,
        bytes_kept=everything,
        bytes_max=bytes_max,
        oldest_us=min((row[0] for row in oldest if row is not None), default=None),  # type: ignore[index]
        observations_committed=committed["observations_committed"],
        events_committed=committed["events_committed"],
        parcels_evicted=committed.get(EVICTED, 0),
        parcels_lost=_by_cause(committed, LOST),
        observations_lost=_by_cause(committed, LOST_OBSERVATIONS),
        gaps=committed.get(GAPS, 0),
    )


def _by_cause(totals: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {key.removeprefix(prefix): count for key, count in totals.items() if key.startswith(prefix)}


@contextmanager
def _answering_for_the_disk() -> Iterator[None]:
    """Turn the database's errors into ours; each says what the caller does next."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OutboxFailed(_("the disk of the outbox refused: {reason}").format(reason=error)) from error
    except sqlite3.DatabaseError as error:
        raise OutboxDamaged(_("the outbox is damaged: {reason}").format(reason=error)) from error
