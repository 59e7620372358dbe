"""An outbox on a file of its own: opened, left in order or as a kill leaves it, and what is committed to it."""

from pathlib import Path

from haechi.contract.codec import encode_body
from haechi.contract.events import Event, Phase, Severity
from haechi.contract.parcel import Parcel
from haechi.edge.outbox import Draft, Rank
from haechi.edge.outbox.opening import Opening, open_store

BODY = encode_body(Parcel(epoch_order=1, epoch_number=1))
ROOMY = 10**7
NOW_US = 1_800_000_000_000_000


def opened(folder: Path, bytes_max: int = ROOMY, *, suspect: bool = False) -> Opening:
    return open_store(folder, bytes_max, lambda newest_us: max(newest_us, NOW_US), suspect=suspect)


def killed(opening: Opening) -> None:
    """Let go of the file as a killed process does: without a word to it."""
    opening.store._database.close()
    opening.lock.close()


def closed(opening: Opening) -> None:
    opening.store.close()
    opening.lock.close()


def draft(rank: Rank = Rank.LIVE, size: int = 0, observations: int = 1, events: int = 0) -> Draft:
    return Draft(rank, BODY + bytes(size), observations, events, 1, 2)


def event(condition: str, phase: Phase, number: int = 0) -> Event:
    return Event(
        id=f"event-{number:05d}",
        type="flood.level_high",
        source="river-1",
        subject="bridge",
        time_us=1,
        phase=phase,
        condition=condition,
        severity=Severity.SEVERE,
    )
