"""Rules: what raises, what clears, and that neither bad values nor a restart can make or lose an alarm."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.contract.events import Event, Phase
from haechi.contract.observations import Quality, Reading
from haechi.contract.places import Place
from haechi.edge.rules import Change, Machine
from haechi.edge.rules.engine import Engine, Rule
from haechi.edge.rules.rate import Rate
from haechi.edge.rules.stale import Stale
from haechi.edge.rules.threshold import Threshold

VALUES = st.lists(st.floats(-10, 10), max_size=60)
PLACE = Place(id="bridge", name="Bridge", latitude=36.0, longitude=127.0)


def changes(machine: Machine[Any], values: list[float], step_s: float = 1.0) -> list[tuple[int, Change]]:
    state, found = machine.start(False, 0.0), []
    for index, value in enumerate(values):
        state, finding = machine.on_value(state, value, index * step_s)
        if finding is not None:
            found.append((index, finding.change))
    return found


@given(VALUES, st.floats(0, 3), st.floats(0, 5), st.floats(0, 5), st.booleans())
def test_raised_and_cleared_take_turns(
    values: list[float], hysteresis: float, raise_s: float, clear_s: float, above: bool
) -> None:
    found = changes(Threshold(1.0, above, hysteresis, raise_s, clear_s), values)
    assert [change for _, change in found] == list(
        itertools.islice(itertools.cycle([Change.RAISED, Change.CLEARED]), len(found))
    )
    for index, change in found:
        excess = values[index] - 1.0 if above else 1.0 - values[index]
        assert excess >= 0 if change is Change.RAISED else -excess >= hysteresis


def test_below_mirrors_above() -> None:
    assert changes(Threshold(1.0, above=False), [2, 1, 0, 2]) == [(1, Change.RAISED), (3, Change.CLEARED)]


def test_hysteresis_keeps_a_fluttering_value_raised() -> None:
    assert changes(Threshold(3.0, hysteresis=0.5), [3.0, 2.9, 3.1, 2.6, 2.5]) == [
        (0, Change.RAISED),
        (4, Change.CLEARED),
    ]


def test_a_delay_begins_again_when_the_value_goes_back() -> None:
    values = [3.5, 3.5, 2.0, 3.5, 3.5, 3.5, 3.5]
    assert changes(Threshold(3.0, raise_after_s=3), values) == [(6, Change.RAISED)]
    values = [3.5, 2.0, 3.5, 2.0, 2.0, 2.0]
    assert changes(Threshold(3.0, clear_after_s=2), values) == [(0, Change.RAISED), (5, Change.CLEARED)]


def test_a_rise_within_the_window_raises_and_a_slow_one_does_not() -> None:
    assert changes(Rate(rise=1.0, window_s=10), [0.05 * i for i in range(60)]) == []
    assert changes(Rate(rise=1.0, window_s=10), [0.2 * i for i in range(6)]) == [(5, Change.RAISED)]


def test_a_rate_clears_when_the_window_has_forgotten_the_rise() -> None:
    found = changes(Rate(rise=1.0, window_s=10), [0.0, 2.0] + [2.0] * 20)
    assert found[0] == (1, Change.RAISED)
    assert found[1][1] is Change.CLEARED
    assert found[1][0] in range(10, 13)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(-5, 5)), max_size=300))
def test_the_window_of_a_rate_has_a_fixed_size(values: list[tuple[float, float]]) -> None:
    machine, now_s = Rate(rise=1.0, window_s=3), 0.0
    state = machine.start(False, now_s)
    for pause_s, value in values:
        now_s += pause_s
        state, _ = machine.on_value(state, value, now_s)
        assert len(state.lowest) <= 60


def test_silence_is_stale_and_a_value_ends_it() -> None:
    machine = Stale(5.0)
    state = machine.start(False, 0.0)
    state, _ = machine.on_value(state, 1.0, 2.0)
    state, finding = machine.on_tick(state, 6.9)
    assert finding is None
    state, finding = machine.on_tick(state, 7.0)
    assert finding is not None
    assert finding.change is Change.RAISED
    assert machine.on_tick(state, 100.0)[1] is None
    state, finding = machine.on_value(state, 1.0, 101.0)
    assert finding is not None
    assert finding.change is Change.CLEARED


def engine(now_s: float = 0.0) -> Engine:
    ids = (f"event-{number:04d}" for number in itertools.count())
    rule = Rule(
        id="river-1.level.alarm",
        machine=Threshold(3.0, hysteresis=0.5),
        datastream="river-1.level",
        unit="m",
        threshold=3.0,
        event="flood.level_high",
        source="river-1",
        place=PLACE,
    )
    return Engine([rule], now_s, lambda: next(ids))


def reading(value: float | str, quality: Quality = Quality.GOOD, time_us: int = 1) -> Reading:
    return Reading(time_us, ("river-1.battery", "river-1.level"), (12.0, value), (Quality.GOOD, quality))


def test_an_event_says_where_what_and_how_much() -> None:
    (event,) = engine().observe(reading(3.25, time_us=77), 0.0)
    assert (event.condition, event.phase, event.severity) == ("river-1.level.alarm", Phase.RAISED, "severe")
    assert (event.subject, event.place_name, event.latitude, event.time_us) == ("bridge", "Bridge", 36.0, 77)
    assert event.data == {"value": 3.25, "threshold": 3.0, "unit": "m"}


def test_bad_values_and_text_neither_raise_nor_clear() -> None:
    rules = engine()
    assert not rules.observe(reading(9.0, Quality.BAD), 0.0)
    assert not rules.observe(reading("9.0"), 0.0)
    assert rules.observe(reading(9.0, Quality.UNCERTAIN), 0.0)
    assert not rules.observe(reading(0.0, Quality.BAD), 1.0)
    assert rules.observe(reading(0.0), 2.0)


def raised() -> Event:
    (event,) = engine().observe(reading(3.25), 0.0)
    return event


def test_a_condition_that_stood_is_stated_again_and_cleared_later() -> None:
    rules = engine()
    (again,) = rules.restore([raised()], 0.0, 5)
    assert again.restated
    assert (again.condition, again.phase, again.time_us) == ("river-1.level.alarm", Phase.RAISED, 1)
    assert not rules.observe(reading(3.5), 1.0)
    (cleared,) = rules.observe(reading(2.0), 2.0)
    assert cleared.phase is Phase.CLEARED


def test_a_condition_that_nothing_watches_any_more_is_cleared() -> None:
    rules = Engine([], 0.0, lambda: "event-new")
    (event,) = rules.restore([raised()], 0.0, 5)
    assert (event.phase, event.condition, event.id, event.time_us) == (
        Phase.CLEARED,
        "river-1.level.alarm",
        "event-new",
        5,
    )


@pytest.mark.parametrize(
    ("levels", "phases"),
    [
        ([2.4], [Phase.CLEARED]),
        ([3.25], [Phase.RAISED]),
        ([2.75, 2.75], []),
        ([2.75, 2.4, 2.4], [Phase.CLEARED]),
        ([2.75, 3.0, 2.4, 2.4], [Phase.RAISED, Phase.CLEARED]),
    ],
)
def test_a_condition_in_doubt_is_decided_by_the_water(levels: list[float], phases: list[Phase]) -> None:
    rules = engine()
    assert rules.doubt("river-1.level.alarm", 0.0)
    said = [event for now_s, level in enumerate(levels) for event in rules.observe(reading(level), float(now_s))]
    assert [(event.condition, event.phase) for event in said] == [("river-1.level.alarm", phase) for phase in phases]


def test_a_doubt_about_what_is_raised_meanwhile_is_over() -> None:
    rules = engine()
    rules.doubt("river-1.level.alarm", 0.0)
    rules.restore([raised()], 0.0, 5)
    assert [event.phase for event in rules.observe(reading(0.0), 1.0)] == [Phase.CLEARED]
    assert not rules.observe(reading(0.0), 2.0)
    assert not rules.doubt("cam-1.gate.intrusion", 0.0)


def test_silence_raises_what_is_in_doubt_and_a_value_clears_it() -> None:
    rule = Rule("river-1.stale", Stale(5.0), "river-1.level", "s", 5.0, "device.stale", "river-1", PLACE)
    for seconds, phase in ((2.0, Phase.CLEARED), (6.0, Phase.RAISED)):
        rules = Engine([rule], 0.0, lambda: "event-00001")
        rules.doubt("river-1.stale", 0.0)
        said = [*rules.tick(seconds, 1), *rules.observe(reading(1.0), seconds)]
        assert said[0].phase is phase


def test_a_cameras_condition_is_stated_again_as_it_is() -> None:
    rules = Engine([], 0.0, lambda: "event-new")
    (event,) = rules.restore([raised()], 0.0, 5, others={"river-1.level.alarm"})
    assert event.restated
    assert event.phase is Phase.RAISED
