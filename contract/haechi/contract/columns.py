"""Observations as columns of bytes: what lets a value cost a few bytes on the wire.

A :class:`PackedTable` is MessagePack's array of

1. ``names``: the datastream ids, one a line; a line ``+K`` repeats the line before with its K-th number one higher
   (registers are numbered), so a thousand numbered names cost a few bytes;
2. ``times``: the first time in µs, then the difference from row to row;
3. ``steps``: the distinct steps, as [numerator, denominator];
4. ``layout``: one byte a column: 0 float, 1 whole number, 2 anything else, 3 + n device integers of step n;
5. ``width``, ``integers``: columns of kind 1 and ≥ 3, column by column, first value then differences from row to
   row, two's complement of ``width`` bytes; all lowest bytes first, then all second bytes, and so on (such byte
   planes pack best);
6. ``floats``: columns of kind 0, column by column, IEEE 754 binary64 little-endian;
7. ``others``: columns of kind 2 as plain lists;
8. ``qualities``: column index → quality of each row.
"""

import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, groupby
from operator import itemgetter, sub

from msgspec import Struct

from haechi.contract import UnreadableBody
from haechi.contract.kept import ByNames
from haechi.contract.observations import Quality, Table, Value
from haechi.contract.places import DATASTREAM_CHARACTERS_MAX, DATASTREAM_PATTERN, Step

_FLOAT, _INTEGER, _OTHER, _FIRST_STEP = 0, 1, 2, 3
_STEPS_MAX = 250
_TYPECODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_NUMBERS = re.compile(r"(\d+)")
_ONE_HIGHER = re.compile(r"\+(\d)")
_DATASTREAM = re.compile(DATASTREAM_PATTERN)
_joined: ByNames[str] = ByNames()
_KNOWN_MAX, _KNOWN_CHARACTERS_MAX = 256, 65_536
_known: dict[str, tuple[str, ...]] = {}


class PackedTable(Struct, array_like=True):
    """One table as it stands in a body; see the module's docstring for each field."""

    names: str
    times: list[int]
    steps: list[tuple[int, int]]
    layout: bytes
    width: int
    integers: bytes
    floats: bytes
    others: list[list[bool | int | float | str]]
    qualities: dict[int, list[int]]


def pack(table: Table) -> PackedTable:
    """Lay a table out as columns of bytes."""
    steps: dict[Step, int] = {}
    layout = bytearray()
    integers: list[int] = []
    floats = array("d")
    others: list[list[Value]] = []
    for step, columns, counts in _runs(table):
        if counts is not None and (step is None or step in steps or len(steps) < _STEPS_MAX):
            kind = _INTEGER if step is None else _FIRST_STEP + steps.setdefault(step, len(steps))
            layout += bytes([kind]) * len(columns)
            integers += _differences(counts, len(table.times_us))
            continue
        for column in columns:
            if set(map(type, column)) == {float}:
                layout.append(_FLOAT)
                floats.extend(column)  # type: ignore[arg-type]  # every value was just seen to be a float
            else:
                layout.append(_OTHER)
                others.append(column)
    width, planes = _planes(integers)
    if sys.byteorder == "big":
        floats.byteswap()
    return PackedTable(
        names=_join(table.datastreams),
        times=_differences(table.times_us, len(table.times_us)),
        steps=[(step.numerator, step.denominator) for step in steps],
        layout=bytes(layout),
        width=width,
        integers=planes,
        floats=floats.tobytes(),
        others=others,
        qualities={index: [int(quality) for quality in column] for index, column in table.qualities.items()},
    )


def size(packed: PackedTable) -> int:
    """Return how many observations the table will unpack to, as far as it tells the truth."""
    return len(packed.times) * len(packed.layout)


def unpack(packed: PackedTable) -> Table:
    """Turn columns of bytes back into a table. Look at its :func:`size` first.

    Raises:
        UnreadableBody: the parts do not fit together.
    """
    rows, names = len(packed.times), packed.names.count("\n") + 1
    if not rows or names != len(packed.layout):
        raise UnreadableBody(f"a table of {rows} rows has {names} names for {len(packed.layout)} columns")
    datastreams = _split(packed.names)
    steps = [_step(pair) for pair in packed.steps]
    whole = sum(kind == _INTEGER or kind >= _FIRST_STEP for kind in packed.layout)
    counts = _sums(_from_planes(packed.width, packed.integers, rows * whole), rows)
    floats = array("d")
    if len(packed.floats) != rows * packed.layout.count(_FLOAT) * 8:
        raise UnreadableBody(f"{len(packed.floats)} bytes of floats do not fill their columns")
    floats.frombytes(packed.floats)
    if sys.byteorder == "big":
        floats.byteswap()
    counted = floated = 0
    others = iter(packed.others)
    columns: list[list[Value]] = []
    column_steps: list[Step | None] = []
    for kind, run in groupby(packed.layout):
        # Columns of one kind stand together, as a block of registers does: they are taken out as one.
        width = len(list(run))
        step = None
        if kind == _OTHER:
            columns += [_of_length(rows, next(others, [])) for _ in range(width)]
        elif kind == _FLOAT:
            columns += _cut(floats[floated : floated + width * rows].tolist(), rows)
            floated += width * rows
        else:
            values = counts[counted : counted + width * rows]
            counted += width * rows
            if kind == _INTEGER:
                columns += _cut(values, rows)
            else:
                step = _step_at(steps, kind - _FIRST_STEP)
                numerator, denominator = step
                columns += _cut([count * numerator / denominator for count in values], rows)
        column_steps += [step] * width
    return Table(
        datastreams=datastreams,
        times_us=list(accumulate(packed.times)),
        columns=columns,
        steps=tuple(column_steps),
        qualities=_qualities(packed.qualities, len(columns), rows),
    )


def _runs(table: Table) -> Iterator[tuple[Step | None, list[list[Value]], list[int] | None]]:
    """Yield neighbouring columns of one step with the integers behind them; a column without such stands alone."""
    for step, run in groupby(zip(table.steps, table.columns, strict=True), key=itemgetter(0)):
        columns = [column for _step, column in run]
        counts = _counts(list(chain.from_iterable(columns)), step)
        if counts is not None or len(columns) == 1:
            yield step, columns, counts
        else:
            yield from ((step, [column], _counts(column, step)) for column in columns)


def _counts(values: Sequence[Value], step: Step | None) -> list[int] | None:
    """Return the integers behind values, or None where they do not consist of integers of 63 bits."""
    limit = 2**62
    counts: list[int]
    if step is None:
        if set(map(type, values)) != {int}:
            return None
        counts = list(values)  # type: ignore[arg-type]  # every value was just seen to be an integer
    else:
        if set(map(type, values)) != {float}:
            return None
        # Step.count_of for every value, without a call for each.
        numerator, denominator = step
        try:
            counts = [round(value * denominator / numerator) for value in values]  # type: ignore[operator]
            if [count * numerator / denominator for count in counts] != values:
                return None
        except OverflowError:  # a value so large that no integer of the device can be behind it
            return None
    return counts if -limit < min(counts) and max(counts) < limit else None


def _differences(numbers: list[int], rows: int) -> list[int]:
    """Return the first number of each column of ``rows`` numbers, then what each row adds."""
    if rows == 1:
        return numbers
    differences = [numbers[0], *map(sub, numbers[1:], numbers)]
    differences[::rows] = numbers[::rows]
    return differences


def _sums(differences: "array[int]", rows: int) -> list[int]:
    """Undo :func:`_differences`."""
    if rows == 1:
        return differences.tolist()
    starts = range(0, len(differences), rows)
    return list(chain.from_iterable(accumulate(differences[start : start + rows]) for start in starts))


def _cut(values: Sequence[Value], rows: int) -> list[list[Value]]:
    return [list(values[start : start + rows]) for start in range(0, len(values), rows)]


def _of_length(rows: int, column: list[Value]) -> list[Value]:
    if len(column) != rows:
        raise UnreadableBody(f"a column of {len(column)} values stands in a table of {rows} rows")
    return column


def _planes(integers: list[int]) -> tuple[int, bytes]:
    if not integers:
        return 1, b""
    low, high = min(integers), max(integers)
    width = next(w for w in _TYPECODES if -(1 << (8 * w - 1)) <= low and high < 1 << (8 * w - 1))
    numbers = array(_TYPECODES[width], integers)
    if sys.byteorder == "big":
        numbers.byteswap()
    plain = numbers.tobytes()
    return width, b"".join(plain[plane::width] for plane in range(width))


def _from_planes(width: int, planes: bytes, count: int) -> "array[int]":
    if width not in _TYPECODES or len(planes) != width * count:
        raise UnreadableBody(f"{len(planes)} bytes are not {count} integers of {width} bytes")
    plain = bytearray(len(planes))
    for plane in range(width):
        plain[plane::width] = planes[plane * count : (plane + 1) * count]
    numbers = array(_TYPECODES[width])
    numbers.frombytes(bytes(plain))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _step_at(steps: Sequence[Step], index: int) -> Step:
    if index >= len(steps):
        raise UnreadableBody(f"a column has step {index}, the table has {len(steps)}")
    return steps[index]


def _step(pair: tuple[int, int]) -> Step:
    if pair[0] <= 0 or pair[1] <= 0:
        raise UnreadableBody(f"a step of {pair[0]}/{pair[1]}")
    return Step(*pair)


def _qualities(packed: dict[int, list[int]], columns: int, rows: int) -> dict[int, list[Quality]]:
    for index, column in packed.items():
        if not 0 <= index < columns or len(column) != rows or not all(0 <= quality <= 2 for quality in column):
            raise UnreadableBody(f"the qualities of column {index} do not fit a table of {columns} × {rows}")
    return {index: [Quality(quality) for quality in column] for index, column in packed.items()}


def _join(names: tuple[str, ...]) -> str:
    """Put the names together; the answer is kept."""
    joined = _joined.get(names)
    if joined is None:
        joined = _joined.keep(names, "\n".join(chain(names[:1], map(_shorten, names, names[1:]))))
    return joined


def _shorten(before: str, name: str) -> str:
    """Write ``name`` as ``+K`` where it is ``before`` with its K-th number one higher, else as it is."""
    for index in range(min(10, len(_NUMBERS.findall(before)))):
        if _one_higher(before, index) == name:
            return f"+{index}"
    return name


def _one_higher(name: str, index: int) -> str:
    parts = _NUMBERS.split(name)
    number = parts[2 * index + 1]
    parts[2 * index + 1] = str(int(number) + 1).zfill(len(number))
    return "".join(parts)


def _split(joined: str) -> tuple[str, ...]:
    """Take the names apart; a gateway says the same ones over and over, so the last few answers are kept."""
    known = _known.get(joined)
    if known is None:
        known = tuple(_lengthen(joined.split("\n")))
        if sum(map(len, known)) <= _KNOWN_CHARACTERS_MAX:
            while len(_known) >= _KNOWN_MAX:
                _known.pop(next(iter(_known), ""), None)
            _known[joined] = known
    return known


def _lengthen(lines: list[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        if short := _ONE_HIGHER.fullmatch(line):
            try:
                before = _one_higher(before, int(short.group(1)))
            except (IndexError, ValueError) as error:
                raise UnreadableBody(
                    f"datastream {line!r} follows {before[:80]!r}, which has no such number"
                ) from error
        else:
            before = line
        if len(before) > DATASTREAM_CHARACTERS_MAX or not _DATASTREAM.fullmatch(before):
            raise UnreadableBody(f"{before[:80]!r} is no name of a datastream")
        yield before
