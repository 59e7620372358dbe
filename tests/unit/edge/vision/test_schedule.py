"""Weekly hours, over midnight and when summer time comes and goes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.vision.schedule import DAYS, Day, Schedule, Span

SEOUL = ZoneInfo("Asia/Seoul")
HELSINKI = ZoneInfo("Europe/Helsinki")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(when: datetime) -> int:
    return (when - EPOCH) // timedelta(microseconds=1)


def local(day: int, hour: int, minute: int = 0, *, zone: ZoneInfo = SEOUL, month: int = 11) -> int:
    return us(datetime(2026, month, day, hour, minute, tzinfo=zone))


def schedule(*days: Day, begin: time, end: time, zone: ZoneInfo = SEOUL) -> Schedule:
    return Schedule([Span(frozenset(days or DAYS), begin, end)], zone)


def test_without_hours_it_is_always_in_force() -> None:
    assert Schedule([], SEOUL).in_force(0)


def test_hours_of_a_day_hold_their_beginning_and_not_their_end() -> None:
    office = schedule("mon", begin=time(9), end=time(18))  # 23 November 2026 is a Monday
    assert [office.in_force(local(23, *at)) for at in ((8, 59), (9, 0), (17, 59), (18, 0))] == [
        False,
        True,
        True,
        False,
    ]
    assert not office.in_force(local(24, 12))


def test_hours_over_midnight_belong_to_the_day_they_began_on() -> None:
    night = schedule("fri", begin=time(22), end=time(6))
    assert [night.in_force(local(*at)) for at in ((27, 23), (28, 3), (28, 6), (28, 23), (27, 3))] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_same_begin_and_end_are_a_whole_day() -> None:
    sunday = schedule("sun", begin=time(0), end=time(0))
    assert sunday.in_force(local(22, 0))
    assert sunday.in_force(local(22, 23, 59))
    assert not sunday.in_force(local(23, 0))


def test_hours_that_begin_in_the_hour_that_spring_leaves_out_begin_after_it() -> None:
    # On 29 March 2026 clocks in Helsinki go from 03:00 to 04:00.
    odd = schedule(begin=time(3, 30), end=time(5), zone=HELSINKI)
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)  # 02:59 local
    assert not odd.in_force(us(before))
    assert odd.in_force(us(before + timedelta(minutes=1)))


def test_the_hour_that_autumn_repeats_counts_twice() -> None:
    # On 25 October 2026 clocks in Helsinki go from 04:00 back to 03:00.
    odd = schedule(begin=time(3, 30), end=time(3, 40), zone=HELSINKI)
    first = datetime(2026, 10, 25, 0, 35, tzinfo=UTC)
    assert odd.in_force(us(first))
    assert odd.in_force(us(first + timedelta(hours=1)))
    assert not odd.in_force(us(first + timedelta(minutes=30)))


@given(st.integers(0, 7 * 24 * 60 - 1), st.times(), st.times(), st.sets(st.sampled_from(DAYS), min_size=1))
def test_hours_and_their_complement_share_the_day(minute: int, begin: time, end: time, days: set[Day]) -> None:
    if begin == end:
        return
    now_us = local(16, 0) + minute * 60_000_000
    here = Schedule([Span(frozenset(days), begin, end)], SEOUL)
    there = Schedule([Span(frozenset(days), end, begin)], SEOUL)
    every = Schedule([Span(frozenset(DAYS), begin, end)], SEOUL)
    rest = Schedule([Span(frozenset(DAYS), end, begin)], SEOUL)
    assert every.in_force(now_us) != rest.in_force(now_us)
    assert not here.in_force(now_us) or every.in_force(now_us)
    assert not (here.in_force(now_us) and there.in_force(now_us))
