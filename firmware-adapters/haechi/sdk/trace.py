"""The last frames that passed each wire, kept in memory for a technician who asks what was just said. No I/O.

Bounded in every way: so many wires, so many frames of each, so many bytes of a frame. The wire that was silent longest
makes room for a new one.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

WIRES_MAX = 512
FRAMES_MAX = 16
FRAME_BYTES_MAX = 512
"""What is longer is cut; the frames of serial buses are shorter."""


class Kept(NamedTuple):
    """What passed a wire a while ago."""

    age_s: float
    way: int
    address: str
    data: bytes


class Trace:
    """The last frames of every wire."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """``now_s`` only rises."""
        self._now_s = now_s
        self._wires: dict[str, deque[tuple[float, int, bytes]]] = {}

    def keep(self, way: int, address: str, data: bytes) -> None:
        """Remember that ``data`` passed now."""
        now_s = self._now_s()
        wire = self._wires.get(address)
        if wire is None:
            if len(self._wires) >= WIRES_MAX:
                del self._wires[min(self._wires, key=lambda name: self._wires[name][-1][0])]
            wire = self._wires[address] = deque(maxlen=FRAMES_MAX)
        wire.append((now_s, way, data if len(data) <= FRAME_BYTES_MAX else data[:FRAME_BYTES_MAX]))

    def frames(self) -> list[Kept]:
        """Return what is kept, wire by wire, the oldest of each first."""
        now_s = self._now_s()
        return [
            Kept(now_s - at_s, way, address, data) for address, wire in self._wires.items() for at_s, way, data in wire
        ]
