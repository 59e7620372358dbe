"""The data bytes of one read → values in their units; prepared once, so that a value costs well under a microsecond.

Byte order on the wire, A the most significant byte of a value: ABCD is big-endian (the order that the specification
knows), DCBA little-endian; CDAB and BADC are the same two with the bytes of every 16-bit register exchanged. So a
block is unpacked at most four times, whatever it mixes.
"""

import math
import struct
from array import array
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from haechi.adapters.modbus.plan import Block
from haechi.adapters.modbus.registers import Register
from haechi.contract.observations import Quality, Value
from haechi.sdk import Sample

_FORMATS = {
    "bool": "H",
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "uint64": "Q",
    "int64": "q",
    "float32": "f",
    "float64": "d",
}
_EXCHANGED = frozenset({"CDAB", "BADC"})
_LITTLE = frozenset({"CDAB", "DCBA"})
_SUBSETS_MAX = 64

Raw = float | int
Convert = Callable[[Sequence[Raw]], list[Value]]


class Decoded(NamedTuple):
    """What a block gave; ``sample`` is None where no register of it held a value."""

    sample: Sample | None
    without_value: int = 0
    """Registers that held one of their ``invalid`` numbers; left out."""
    not_finite: int = 0
    """Floats that were NaN or infinite; left out."""
    implausible: int = 0
    """Values outside ``valid``; in the sample with bad quality."""


class _Pass(NamedTuple):
    """One unpacking of the block: some registers, by address, without overlap."""

    exchanged: bool
    layout: struct.Struct
    runs: list[tuple[int, int, Convert]]


class BlockDecoder:
    """Decodes the answers to one block's read."""

    def __init__(self, device: str, block: Block) -> None:
        """Prepare everything that does not depend on the answer."""
        self._is_bits = block.read.table.is_bits
        self._passes: list[_Pass] = []
        ordered: list[Register] = []
        if block.read.table.is_bits:
            ordered = list(block.registers)
            self._bits = [register.address - block.read.address for register in ordered]
        else:
            for exchanged, little, group in _layers(block.registers):
                self._passes.append(_pass(group, block.read.address, exchanged=exchanged, little=little))
                ordered += group
        self.datastreams = tuple(f"{device}.{register.name}" for register in ordered)
        self._has_floats = any(register.type.startswith("float") for register in ordered)
        self._invalid = [(place, r.invalid) for place, r in enumerate(ordered) if r.invalid]
        self._valid = [(place, *r.valid) for place, r in enumerate(ordered) if r.valid]
        self._subsets: dict[frozenset[int], tuple[str, ...]] = {}

    def decode(self, data: bytes) -> Decoded:
        """Return the values in ``data``, which has exactly the length of the block's answer."""
        if self._is_bits:
            bits = int.from_bytes(data, "little")
            return Decoded(Sample(self.datastreams, tuple([bits >> place & 1 == 1 for place in self._bits])))
        raw: list[Raw] = []
        values: list[Value] = []
        exchanged: bytes | None = None
        for one in self._passes:
            if one.exchanged and exchanged is None:
                words = array("H", data)
                words.byteswap()
                exchanged = words.tobytes()
            numbers = one.layout.unpack_from(exchanged if one.exchanged and exchanged is not None else data)
            for start, stop, convert in one.runs:
                values += convert(numbers[start:stop])
            raw += numbers
        return self._judge(raw, values)

    def _judge(self, raw: list[Raw], values: list[Value]) -> Decoded:
        dropped = {place for place, invalid in self._invalid if raw[place] in invalid}
        without_value = len(dropped)
        # One sum tells whether any of them is not finite; it may overflow by itself, then the loop finds none.
        if self._has_floats and not math.isfinite(sum(values)):  # type: ignore[arg-type]  # registers hold no text
            for place, value in enumerate(values):
                if place not in dropped and not math.isfinite(value):  # type: ignore[arg-type]  # nor here
                    dropped.add(place)
        bad = {
            place
            for place, low, high in self._valid
            if place not in dropped and not low <= values[place] <= high  # type: ignore[operator]  # nor here
        }
        qualities = (
            tuple([Quality.BAD if place in bad else Quality.GOOD for place in range(len(values))]) if bad else None
        )
        sample: Sample | None
        if not dropped:
            sample = Sample(self.datastreams, tuple(values), qualities)
        elif len(dropped) == len(values):
            sample = None
        else:
            kept = [place for place in range(len(values)) if place not in dropped]
            sample = Sample(
                self._subset(frozenset(dropped), kept),
                tuple([values[place] for place in kept]),
                tuple([qualities[place] for place in kept]) if qualities else None,
            )
        return Decoded(sample, without_value, len(dropped) - without_value, len(bad))

    def _subset(self, dropped: frozenset[int], kept: list[int]) -> tuple[str, ...]:
        """Return the same tuple for the same gaps, because equal tuples travel as one table."""
        found = self._subsets.get(dropped)
        if found is None:
            if len(self._subsets) >= _SUBSETS_MAX:
                self._subsets.clear()
            found = self._subsets[dropped] = tuple([self.datastreams[place] for place in kept])
        return found


def _layers(registers: Sequence[Register]) -> list[tuple[bool, bool, list[Register]]]:
    """Part registers into (exchanged, little-endian, registers) so that within a part none overlaps."""
    layers: list[tuple[bool, bool, list[Register]]] = []
    for register in registers:
        exchanged, little = register.word_order in _EXCHANGED, register.word_order in _LITTLE
        for layer in layers:
            if layer[:2] == (exchanged, little) and layer[2][-1].end <= register.address:
                layer[2].append(register)
                break
        else:
            layers.append((exchanged, little, [register]))
    return layers


def _pass(registers: list[Register], first: int, *, exchanged: bool, little: bool) -> _Pass:
    layout = "<" if little else ">"
    position = first
    for register in registers:
        layout += "xx" * (register.address - position) + _FORMATS[register.type]
        position = register.end
    runs: list[tuple[int, int, Convert]] = []
    start = 0
    for _key, run in groupby(registers, key=lambda r: (r.type, r.bit, r.scale, r.offset)):
        members = list(run)
        runs.append((start, start + len(members), _conversion(members[0])))
        start += len(members)
    return _Pass(exchanged, struct.Struct(layout), runs)


def _conversion(register: Register) -> Convert:
    """Return what turns a run of like registers' numbers into values."""
    if register.bit is not None:
        bit = register.bit
        return lambda numbers: [int(number) >> bit & 1 == 1 for number in numbers]
    exactness = register.exactness
    if exactness is None:
        scale, offset = register.scale, register.offset
        if (scale, offset) == (1, 0):
            return list
        return lambda numbers: [number * scale + offset for number in numbers]
    factor, shift, (numerator, denominator) = exactness
    # The same expression as Step.value, so that the codec finds the device's integer again.
    if (factor, shift) == (1, 0):
        return lambda numbers: [number * numerator / denominator for number in numbers]
    return lambda numbers: [(number * factor + shift) * numerator / denominator for number in numbers]
