"""What was read and what was committed: written down outside of everything that can fail.

Something is committed from the moment in which its transaction is durable. When the power went inside of that very
transaction, only the disk knows; :meth:`Ledger.confirm` asks it at the next opening.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from haechi.contract.codec import VERSION, decode_body
from haechi.contract.parcel import Parcel, ParcelName
from haechi.edge.outbox import Draft


class BrokenPromise(AssertionError):  # noqa: N818 - reads as what it is
    """Something that must never happen has happened; one line says what."""


@dataclass
class Committed:
    """One parcel."""

    name: ParcelName
    draft: Draft
    at_s: float
    kept: bool
    """On the disk; False while only memory holds it, which a kill takes."""
    gone: bool = False
    """It was on a disk that was taken away, or that went back to an older day."""

    @cached_property
    def parcel(self) -> Parcel:
        """Its content, read by the contract alone."""
        return decode_body(VERSION, self.draft.body)


@dataclass
class Ledger:
    """Of one gateway, whatever happens to its disk."""

    parcels: dict[ParcelName, Committed] = field(default_factory=dict)
    """In the order of committing."""
    counts_read: dict[int, float] = field(default_factory=dict)
    """Count that the device gave → when the recorder had taken it (s)."""
    deaths_s: list[float] = field(default_factory=list)
    disk_changed: bool = False
    """The next boot finds another disk than the one that was written."""
    _in_memory: list[Committed] = field(default_factory=list)
    _left_in_memory: list[Committed] = field(default_factory=list)
    _unsure: list[ParcelName] = field(default_factory=list)
    _last: tuple[int, list[ParcelName]] = (0, [])
    _moved: tuple[int, list[Committed]] = (0, [])

    def committed(
        self, step: int, names: Sequence[ParcelName], drafts: Sequence[Draft], at_s: float, *, kept: bool
    ) -> None:
        """Put down what a step of the disk has committed."""
        for name, draft in zip(names, drafts, strict=True):
            if name in self.parcels:
                raise BrokenPromise(f"the name {name} was given twice")
            self.parcels[name] = Committed(name, draft, at_s, kept)
            if not kept:
                self._in_memory.append(self.parcels[name])
        self._last = (step, list(names))

    def moved_to_disk(self, step: int) -> None:
        """Put down that what memory held is on the disk since a step of it."""
        for one in self._in_memory:
            one.kept = True
        self._moved = (step, self._in_memory)
        self._in_memory = []

    def inherit(self, twin: "Ledger") -> None:
        """Take over what another gateway of the same name committed before it was taken away."""
        for name, one in twin.parcels.items():
            one.gone = True
            self.parcels.setdefault(name, one)

    def died(self, at_s: float, cut_step: int | None) -> None:
        """Put down a death; ``cut_step`` is the step of the disk in which the power went."""
        self.deaths_s.append(at_s)
        self._left_in_memory += self._in_memory
        self._in_memory = []
        if cut_step is not None and cut_step == self._last[0]:
            self._unsure += self._last[1]
        if cut_step is not None and cut_step == self._moved[0]:
            self._left_in_memory += self._moved[1]
        self._last, self._moved = (0, []), (0, [])

    def confirm(self, next_seqs: Mapping[bytes, int]) -> None:
        """Learn what the disk holds after a crash: each epoch with its next seq."""
        for one in self._left_in_memory:
            one.kept = next_seqs.get(one.name.epoch, 0) > one.name.seq
        self._left_in_memory.clear()
        for name in self._unsure:
            if next_seqs.get(name.epoch, 0) <= name.seq:
                del self.parcels[name]
        self._unsure.clear()
        if self.disk_changed:
            self.disk_changed = False
            for name, one in self.parcels.items():
                one.gone = one.gone or next_seqs.get(name.epoch, 0) <= name.seq
