"""Looking at an outbox from another process, while its agent runs or not; changes nothing."""

import sqlite3
from pathlib import Path

from haechi.edge.outbox import Figures, OutboxFailed
from haechi.edge.outbox.opening import FILE
from haechi.edge.outbox.store import figures_of
from haechi.text import _


def look(folder: Path, bytes_max: int) -> Figures:
    """Return how full the outbox of a folder is.

    Raises:
        OutboxFailed: there is none, or it cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        raise OutboxFailed(_("{path}: there is no outbox; has the agent run yet?").format(path=path))
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
        try:
            return figures_of(database, bytes_max)
        finally:
            database.close()
    except sqlite3.Error as error:
        raise OutboxFailed(_("{path}: cannot be read: {reason}").format(path=path, reason=error)) from error
