"""One value of a register map, and the exact arithmetic of its scale and offset. No I/O."""

from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Literal, NamedTuple

from haechi.contract.places import Step
from haechi.sdk.transports.modbus_frames import Table

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]

WIDTHS = {
    "bool": 1,
    "uint16": 1,
    "int16": 1,
    "uint32": 2,
    "int32": 2,
    "float32": 2,
    "uint64": 4,
    "int64": 4,
    "float64": 4,
}
"""Registers that a type takes."""


class Exactness(NamedTuple):
    """Scale and offset of a device's integer as whole numbers: value = ``step.value(raw × factor + shift)``.

    The step is the greatest that both scale and offset are multiples of, so that an offset costs no exactness:
    raw × 0.1 − 273.15 counts in steps of 0.05.
    """

    factor: int
    shift: int
    step: Step

    @classmethod
    def of(cls, scale: float, offset: float) -> "Exactness":
        """Return it for a scale and an offset as they are written in decimal.

        Raises:
            ValueError: the common step is finer than 1e-9 or the scale is zero.
        """
        exact_scale, exact_offset = Fraction(str(scale)), Fraction(str(offset))
        denominator = exact_scale.denominator * exact_offset.denominator
        common = Fraction(
            gcd(exact_scale.numerator * exact_offset.denominator, exact_offset.numerator * exact_scale.denominator),
            denominator,
        )
        if common <= 0 or common.denominator > 10**9 or common.numerator > 10**9:
            raise ValueError(f"scale and offset with a common step between 1e-9 and 1e9 (here {float(common):g})")
        step = Step(common.numerator, common.denominator)
        return cls(int(exact_scale / common), int(exact_offset / common), step)


@dataclass(frozen=True, slots=True)
class Register:
    """One value: where it lies, how its bits are read, what it means. Addresses are protocol addresses, from 0."""

    name: str
    table: Table
    address: int
    type: str
    bit: int | None
    word_order: WordOrder
    scale: float
    offset: float
    unit: str
    observed_property: str
    period_s: float
    valid: tuple[float, float] | None
    invalid: frozenset[float]

    @property
    def width(self) -> int:
        """Return how many addresses it takes."""
        return 1 if self.table.is_bits else WIDTHS[self.type]

    @property
    def end(self) -> int:
        """Return the first address behind it."""
        return self.address + self.width

    @property
    def exactness(self) -> Exactness | None:
        """Return how its integer becomes a value; None where the device gives a float or a bit."""
        return None if self.type == "bool" or self.type.startswith("float") else Exactness.of(self.scale, self.offset)
