"""A backlog is of the past however it comes; a clock that is behind makes nothing of now a thing of the past."""

import pytest

from haechi.sdk.lateness import Lateness

BAY = ("park.bay-1",)
SECOND_US = 1_000_000


def judged(ages_s: list[float], every_s: float) -> list[bool]:
    lateness = Lateness()
    return [lateness.is_past(BAY, round(age_s * SECOND_US), 50 + every_s * place) for place, age_s in enumerate(ages_s)]


@pytest.mark.parametrize("every_s", [0.001, 0.1, 0.4])
def test_a_backlog_of_a_record_a_second_is_of_the_past_however_fast_it_comes(every_s: float) -> None:
    ages_s = [3600 - place * (1 - every_s) for place in range(3300)]
    assert judged(ages_s, every_s) == [age_s > 300 for age_s in ages_s]


def test_a_backlog_that_comes_in_two_parts_is_of_the_past() -> None:
    lateness = Lateness()
    first = [lateness.is_past(BAY, (6 * 3600 - place) * SECOND_US, place / 100) for place in range(3600)]
    # The link was away for two hours; all that waits is older by so much.
    second = [lateness.is_past(BAY, (7 * 3600 - place) * SECOND_US, 7200 + place / 100) for place in range(3600)]
    assert all(first + second)


@pytest.mark.parametrize(("every_s", "unheard"), [(1.0, 60), (30.0, 2), (3600.0, 1)])
def test_a_clock_that_is_behind_is_believed_to_be_after_a_minute(every_s: float, unheard: int) -> None:
    assert judged([1000.0 + place % 3 for place in range(100)], every_s) == [True] * unheard + [False] * (100 - unheard)


def test_each_is_judged_alone() -> None:
    lateness = Lateness()
    assert lateness.is_past(BAY, 900 * SECOND_US, 0.0)
    assert not lateness.is_past(("park.bay-2",), 299 * SECOND_US, 100.0)
    assert not lateness.is_past(BAY, 900 * SECOND_US, 100.0)
