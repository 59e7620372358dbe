"""What a counter rose by is never lost and never made up, whatever becomes of the counter."""

from collections.abc import Sequence

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


def said(counter: Increase, totals: Sequence[float], every_s: float = 10.0) -> list[float | None]:
    """Return what is said of totals that come one after the other, from 0 s on."""
    return [counter.feed(total, every_s * place) for place, total in enumerate(totals)]


def test_a_restart_that_the_next_reading_confirms_counts_from_zero() -> None:
    found = said(Increase(20.0), [5000, 5001, 7, 9, 9, 9, 9])
    assert found == [None, None, None, *(pytest.approx(one) for one in (9.0, 4.5, 0.0, 0.0))]


def test_a_roll_over_counts_from_the_end_and_only_near_it() -> None:
    end = 2.0**32
    assert said(Increase(10.0, rolls_over_at=end), [end - 3, 4]) == [None, pytest.approx(7.0)]
    assert said(Increase(10.0, rolls_over_at=end), [1e6, 4, 4]) == [None, None, pytest.approx(2.0)]


@pytest.mark.parametrize("wrong", [70_736, 100_000_000, 12, 0])
def test_one_wrong_reading_counts_for_nothing(wrong: int) -> None:
    counter = Increase(600.0, per_hour_max=30_000)
    totals = [5_000 + place for place in range(100)]
    totals[70] = wrong
    found = said(counter, totals)
    assert found[70] is None
    assert counter.jump is None
    assert [one for one in found[60:] if one is not None] == pytest.approx([60.0] * 39)


def test_a_wrong_reading_that_could_be_true_is_taken_back_when_two_deny_it() -> None:
    counter = Increase(600.0, per_hour_max=30_000)
    totals = [5_000 + place for place in range(200)]
    totals[70] = 5_100
    found = said(counter, totals)
    assert found[71] is None
    assert found[69] == found[72] == pytest.approx(60.0)
    assert found[73:] == pytest.approx([60.0] * (200 - 73))


@pytest.mark.parametrize("set_to", [70_736, 2_000])
def test_a_counter_that_was_set_is_told_and_watched_anew(set_to: int) -> None:
    counter = Increase(100.0, per_hour_max=30_000)
    assert said(counter, [5_000 + place for place in range(20)])[-1] == pytest.approx(10.0)
    found, jumps = [], []
    for place in range(20):
        found.append(counter.feed(set_to + place, 200 + 10.0 * place))
        jumps.append(counter.jump)
    assert jumps == [None, set_to - 5_019] + [None] * 18
    assert found[:11] == [None] * 11
    assert found[11:] == pytest.approx([10.0] * 9)


def test_a_rise_that_is_only_fast_is_believed_a_reading_later() -> None:
    """A bucket that was clogged empties itself at once: more than can fall in ten seconds, not in twenty."""
    found = said(Increase(20.0, per_hour_max=2000), [0, 0, 0, 8, 8])
    assert found[2:] == [0.0, None, pytest.approx(8.0)]


def test_what_fell_while_nobody_read_is_no_downpour() -> None:
    """60 mm in five hours are 12 mm/h; put into the moment of the first reading they would be 360."""
    rain = Increase(600.0)
    for minute in range(30):
        rain.feed(100.0, 60.0 * minute)
    back_s = 60.0 * 29 + 5 * 3600
    assert rain.per_hour(160.0, back_s) == pytest.approx(12.0)
    assert rain.per_hour(160.0, back_s + 300) == pytest.approx(6.0, rel=0.04)
    assert rain.per_hour(160.0, back_s + 600) == pytest.approx(0.0, abs=1e-9)


def test_a_short_silence_in_steady_rain_is_steady_rain() -> None:
    rain = Increase(600.0)
    heard_s = [*range(0, 1200, 10), *range(1700, 3000, 10)]
    found = [rain.per_hour(at_s / 60, at_s) for at_s in heard_s]
    assert [one for one in found if one is not None] == pytest.approx([60.0] * (len(heard_s) - 60))


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 300)), min_size=1, max_size=100))
def test_a_window_holds_what_was_counted_in_it_evenly_between_readings(steps: list[tuple[int, float]]) -> None:
    window_s = 120.0
    counter = Increase(window_s)
    total, now_s = 1000.0, 0.0
    counter.feed(total, now_s)
    rises: list[tuple[float, float, int]] = []
    for risen, pause_s in steps:
        rises.append((now_s, now_s + pause_s, risen))
        total += risen
        now_s += pause_s
        found = counter.feed(total, now_s)

        def since(then_s: float) -> float:
            return sum(
                one * (end_s - max(begin_s, min(end_s, then_s))) / (end_s - begin_s) for begin_s, end_s, one in rises
            )

        assert (found is None) == (now_s < window_s)
        at_least, at_most = since(now_s - window_s * 59 / 60), since(now_s - window_s * 61 / 60)
        assert found is None or at_least - 1e-6 <= found <= at_most + 1e-6
