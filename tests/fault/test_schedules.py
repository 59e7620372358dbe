"""A thousand schedules of the simulated city, every one of which must keep the promise; docs/faults.md says how."""

import pytest
from fault.torture import Verdict, judge, judge_all

from support.simulation import faults

FIRST_SEED, SCHEDULES, BATCH = 1, 1_000, 50
_batches = range(FIRST_SEED, FIRST_SEED + SCHEDULES, BATCH)


@pytest.fixture(scope="module")
def verdicts() -> dict[int, Verdict]:
    """All schedules, run once on every core; what each test looks at is one batch of them."""
    found = judge_all(range(FIRST_SEED, FIRST_SEED + SCHEDULES))
    return {verdict.seed: verdict for verdict in found}


@pytest.mark.parametrize("first", _batches)
def test_every_schedule_keeps_the_promise(verdicts: dict[int, Verdict], first: int) -> None:
    broken = [verdicts[seed].broken for seed in range(first, first + BATCH) if verdicts[seed].broken]
    assert not broken, "\n".join(broken)


def test_every_fault_has_struck(verdicts: dict[int, Verdict]) -> None:
    struck = sum((verdict.struck for verdict in verdicts.values()), start=judge(FIRST_SEED).struck)
    assert set(struck) == set(faults.MIX)


def test_the_same_seed_is_the_same_run(verdicts: dict[int, Verdict]) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + 10):
        assert judge(seed) == verdicts[seed]
