"""Values computed from other values: ``offset + factor × source``, such as a level from a distance. Pure.

Where the device gives integers (the source has a step) and offset and factor are decimal numbers, the result is
computed in whole numbers and has a step of its own, so that it travels and is stored exactly.
"""

from fractions import Fraction
from math import gcd
from typing import NamedTuple

from haechi.contract.observations import Value
from haechi.contract.places import Step

_TERM_MAX = 10**9


class Derived(NamedTuple):
    """How one value is computed; made by :func:`plan`."""

    offset: float
    factor: float
    source: Step | None
    step: Step | None
    first: int
    """The result's count for a source count of zero."""
    each: int
    """What every source count adds to the result's count."""

    def value(self, source: Value) -> float | None:
        """Return the computed value, None where the source is not a number."""
        if isinstance(source, str | bool):
            return None
        if self.source is not None and self.step is not None:
            count = self.source.count_of(source)
            if count is not None:
                return self.step.value(self.first + self.each * count)
        return self.offset + self.factor * source


def plan(offset: float, factor: float, source: tuple[int, int] | None) -> Derived:
    """Work out the step of ``offset + factor × source``; None where there is no fine enough one."""
    if source is None:
        return Derived(offset, factor, None, None, 0, 0)
    shift = Fraction(str(offset))
    span = Fraction(str(factor)) * Fraction(*source)
    shared = _common_step(shift, abs(span))
    if shared.numerator > _TERM_MAX or shared.denominator > _TERM_MAX:
        return Derived(offset, factor, Step(*source), None, 0, 0)
    step = Step(shared.numerator, shared.denominator)
    return Derived(offset, factor, Step(*source), step, int(shift / shared), int(span / shared))


def _common_step(one: Fraction, other: Fraction) -> Fraction:
    """Return the largest fraction of which both are whole multiples."""
    return Fraction(
        gcd(one.numerator * other.denominator, other.numerator * one.denominator), one.denominator * other.denominator
    )
