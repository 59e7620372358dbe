"""Whatever times a device's records bore before: a line that rises steadily is believed within seconds."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk.record_times import RecordTimes, Word

SECOND_US = 1_000_000
TIMES = st.integers(0, 10**16)


@given(st.lists(st.tuples(TIMES, st.floats(0, 100)), max_size=20), TIMES, st.floats(0.1, 1e5))
def test_no_past_silences_a_steady_line(before: list[tuple[int, float]], begin_us: int, ahead_s_max: float) -> None:
    times, now_s = RecordTimes(ahead_s_max), 0.0
    for time_us, pause_s in before:
        now_s += pause_s
        times.judge(time_us, time_us, now_s)
    line = [
        times.judge(begin_us + place * SECOND_US, begin_us + place * SECOND_US, now_s + place) for place in range(10)
    ]
    assert line[5:] == [Word.FOLLOWS] * 5
    assert line.count(Word.STEPPED) <= 1


@given(st.lists(TIMES, max_size=2), st.integers(0, 5))
def test_single_strange_records_neither_count_nor_stop_the_line(strange: list[int], at: int) -> None:
    times, words = RecordTimes(0.5), []
    for place in range(10):
        if place == at:
            for time_us in strange:
                if abs(time_us - (10**15 + place * SECOND_US)) > 10 * SECOND_US:
                    assert place == 0 or times.judge(time_us, time_us, float(place)) is Word.STRAYS
        words.append(times.judge(10**15 + place * SECOND_US, 10**15 + place * SECOND_US, float(place)))
    assert words == [Word.FOLLOWS] * 10


def test_records_read_again_in_a_moment_are_no_step() -> None:
    times = RecordTimes(10.0)
    for place in range(100):
        times.judge(place * SECOND_US, place * SECOND_US, float(place))
    again = [times.judge(place * SECOND_US, place * SECOND_US, 100 + place / 1000) for place in range(50, 100)]
    assert set(again) == {Word.STRAYS}
    assert times.judge(100 * SECOND_US, 100 * SECOND_US, 101.0) is Word.FOLLOWS
