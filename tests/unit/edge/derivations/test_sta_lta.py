"""The ratio agrees with ObsPy; the watch raises on a shock, not on an offset, a gap or an old packet."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.derivations.earthquake import EarthquakeWatch
from haechi.edge.derivations.sta_lta import DirectCurrentFilter, StaLta
from haechi.edge.rules import Change

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


def feed(watch: EarthquakeWatch, start: int, stop: int, offset: float = 16000.0) -> list[Change]:
    """Feed samples in packets of a quarter of a second, as a seismometer sends them."""
    changes = []
    for first in range(start, stop, 25):
        finding = watch.feed([offset + shock(place) for place in range(first, first + 25)], first / _RATE_HZ)
        if finding is not None:
            changes.append(finding.change)
    return changes


def new_watch() -> EarthquakeWatch:
    return EarthquakeWatch(_RATE_HZ, short_s=0.25, long_s=5.0, raise_at=4.0, clear_at=1.0, ring_s=2.0)


def test_a_shock_raises_once_and_clears_once() -> None:
    watch = new_watch()
    assert feed(watch, 0, 800) == []
    assert feed(watch, 800, 1500) == [Change.RAISED, Change.CLEARED]
    assert not watch.active


def test_the_last_seconds_are_kept_and_no_more() -> None:
    watch = new_watch()
    feed(watch, 0, 1000)
    assert list(watch.waveform) == [16000.0 + shock(place) for place in range(800, 1000)]


def test_a_jump_behind_a_gap_is_no_shock() -> None:
    watch = new_watch()
    feed(watch, 0, 700)
    changes = [
        watch.feed([90000.0 + hum(place) for place in range(first, first + 25)], first / _RATE_HZ)
        for first in range(750, 2000, 25)
    ]
    assert changes == [None] * len(changes)
    assert watch.gaps == 1


def test_a_gap_neither_clears_nor_raises() -> None:
    watch = new_watch()
    assert feed(watch, 0, 850) == [Change.RAISED]
    assert feed(watch, 900, 925) == []
    assert watch.active


def test_a_packet_that_came_before_is_dropped() -> None:
    watch = new_watch()
    feed(watch, 0, 800)
    kept = list(watch.waveform)
    assert watch.feed([1e9] * 25, 7.0) is None
    assert list(watch.waveform) == kept


def test_thresholds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="clear_at below raise_at"):
        EarthquakeWatch(_RATE_HZ, raise_at=2.0, clear_at=2.0)
