"""The ratio agrees with ObsPy; a shock is told at once, an offset, a gap or an old sample is none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.derivations.earthquake import GroundMotion
from haechi.edge.derivations.sta_lta import DirectCurrentFilter, StaLta
from haechi.edge.rules import Change
from haechi.edge.rules.threshold import Threshold

_RATE_HZ = 100.0


def hum(place: int) -> float:
    return 10 * math.sin(0.7 * place) + 3 * math.cos(2.1 * place)


def shock(place: int) -> float:
    return hum(place) + (400 * math.exp(-(place - 800) / 150) * math.sin(0.9 * place) if place >= 800 else 0.0)


# obspy.signal.trigger.recursive_sta_lta([shock(i) for i in range(1500)], 25, 500), ObsPy 1.5.1.
_OBSPY = {
    0: 0.0,
    1: 0.0,
    499: 0.0,
    500: 1.5448716440309278,
    501: 1.639934626984944,
    600: 1.4877116581929417,
    799: 1.2422475435477536,
    800: 13.904263873538067,
    801: 17.951058262075385,
    805: 17.636880644810237,
    810: 15.884327122952763,
    830: 11.410316800252474,
    900: 3.628765201090919,
    1100: 0.2908050553745051,
    1499: 0.016182421333407,
}


def test_the_ratio_is_obspys() -> None:
    ratio = StaLta(25, 500)
    found = [ratio.feed(shock(place)) for place in range(1500)]
    assert {place: found[place] for place in _OBSPY} == pytest.approx(_OBSPY, rel=1e-12)


@pytest.mark.parametrize(("short", "long"), [(0, 10), (10, 10), (11, 10)])
def test_windows_that_do_not_fit_are_refused(short: int, long: int) -> None:
    with pytest.raises(ValueError, match="shorter"):
        StaLta(short, long)


@given(st.floats(-1e6, 1e6), st.integers(300, 2000))
def test_an_offset_is_taken_off(offset: float, count: int) -> None:
    high_pass = DirectCurrentFilter(0.5, _RATE_HZ)
    assert [high_pass.feed(offset) for _ in range(count)] == [0.0] * count


def feed(motion: GroundMotion, start: int, stop: int, offset: float = 16000.0) -> list[tuple[float, float]]:
    """Feed samples at their times; return what was said, and when."""
    said = []
    for place in range(start, stop):
        ratio = motion.feed(offset + shock(place), place / _RATE_HZ)
        if ratio is not None:
            said.append((place / _RATE_HZ, ratio))
    return said


def new_motion() -> GroundMotion:
    return GroundMotion(_RATE_HZ, short_s=0.25, long_s=5.0)


def test_quiet_is_said_once_a_second_and_a_shock_within_a_sample() -> None:
    motion = new_motion()
    quiet = feed(motion, 0, 800)
    assert [time_s for time_s, _ratio in quiet] == [5.0, 6.0, 7.0]
    assert all(ratio < 4 for _time_s, ratio in quiet)
    shaken = feed(motion, 800, 1500)
    assert (shaken[0][0], shaken[0][1] > 4) == (8.0, True)
    assert shaken[-1][1] < 1


def test_a_threshold_rule_on_the_ratio_raises_once_and_clears_once() -> None:
    motion, rule = new_motion(), Threshold(4.0, hysteresis=2.5)
    state, found = rule.start(False, 0.0), []
    for time_s, ratio in feed(motion, 0, 1500):
        state, finding = rule.on_value(state, ratio, time_s)
        found += [] if finding is None else [finding.change]
    assert found == [Change.RAISED, Change.CLEARED]


def quakes(place: int) -> float:
    value = 16000 + hum(place)
    for first, strength, fades, pace in ((800, 400, 150, 0.9), (2600, 500, 400, 0.3), (5600, 90, 90, 1.3)):
        if place >= first:
            value += strength * math.exp(-(place - first) / fades) * math.sin(pace * (place - first))
    return value


# obspy.signal.trigger.trigger_onset(recursive_sta_lta(filtered, 25, 500), 3.0, 1.2), ObsPy 1.5.1, of 8,000 samples.
_OBSPY_ON_OFF = [(801, 980), (2602, 2883), (5608, 5719)]


def test_a_rule_raises_with_obspys_trigger_and_clears_soon_after_it() -> None:
    motion, rule = new_motion(), Threshold(3.0, hysteresis=1.8)
    state, changes = rule.start(False, 0.0), []
    for place in range(8000):
        ratio = motion.feed(quakes(place), place / _RATE_HZ)
        if ratio is not None:
            state, finding = rule.on_value(state, ratio, place / _RATE_HZ)
            changes += [] if finding is None else [(place, finding.change)]
    raised = [place for place, change in changes if change is Change.RAISED]
    cleared = [place for place, change in changes if change is Change.CLEARED]
    assert all(0 <= ours - theirs <= 10 for ours, (theirs, _off) in zip(raised, _OBSPY_ON_OFF, strict=True))
    assert all(0 <= ours - theirs <= 220 for ours, (_on, theirs) in zip(cleared, _OBSPY_ON_OFF, strict=True))


def test_a_lost_datagram_with_another_offset_behind_it_is_no_shock_and_no_silence() -> None:
    motion = new_motion()
    feed(motion, 0, 700)
    said = [
        (place / _RATE_HZ, ratio)
        for place in range(725, 1200)
        if (ratio := motion.feed(90000.0 + hum(place), place / _RATE_HZ)) is not None
    ]
    assert [time_s for time_s, _ratio in said] == pytest.approx([7.25, 8.25, 9.25, 10.25, 11.25])
    assert max(ratio for _time_s, ratio in said) < 2.5
    assert motion.gaps == 1


def test_behind_a_gap_longer_than_the_long_window_nothing_is_said_until_one_has_passed() -> None:
    motion = new_motion()
    feed(motion, 0, 700)
    said = [
        place / _RATE_HZ
        for place in range(1250, 2000)
        if motion.feed(90000.0 + hum(place), place / _RATE_HZ) is not None
    ]
    assert said[0] == 17.5
    assert motion.gaps == 1


@pytest.mark.parametrize("lost", range(10))
def test_a_shock_is_told_though_every_tenth_datagram_is_lost(lost: int) -> None:
    """Of datagrams of 25 samples, one every quarter of a second, as a Shake sends them."""
    motion, rule = new_motion(), Threshold(3.0, hysteresis=1.8)
    state, raised = rule.start(False, 0.0), []
    for place in range(8000):
        if place // 25 % 10 == lost:
            continue
        ratio = motion.feed(quakes(place), place / _RATE_HZ)
        if ratio is not None:
            state, finding = rule.on_value(state, ratio, place / _RATE_HZ)
            raised += [place] if finding is not None and finding.change is Change.RAISED else []
    assert len(raised) == 3
    assert all(0 <= ours - theirs <= 40 for ours, (theirs, _off) in zip(raised, _OBSPY_ON_OFF, strict=True))


def test_a_sample_that_came_before_is_not_looked_at() -> None:
    motion, other = new_motion(), new_motion()
    feed(motion, 0, 800)
    feed(other, 0, 800)
    assert [motion.feed(1e9, 7.0), motion.feed(1e9, 7.99)] == [None, None]
    assert feed(motion, 800, 1500) == feed(other, 800, 1500)


def test_windows_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter than the long one"):
        GroundMotion(_RATE_HZ, short_s=5.0, long_s=5.0)
