"""What a counter rose by is never lost and never made up, whatever becomes of the counter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.derivations.increase import Increase


def test_rain_intensity_out_of_the_sum_of_the_year() -> None:
    rain = Increase(600.0)
    assert [rain.per_hour(100.0 + 0.2 * minute, 60.0 * minute) for minute in range(10)] == [None] * 10
    assert rain.per_hour(102.0, 600.0) == pytest.approx(12.0)
    for minute in range(11, 21):
        dry = rain.per_hour(102.0, 60.0 * minute)
    assert dry == pytest.approx(0.0)


def test_a_restart_counts_from_zero_and_a_roll_over_from_the_end() -> None:
    restarted = Increase(10.0)
    restarted.feed(5000.0, 0.0)
    assert restarted.feed(7.0, 10.0) == 7.0
    rolled = Increase(10.0, rolls_over_at=2.0**32)
    rolled.feed(2.0**32 - 3, 0.0)
    assert rolled.feed(4.0, 10.0) == 7.0
    far = Increase(10.0, rolls_over_at=2.0**32)
    far.feed(1e6, 0.0)
    assert far.feed(4.0, 10.0) == 4.0


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 30)), min_size=1, max_size=300))
def test_a_window_holds_what_was_counted_in_it(steps: list[tuple[int, float]]) -> None:
    window_s = 120.0
    counter = Increase(window_s)
    total, now_s = 1000.0, 0.0
    counter.feed(total, now_s)
    rises: list[tuple[float, int]] = []
    for risen, pause_s in steps:
        total += risen
        now_s += pause_s
        rises.append((now_s, risen))
        found = counter.feed(total, now_s)
        at_least = sum(one for when_s, one in rises if when_s > now_s - window_s * 59 / 60)
        at_most = sum(one for when_s, one in rises if when_s > now_s - window_s * 61 / 60)
        assert (found is None) == (now_s < window_s)
        assert found is None or at_least <= found <= at_most
