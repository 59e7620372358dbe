"""RangeSet agrees with plain sets under every operation."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.contract.ranges import SEQ_MAX, RangeSet

numbers = st.sets(st.integers(1, 60), max_size=40)


def made(members: set[int]) -> RangeSet:
    return RangeSet((number, number) for number in members)


@given(numbers, numbers)
def test_it_behaves_as_a_set(one: set[int], other: set[int]) -> None:
    assert set(made(one) | made(other)) == one | other
    assert set(made(one) - made(other)) == one - other
    assert set(made(one) & made(other)) == one & other
    assert made(one).size == len(one)
    assert (made(one) == made(other)) == (one == other)
    assert bool(made(one)) == bool(one)


@given(numbers, st.integers(1, 61))
def test_membership_and_addition(members: set[int], number: int) -> None:
    assert (number in made(members)) == (number in members)
    assert set(made(members).add(number)) == members | {number}
    assert set(made(members).at_or_after(number)) == {member for member in members if member >= number}


@given(numbers)
def test_ranges_are_ascending_disjoint_and_not_adjacent(members: set[int]) -> None:
    ranges = made(members).ranges
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
    assert hash(made(members)) == hash(RangeSet(ranges))


def test_a_bounded_part_is_the_lowest() -> None:
    assert RangeSet([(1, 3), (5, 7), (9, 9)]).at_or_after(2, 2).ranges == ((2, 3), (5, 7))


@pytest.mark.parametrize("bad", [(0, 1), (2, 1), (1, SEQ_MAX + 1), (-5, -1)])
def test_an_impossible_range_is_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        RangeSet([bad])
