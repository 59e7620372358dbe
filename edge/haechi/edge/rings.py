"""The last values of datastreams that do not travel, and a cutting of them when a rule raised.

Promise: memory is bounded by the rings' lengths, the disk by :data:`FILES_MAX` files; nothing here holds up what is
committed. A cutting holds what the ring held ``kept_after_s`` after a rule raised on the datastream or on something
computed from it: a text file of one time (µs since 1970 UTC) and value a line, for whoever looks into it later.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from haechi.contract.events import Event, Phase
from haechi.contract.observations import Reading, Value

FILES_MAX = 20
_LOOK_S = 1.0
_LAYOUTS_MAX = 4096
_log = logging.getLogger("haechi.edge.rings")


@dataclass
class Ring:
    """One datastream's last values."""

    values_max: int
    kept_after_s: float
    shown_by: frozenset[str]
    """Datastreams on which a rule's word has this ring cut."""
    values: deque[tuple[int, Value]] = field(init=False)
    """Time and value, oldest first."""

    def __post_init__(self) -> None:
        """Make room."""
        self.values = deque(maxlen=self.values_max)


class Cutting(NamedTuple):
    """What is to be written."""

    datastream: str
    event: str
    """Type of the event that it belongs to."""
    time_us: int
    """When that was."""
    values: tuple[tuple[int, Value], ...]


class Rings:
    """All rings of a gateway."""

    def __init__(self, rings: Mapping[str, Ring], now_s: Callable[[], float]) -> None:
        """``now_s`` is monotonic."""
        self._rings, self._now_s = dict(rings), now_s
        self._wanted: dict[str, tuple[float, Event]] = {}
        """By datastream: when its ring is to be cut, and why; one at a time."""
        self._places: dict[tuple[str, ...], list[tuple[int, Ring]]] = {}

    def take(self, reading: Reading) -> None:
        """Keep what belongs into a ring."""
        if not self._rings:
            return
        places = self._places.get(reading.datastreams)
        if places is None:
            if len(self._places) >= _LAYOUTS_MAX:
                self._places.clear()
            found = enumerate(reading.datastreams)
            places = [(index, self._rings[name]) for index, name in found if name in self._rings]
            self._places[reading.datastreams] = places
        for index, ring in places:
            ring.values.append((reading.observed_at_us, reading.values[index]))

    def heed(self, events: Iterable[Event]) -> None:
        """Have rings cut for what was raised now; a condition that is only stated again has been cut before."""
        for event in events:
            if event.phase is not Phase.RAISED or event.restated:
                continue
            for name, ring in self._rings.items():
                if event.datastream in ring.shown_by and name not in self._wanted:
                    self._wanted[name] = self._now_s() + ring.kept_after_s, event

    def due(self) -> list[Cutting]:
        """Return what is to be written now."""
        now_s = self._now_s()
        ready = [name for name, (due_s, _event) in self._wanted.items() if due_s <= now_s]
        return [self._cut(name) for name in ready]

    def _cut(self, name: str) -> Cutting:
        _due_s, event = self._wanted.pop(name)
        return Cutting(name, event.type, event.time_us, tuple(self._rings[name].values))

    async def run(self, folder: Path) -> None:
        """Write cuttings into ``folder`` until cancelled; one that the disk refuses is told and forgotten."""
        while self._rings:
            await asyncio.sleep(_LOOK_S)
            for cutting in self.due():
                try:
                    await asyncio.to_thread(write, folder, cutting)
                except OSError as error:
                    _log.warning("%s: its ring could not be written: %s", cutting.datastream, error.strerror or error)
        await asyncio.get_running_loop().create_future()


def write(folder: Path, cutting: Cutting) -> Path:
    """Write one cutting whole, or nothing; drop those that were written first of too many.

    By when they were written, not by what they hold: a seismometer's clock that once stood in the future must not make
    all later ones pass for old.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob("*.new"):  # where the power went
        left.unlink(missing_ok=True)
    path = folder / f"{cutting.time_us}-{cutting.datastream}.csv"
    half = path.with_suffix(".new")
    with half.open("w", encoding="utf-8") as file:
        file.write(f"# {cutting.datastream} around {cutting.event} at {cutting.time_us}; time_us,value\n")
        file.writelines(f"{time_us},{value}\n" for time_us, value in cutting.values)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
    others = sorted((one for one in folder.glob("*.csv") if one != path), key=_written)
    for old in others[: max(0, len(others) + 1 - FILES_MAX)]:
        old.unlink(missing_ok=True)
    return path


def _written(path: Path) -> tuple[int, int]:
    return path.stat().st_mtime_ns, int(path.name.partition("-")[0])
