"""Sets of sequence numbers as closed ranges, as QUIC acknowledges packets (RFC 9000, section 19.3).

Invariant: ranges are ascending, disjoint and not adjacent. Every operation is pure; membership costs O(log n).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

SEQ_MAX = 2**62 - 1
"""The largest sequence number; the first is 1."""

Range = tuple[int, int]
"""First and last number, both inside."""


class RangeSet:
    """An immutable set of whole numbers, kept as ranges."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """Build the set from ranges in any order, overlapping or not.

        Raises:
            ValueError: a range ends before it begins or lies outside 1 … 2^62 − 1.
        """
        merged: list[Range] = []
        for first, last in sorted((first, last) for first, last in ranges):
            if not 1 <= first <= last <= SEQ_MAX:
                raise ValueError(f"a range runs from 1 to 2^62-1 and forwards, not {first} to {last}")
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self._ranges = tuple(merged)

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ranges, ascending."""
        return self._ranges

    @property
    def size(self) -> int:
        """How many numbers are inside."""
        return sum(last - first + 1 for first, last in self._ranges)

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._ranges, (number, SEQ_MAX + 1)) - 1
        return index >= 0 and self._ranges[index][0] <= number <= self._ranges[index][1]

    def __iter__(self) -> Iterator[int]:
        for first, last in self._ranges:
            yield from range(first, last + 1)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeSet) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __repr__(self) -> str:
        return f"RangeSet({list(self._ranges)!r})"

    def add(self, number: int) -> "RangeSet":
        """Return the set with one more number."""
        return RangeSet((*self._ranges, (number, number)))

    def __or__(self, other: "RangeSet") -> "RangeSet":
        return RangeSet((*self._ranges, *other._ranges))

    def __and__(self, other: "RangeSet") -> "RangeSet":
        return self - (self - other)

    def __sub__(self, other: "RangeSet") -> "RangeSet":
        kept: list[Range] = []
        holes = list(other._ranges)
        position = 0
        for first, last in self._ranges:
            while position < len(holes) and holes[position][1] < first:
                position += 1
            index = position
            while index < len(holes) and holes[index][0] <= last:
                if first < holes[index][0]:
                    kept.append((first, holes[index][0] - 1))
                first = max(first, holes[index][1] + 1)
                index += 1
            if first <= last:
                kept.append((first, last))
        return RangeSet(kept)

    def at_or_after(self, number: int, count_max: int | None = None) -> "RangeSet":
        """Return what lies at ``number`` or later, at most the ``count_max`` lowest ranges of it."""
        clipped = [(max(first, number), last) for first, last in self._ranges if last >= number]
        return RangeSet(clipped if count_max is None else clipped[:count_max])
