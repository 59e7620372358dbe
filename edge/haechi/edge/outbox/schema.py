"""The tables of the outbox, and how its database is opened.

Bodies lie apart from the rows that describe them: settling a parcel rewrites one short row, not 64 KiB of flash. The
totals are kept by every transaction, so that opening and looking read a handful of rows however full the outbox is.
"""

import json
import sqlite3
from pathlib import Path

from haechi.edge.outbox import Rank

LAYOUT = 1
"""Rises when the tables change; an outbox of another layout is set aside, never guessed at."""

PAGE_BYTES = 4096
"""Known, so that a file whose header is gone can still be read."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE epochs (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch BLOB NOT NULL UNIQUE,
    ord INTEGER NOT NULL,
    number INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    last_us INTEGER NOT NULL
);
CREATE TABLE parcels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    n INTEGER NOT NULL REFERENCES epochs (n),
    seq INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    size INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0,
    keeps INTEGER NOT NULL,
    committed_at_us INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    events INTEGER NOT NULL,
    first_us INTEGER,
    last_us INTEGER
);
CREATE INDEX waiting ON parcels (rank, id) WHERE settled = 0;
CREATE INDEX waiting_by_name ON parcels (n, seq) WHERE settled = 0;
CREATE INDEX settled ON parcels (id) WHERE settled = 1;
CREATE TABLE bodies (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE totals (rank INTEGER, settled INTEGER, parcels INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (rank, settled)) WITHOUT ROWID;
CREATE TABLE conditions (condition TEXT PRIMARY KEY, event BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE losses (key TEXT PRIMARY KEY, id TEXT NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('observations_committed', 0), ('events_committed', 0), ('running', 0);
"""


_RANKS = "INSERT OR IGNORE INTO totals SELECT r.value, s.value, 0, 0 FROM json_each(?) AS r, json_each('[0,1]') AS s"
"""Also for a file that was made when there were fewer ranks."""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the database, laying the tables where there are none; ``None`` opens one in memory.

    Raises:
        sqlite3.DatabaseError: it is not a database, damaged, or of another layout.
        sqlite3.OperationalError: the disk refused.
    """
    # Transactions are begun and ended by hand; the connection belongs to the outbox's one thread after the opening.
    database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=2.0)
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA cache_size = -2000")
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA journal_size_limit = 8388608")
        (layout,) = database.execute("PRAGMA user_version").fetchone()
        if layout == 0:
            database.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {LAYOUT};COMMIT;")
        elif layout != LAYOUT:
            raise sqlite3.DatabaseError(f"layout {layout}, expected {LAYOUT}")
        if database.execute("SELECT count(*) FROM totals").fetchone() != (2 * len(Rank),):
            database.execute(_RANKS, (json.dumps([rank.value for rank in Rank]),))
    except BaseException:
        database.close()
        raise
    return database
