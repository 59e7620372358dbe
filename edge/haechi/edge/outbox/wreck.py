"""Reading a damaged outbox file: what its tables still say, and every parcel whose bytes are whole.

Parcels are looked for in the pages themselves, by the magic of their envelopes, and followed through the pages that
continue them (SQLite file format, sections 1.6 "B-tree Pages" and 1.7 "Cell Payload Overflow Pages"); the checksum of
the envelope decides. So a header that is gone, a torn page, a missing tail cost what they hit and nothing else. Pages
that the write-ahead log holds are looked at as well (section 4.1 "WAL File Format"). One page is in memory at a time.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from haechi.contract import NotAParcel
from haechi.contract.envelope import MAGIC, OVERHEAD_BYTES, unwrap
from haechi.contract.events import Event
from haechi.contract.parcel import PARCEL_BYTES_MAX, LossRecord
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox.schema import PAGE_BYTES

_LENGTH_AT = OVERHEAD_BYTES - 8
_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_FRAMES_MAX = 1_000_000
_EPOCHS_MAX = 10_000
_RANGES_MAX = 100_000
_event = msgspec.msgpack.Decoder(Event)
_loss = msgspec.msgpack.Decoder(LossRecord)
Page = Callable[[int], bytes]
Content = TypeVar("Content", Event, LossRecord)


@dataclass(frozen=True, slots=True)
class LostEpoch:
    """An epoch of the damaged file."""

    n: int
    epoch: bytes
    order: int
    number: int
    next_seq: int
    last_us: int


@dataclass(frozen=True)
class Remains:
    """What the tables of a damaged file still say; what cannot be read is empty."""

    epochs: tuple[LostEpoch, ...] = ()
    waiting: dict[bytes, RangeSet] | None = None
    """What was not settled, by epoch; None when that cannot be told."""
    conditions: tuple[Event, ...] = ()
    losses: tuple[LossRecord, ...] = ()
    counters: tuple[tuple[str, int], ...] = ()


def read_tables(path: Path) -> Remains:
    """Return what the tables of a damaged file say; blocks for a while when it is large."""
    try:
        # Read-only: closing a database that may be written would delete the log of what it takes for an empty one.
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error:
        return Remains()
    try:
        epochs = tuple(
            LostEpoch(*row)
            for row in _rows(database, "SELECT n, epoch, ord, number, next_seq, last_us FROM epochs", _EPOCHS_MAX)
            if isinstance(row[1], bytes) and len(row[1]) == 16 and all(isinstance(row[at], int) for at in (2, 3, 4, 5))
        )
        return Remains(
            epochs=epochs,
            waiting=_waiting(database, epochs),
            conditions=tuple(_decoded(database, "SELECT event FROM conditions", _event)),
            losses=tuple(_decoded(database, "SELECT record FROM losses", _loss)),
            counters=tuple(
                (key, value)
                for key, value in _rows(database, "SELECT key, value FROM meta", 1000)
                if isinstance(value, int) and isinstance(key, str)
            ),
        )
    finally:
        database.close()


class Wreck:
    """The pages of a damaged file and of its write-ahead log."""

    def __init__(self, path: Path) -> None:
        """Open the files.

        Raises:
            OSError: the file is gone.
        """
        self._file = path.open("rb")
        self._wal: BinaryIO | None = None
        wal = path.with_name(path.name + "-wal")
        if wal.exists():
            self._wal = wal.open("rb")
        self._frames = dict(self._index())

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        if self._wal is not None:
            self._wal.close()

    def parcels(self, first_page: int = 1) -> Iterator[tuple[int, list[bytes]]]:
        """Yield, page by page, the whole parcels that begin there; the log's pages come last, with number 0."""
        number = first_page
        while (page := self._read(number)) is not None:
            yield number, list(self._whole(page))
            number += 1
        for offset in self._frames.values():
            yield 0, list(self._whole(_read_at(self._wal, offset)))

    def _whole(self, page: bytes) -> Iterator[bytes]:
        at = page.find(MAGIC)
        while at >= 0:
            for follow in (self._newest, self._in_file):
                parcel = _assembled(page, at, follow)
                if parcel is not None:
                    yield parcel
                    break
            at = page.find(MAGIC, at + 1)

    def _read(self, number: int) -> bytes | None:
        """Return a page of the file; empty when the disk cannot read it, None behind the end."""
        try:
            self._file.seek((number - 1) * PAGE_BYTES)
            return self._file.read(PAGE_BYTES) or None
        except OSError:
            return b""

    def _in_file(self, number: int) -> bytes:
        return self._read(number) or b""

    def _newest(self, number: int) -> bytes:
        offset = self._frames.get(number)
        return self._in_file(number) if offset is None else _read_at(self._wal, offset)

    def _index(self) -> Iterator[tuple[int, int]]:
        """Yield page number and offset of the log's pages, oldest first."""
        offset = _WAL_HEADER_BYTES
        for _ in range(_FRAMES_MAX):
            header = _read_at(self._wal, offset, _FRAME_HEADER_BYTES)
            if len(header) < _FRAME_HEADER_BYTES:
                return
            yield int.from_bytes(header[:4], "big"), offset + _FRAME_HEADER_BYTES
            offset += _FRAME_HEADER_BYTES + PAGE_BYTES


def _read_at(file: BinaryIO | None, offset: int, size: int = PAGE_BYTES) -> bytes:
    if file is None:
        return b""
    try:
        file.seek(offset)
        return file.read(size)
    except OSError:
        return b""


def _assembled(page: bytes, at: int, follow: Page) -> bytes | None:
    """Return the parcel whose envelope begins at a place of a page, if all of it is whole."""
    head = page[at : at + OVERHEAD_BYTES]
    size = OVERHEAD_BYTES + int.from_bytes(head[_LENGTH_AT : _LENGTH_AT + 4], "big")
    if len(head) < OVERHEAD_BYTES or size > PARCEL_BYTES_MAX:
        return None
    here = min(size, _bytes_here(size))
    content = page[at : at + here]
    following = int.from_bytes(page[at + here : at + here + 4], "big")
    while len(content) < size:
        more = follow(following) if following else b""
        if len(more) < PAGE_BYTES:
            return None
        following = int.from_bytes(more[:4], "big")
        content += more[4 : 4 + size - len(content)]
    try:
        unwrap(content)
    except NotAParcel:
        return None
    return content


def _bytes_here(size: int) -> int:
    """Return how many bytes of a body stand in its own page; the rest overflows."""
    # The record of `bodies`: a header of its own size, the type of the id (kept as the row's key), that of the body.
    header = 2 + _varint_bytes(12 + 2 * size)
    payload = header + size
    if payload <= PAGE_BYTES - 35:
        return size
    least = (PAGE_BYTES - 12) * 32 // 255 - 23
    local = least + (payload - least) % (PAGE_BYTES - 4)
    return (local if local <= PAGE_BYTES - 35 else least) - header


def _varint_bytes(number: int) -> int:
    return max(1, -(-number.bit_length() // 7))


def _waiting(database: sqlite3.Connection, epochs: tuple[LostEpoch, ...]) -> dict[bytes, RangeSet] | None:
    """Return what was not settled; None when the rows cannot all be read."""
    if not epochs:
        return None
    names = {each.n: each.epoch for each in epochs}
    ranges: dict[bytes, list[tuple[int, int]]] = {}
    try:
        for n, seq in database.execute("SELECT n, seq FROM parcels NOT INDEXED WHERE settled = 0 ORDER BY id"):
            found = ranges.setdefault(names[n], [])
            if found and found[-1][1] + 1 == seq:
                found[-1] = (found[-1][0], seq)
            elif len(found) < _RANGES_MAX:
                found.append((seq, seq))
            else:
                return None
        return {epoch: RangeSet(found) for epoch, found in ranges.items()}
    except (sqlite3.Error, KeyError, TypeError, ValueError):
        return None


def _rows(database: sqlite3.Connection, question: str, count_max: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows until one cannot be read."""
    try:
        cursor = database.execute(question)
        for _ in range(count_max):
            row = cursor.fetchone()
            if row is None:
                return
            yield row
    except (sqlite3.Error, UnicodeDecodeError):
        return


def _decoded(
    database: sqlite3.Connection, question: str, decoder: "msgspec.msgpack.Decoder[Content]"
) -> Iterator[Content]:
    for (content,) in _rows(database, question, 100_000):
        try:
            yield decoder.decode(content)
        except (msgspec.MsgspecError, TypeError):
            continue
