"""What a reader of the bench relies on: which side of a floor is good, what a percentile is, what the JSON says."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figure, Limit, lines, number, percentile
from benchmarks.slaves import REGISTERS, walk


@pytest.mark.parametrize(
    ("better", "value", "ok"),
    [("more", 10.0, True), ("more", 9.9, False), ("less", 10.0, True), ("less", 10.1, False)],
)
def test_a_floor_is_the_worst_value_that_is_accepted(better: str, value: float, ok: bool) -> None:
    figure = Figure("x", value, "s", 10.0, better)  # type: ignore[arg-type]
    assert figure.ok is ok
    [_head, line] = lines([figure])
    assert ("ok" in line, "MISS" in line) == (ok, not ok)


def test_without_a_floor_nothing_is_missed() -> None:
    assert Figure("x", 1e9, "s").ok
    assert "MISS" not in lines([Figure("x", 1e9, "s")])[1]


def test_the_record_is_what_is_promised_to_machines() -> None:
    figure = Figure("a.b", 1.5, "s", 2.0, compared_with=Limit("bare", 1.25, "s"))
    assert json.loads(json.dumps(figure.record())) == {
        "name": "a.b",
        "value": 1.5,
        "unit": "s",
        "floor": 2.0,
        "ok": True,
        "compared_with": {"name": "bare", "value": 1.25, "unit": "s"},
    }
    assert Figure("a.b", 1.5, "s").record()["compared_with"] is None


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.01234, "0.0123"), (99.94, "99.9"), (30123.4, "30,123")])
def test_numbers_are_short(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1), (0.01, 1), (0.5, 50), (0.95, 95), (0.951, 96), (0.07, 7), (1, 100)]
)
def test_a_percentile_is_that_of_the_nearest_rank(share: float, expected: int) -> None:
    values = list(range(1, 101))
    random.Random(1).shuffle(values)
    assert percentile(values, share) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.floats(0, 1))
def test_so_many_do_not_exceed_it_and_no_smaller_one_would_do(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= round(share * len(values), 9)
    assert found == min(values) or sum(value < found for value in values) < round(share * len(values), 9)


def test_the_devices_registers_walk_and_come_back() -> None:
    turns = walk(random.Random(1))
    assert {len(turn) for turn in turns} == {2 * REGISTERS}
    for before, after in zip(turns, [*turns[1:], turns[0]], strict=True):
        steps = [
            abs(int.from_bytes(after[at : at + 2], "big") - int.from_bytes(before[at : at + 2], "big"))
            for at in range(0, 400, 2)
        ]
        assert max(steps) <= 3
