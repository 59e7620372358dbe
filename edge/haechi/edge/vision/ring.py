"""The last seconds of a camera's stream, in memory alone: what a clip is made of when something has happened.

Promise: never more than so many bytes, hardly longer than so many seconds; what it gives begins with a key frame and
can be decoded by itself; nothing of it is written anywhere. Packets are kept as the camera sent them, because that
costs a copy where small pictures would cost an encoder all day long.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from haechi.edge.vision.geometry import Box


class Coding(NamedTuple):
    """What a decoder must be told before the first packet."""

    name: str
    extradata: bytes | None
    width_px: int
    height_px: int
    pixel_format: str | None
    is_intra_only: bool
    """Every packet is a whole picture."""


class Kept(NamedTuple):
    """One packet."""

    data: bytes
    is_key: bool
    taken_s: float
    """When it came, of a clock that only rises."""


class Seen(NamedTuple):
    """Where people were at one look."""

    taken_s: float
    people: tuple[Box, ...]


class Stretch(NamedTuple):
    """A part of the stream that can be decoded by itself."""

    coding: Coding
    packets: tuple[Kept, ...]
    seen: tuple[Seen, ...]
    quarter_turns: int = 0
    """Counterclockwise, from how it is coded to how it is shown."""


class Ring:
    """Safe to fill from one thread and to read from another."""

    def __init__(self, *, window_s: float, bytes_max: int) -> None:
        """Begins empty."""
        self._window_s = window_s
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._coding: Coding | None = None
        self._groups: deque[list[Kept]] = deque()
        self._seen: deque[Seen] = deque()
        self._kept_s = float("-inf")
        self._quarter_turns: int | None = None
        self.size = 0
        """Bytes held."""

    def begin(self, coding: Coding) -> None:
        """Forgets everything: what comes now is another stream."""
        with self._lock:
            self._coding = coding
            self._quarter_turns = None
            self._clear()

    def turn(self, quarter_turns: int) -> None:
        """Is told how decoded pictures are to be turned to be shown; what was shown otherwise is forgotten."""
        with self._lock:
            if self._quarter_turns not in {None, quarter_turns}:
                self._clear()
            self._quarter_turns = quarter_turns

    def add(self, data: bytes, *, is_key: bool, taken_s: float) -> None:
        """Takes the next packet, and lets go of what is too old or too much."""
        with self._lock:
            if self._coding is None or len(data) > self._bytes_max:
                return
            if self._coding.is_intra_only:
                # Large pictures: as many as fill the window evenly, not the last half second of it.
                if taken_s - self._kept_s < self._window_s * len(data) / self._bytes_max:
                    return
                is_key = True
            if is_key:
                self._groups.append([])
            elif not self._groups:
                return
            self._groups[-1].append(Kept(data, is_key, taken_s))
            self._kept_s = taken_s
            self.size += len(data)
            self._let_go(taken_s)

    def look(self, taken_s: float, people: Iterable[Box]) -> None:
        """Remembers where people were."""
        with self._lock:
            self._seen.append(Seen(taken_s, tuple(people)))
            while self._seen[0].taken_s < taken_s - self._window_s:
                self._seen.popleft()

    def between(self, from_s: float, to_s: float) -> Stretch | None:
        """The packets of that time, from the key frame on that its first picture needs; None when there are none."""
        with self._lock:
            if self._coding is None:
                return None
            packets = [packet for group in self._groups for packet in group if packet.taken_s <= to_s]
            keys = [number for number, packet in enumerate(packets) if packet.is_key and packet.taken_s <= from_s]
            packets = packets[keys[-1] :] if keys else packets
            if not packets or packets[-1].taken_s < from_s:
                return None
            return Stretch(self._coding, tuple(packets), tuple(self._seen), self._quarter_turns or 0)

    def _clear(self) -> None:
        self._groups.clear()
        self.size = 0
        self._kept_s = float("-inf")

    def _let_go(self, now_s: float) -> None:
        while self.size > self._bytes_max or (
            # The group before the window's begin is needed to decode what follows.
            len(self._groups) > 1 and self._groups[1][0].taken_s <= now_s - self._window_s
        ):
            self.size -= sum(len(packet.data) for packet in self._groups.popleft())
