"""Which answer on a serial bus can be trusted, where answers carry no number. No I/O.

After a time-out an answer may still come, and it looks like the answer to whatever was asked next. So before anything
else is asked, a *fence* is: a short read whose answer has a length that no read of this device has. A device answers
in order, so behind the fence's answer nothing older can come. Fences that may still be answered have different
lengths, or else a late answer to one would be taken for the next.

A refusal has no length. Where the fence lies in what the device was seen to read, it is a late one and thrown away.
Where nothing readable is known yet, it counts after one more silent time-out, if nothing else was asked before.
Otherwise, and when the lengths are used up, the device is left alone until whatever it still owes has come.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from haechi.sdk.transports.modbus_frames import Read, Table

_BEYOND_MAX = 4
"""How many lengths are tried where no part of a readable block will do, as with a single register."""


@dataclass
class Fence:
    """What one device on a bus may still answer."""

    is_needed: bool = True
    """True while an answer to an earlier request may come; at first, because a process before us may have asked."""
    _shapes: set[tuple[Table, int]] = field(default_factory=set)
    _readable: Read | None = None
    _out: set[tuple[Table, int]] = field(default_factory=set)
    """Fences sent since one was certainly answered."""
    _owes_nothing: bool = True
    _reaches_beyond: bool = True
    """The last fence asks for more than the device was seen to read: it may well refuse."""

    def expect(self, reads: Iterable[Read]) -> None:
        """Learn what will be read, so that no fence looks like it."""
        self._shapes.update((read.table, read.data_bytes) for read in reads)

    def answered(self, read: Read) -> None:
        """Learn that ``read`` gives data: a part of it will, too."""
        if self._readable is None or read.data_bytes >= self._readable.data_bytes:
            self._readable = read

    def refused(self, read: Read) -> None:
        """Learn that ``read`` is refused."""
        if read == self._readable:
            self._readable = None

    def next(self, request: Read) -> Read | None:
        """Return the fence to send before ``request``; None where no unlike one is left: leave the device alone."""
        for fence in self._candidates(self._readable or request):
            shape = (fence.table, fence.data_bytes)
            if shape not in self._out:
                self._out.add(shape)
                self._reaches_beyond = self._readable is None or fence.count > self._readable.count
                return fence
        return None

    @property
    def is_readable(self) -> bool:
        """Tell whether the last fence will be answered with data, so that a refusal can only be a late answer."""
        return self._readable is not None and not self._reaches_beyond

    @property
    def is_first(self) -> bool:
        """Tell whether nothing but one fence was asked since the device was known to owe nothing of ours."""
        return self._owes_nothing and len(self._out) <= 1

    def passed(self) -> None:
        """Note that everything older than now has come."""
        self.is_needed = False
        self._out.clear()
        self._owes_nothing = False

    def rested(self) -> None:
        """Note that the device was left alone for long: whatever it owed has come and was thrown away."""
        self._out.clear()
        self._owes_nothing = True
        self._readable = None

    def _candidates(self, within: Read) -> list[Read]:
        """Return the parts of ``within`` that no other read looks like, or else a few reads that reach beyond it."""
        step = 8 if within.table.is_bits else 1
        found: list[Read] = []
        for count in range(1, within.table.elements_max + 1, step):
            reaches_beyond = count > within.count
            if reaches_beyond and (len(found) >= _BEYOND_MAX or (found and found[0].count <= within.count)):
                break
            fence = Read(within.table, min(within.address, 0x10000 - count), count)
            if (fence.table, fence.data_bytes) not in self._shapes:
                found.append(fence)
        return found
