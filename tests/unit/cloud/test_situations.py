"""The rules of situations: any order and any repetition of deliveries ends in the state that the right order gives."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.cloud.event_handler.situations import (
    HOLD_US,
    RETRACTED_US,
    Condition,
    ConditionKey,
    Notice,
    Situation,
    Word,
    is_history,
    judge,
    without,
)
from haechi.contract.catalogue import lookup
from haechi.contract.events import RETRACTS, Event, Phase, Severity

START_US = 1_790_000_000_000_000
SECOND_US = 1_000_000


@dataclass
class City:
    """The tables, in memory: what the handler does, without a database."""

    conditions: dict[ConditionKey, Condition] = field(default_factory=dict)
    situations: dict[str, Situation] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    notices: list[Notice] = field(default_factory=list)

    def hear(self, word: Word) -> None:
        word = replace(word, known=word.event.id in self.events)
        self.events.add(word.event.id)
        condition = self.conditions.get(word.key)
        kind = lookup(word.event.type)
        if word.event.phase is Phase.CLEARED or is_history(word, condition):
            situation = self.situations.get((condition and condition.situation) or "")
        else:
            situation = self.at(word.event.subject, kind.matter)
        others = {
            key: one
            for key, one in self.conditions.items()
            if situation and one.active and one.situation == situation.id and key != word.key
        }
        outcome = judge(word, kind, condition, situation, others)
        self.conditions[word.key] = outcome.condition
        if outcome.situation is not None:
            self.situations[outcome.situation.id] = outcome.situation
        self.notices.extend(outcome.notices)

    def at(self, place: str, matter: str) -> Situation | None:
        there = [one for one in self.situations.values() if (one.place, one.matter) == (place, matter)]
        return max(there, key=lambda one: (one.open, one.cleared_us or 0), default=None)

    def open(self) -> dict[tuple[str, str], tuple[bool, Severity, str]]:
        found: dict[tuple[str, str], tuple[bool, Severity, str]] = {}
        for one in self.situations.values():
            if one.open:
                assert (one.place, one.matter) not in found, "one situation is open per place and matter"
                found[one.place, one.matter] = (one.active, one.severity, one.headline)
        return found


def word(
    number: int,
    phase: Phase,
    condition: str = "river-1.level.alarm",
    type_: str = "flood.level_high",
    severity: Severity = Severity.SEVERE,
    place: str = "bridge",
    at_s: float | None = None,
    gateway: str = "cabinet-1",
    event_id: str | None = None,
    restated: bool = False,
) -> Word:
    time_us = START_US + round((number if at_s is None else at_s) * SECOND_US)
    event = Event(
        id=event_id or f"{gateway}-{number:08d}",
        type=type_,
        source="river-1",
        subject=place,
        time_us=time_us,
        phase=phase,
        condition="" if phase is Phase.OCCURRED else condition,
        severity=severity,
        restated=restated,
    )
    return Word("city", gateway, event, (1, number), START_US + 10_000 * SECOND_US)


def hear(*words: Word) -> City:
    city = City()
    for one in words:
        city.hear(one)
    return city


def only(city: City) -> Situation:
    (situation,) = city.situations.values()
    return situation


def reasons(city: City) -> list[str]:
    return [notice.reason for notice in city.notices]


def test_a_condition_opens_one_situation_and_its_end_closes_it() -> None:
    city = hear(word(1, Phase.RAISED), word(2, Phase.CLEARED))
    assert (only(city).open, only(city).active) == (False, False)
    assert only(city).cleared_us == START_US + 2 * SECOND_US
    assert only(city).event_count == 2
    assert reasons(city) == ["opened", "cleared"]


def test_two_signals_of_one_matter_are_one_situation_that_weighs_the_worst() -> None:
    rising = {"condition": "river-1.rise", "type_": "flood.level_rising", "severity": Severity.MODERATE}
    city = hear(word(1, Phase.RAISED, **rising), word(2, Phase.RAISED))  # type: ignore[arg-type]
    assert (only(city).severity, only(city).headline) == (Severity.SEVERE, "flood.level_high")
    assert reasons(city) == ["opened", "worsened"]
    city.hear(word(3, Phase.CLEARED))
    assert (only(city).open, only(city).severity, only(city).severity_max) == (True, Severity.MODERATE, Severity.SEVERE)
    city.hear(word(4, Phase.CLEARED, **rising))  # type: ignore[arg-type]
    assert not only(city).open


def test_a_camera_and_a_gauge_at_one_place_are_two_matters() -> None:
    city = hear(word(1, Phase.RAISED), word(2, Phase.RAISED, "cam-1.zone", "security.intrusion"))
    assert set(city.open()) == {("bridge", "flood"), ("bridge", "security")}


def test_an_older_word_never_beats_a_newer_one() -> None:
    city = hear(word(2, Phase.CLEARED), word(1, Phase.RAISED))
    assert city.open() == {}
    assert city.notices == []


def test_a_condition_stated_again_changes_nothing() -> None:
    city = hear(word(1, Phase.RAISED))
    before = only(city)
    city.hear(word(9, Phase.RAISED, event_id=word(1, Phase.RAISED).event.id, restated=True))
    assert only(city) == before
    city.hear(word(5, Phase.CLEARED))
    assert only(city).open, "the end is older than what was stated again"


def test_what_comes_back_at_once_is_the_same_situation_and_later_a_new_one() -> None:
    city = hear(word(1, Phase.RAISED), word(2, Phase.CLEARED))
    city.hear(word(3, Phase.RAISED))
    assert (only(city).open, only(city).acknowledged, only(city).cleared_us) == (True, False, None)
    assert reasons(city) == ["opened", "cleared", "reopened"]
    city.hear(word(4, Phase.CLEARED))
    city.hear(word(5, Phase.RAISED, at_s=4 + HOLD_US / SECOND_US))
    assert len(city.situations) == 2


def test_getting_worse_withdraws_the_acknowledgement_and_getting_better_does_not() -> None:
    city = hear(word(1, Phase.RAISED, severity=Severity.MODERATE))
    for number, severity, acknowledged in ((2, Severity.SEVERE, False), (3, Severity.MINOR, True)):
        city.situations = {key: replace(one, acknowledged=True) for key, one in city.situations.items()}
        city.hear(word(number, Phase.UPDATED, severity=severity))
        assert only(city).acknowledged is acknowledged
        assert only(city).severity is severity


def test_what_merely_happens_ends_by_itself_however_late_it_came() -> None:
    call = word(1, Phase.OCCURRED, type_="security.emergency_call", severity=Severity.EXTREME)
    city = hear(call)
    situation = only(city)
    assert situation.quiet_at_us == call.now_us + 600 * SECOND_US
    after, notices = without(situation, {}, situation.quiet_at_us or 0, call.now_us, "quiet")
    assert (after.open, after.active) == (False, False)
    assert [notice.reason for notice in notices] == ["cleared"]


def test_a_clock_that_runs_ahead_opens_nothing_in_the_future() -> None:
    city = hear(word(1, Phase.RAISED, at_s=1e9))
    assert only(city).opened_us == START_US + 10_000 * SECOND_US


def retraction(number: int) -> Word:
    end = word(number, Phase.CLEARED)
    return replace(end, event=msgspec.structs.replace(end.event, data={RETRACTS: word(1, Phase.RAISED).event.id}))


def test_what_is_taken_back_closes_its_situation_unless_somebody_has_acknowledged_it() -> None:
    assert not only(hear(word(1, Phase.RAISED), retraction(2))).open

    city = hear(word(1, Phase.RAISED))
    city.situations = {key: replace(one, acknowledged=True) for key, one in city.situations.items()}
    city.hear(retraction(2))
    kept = only(city)
    assert (kept.open, kept.active, kept.acknowledged, kept.event_count) == (True, False, True, 2)
    assert kept.quiet_at_us == word(2, Phase.CLEARED).now_us + RETRACTED_US
    assert reasons(city) == ["opened"]
    after, _notices = without(kept, {}, kept.quiet_at_us or 0, kept.quiet_at_us or 0, "quiet")
    assert not after.open


def test_what_comes_back_after_it_was_taken_back_has_to_be_acknowledged_anew() -> None:
    city = hear(word(1, Phase.RAISED))
    city.situations = {key: replace(one, acknowledged=True) for key, one in city.situations.items()}
    city.hear(retraction(2))
    city.hear(word(3, Phase.RAISED))
    again = only(city)
    assert (again.open, again.active, again.acknowledged, again.quiet_at_us) == (True, True, False, None)
    assert reasons(city) == ["opened", "reopened"]
    city.hear(word(4, Phase.CLEARED))
    assert not only(city).open


def test_what_is_taken_back_leaves_what_else_is_there() -> None:
    city = hear(word(1, Phase.RAISED), word(2, Phase.RAISED, "river-2.alarm"))
    city.situations = {key: replace(one, acknowledged=True) for key, one in city.situations.items()}
    city.hear(retraction(3))
    assert (only(city).open, only(city).active, only(city).quiet_at_us) == (True, True, None)


_conditions = st.sampled_from(
    [
        ("river-1.alarm", "flood.level_high", Severity.SEVERE, "bridge"),
        ("river-1.rise", "flood.level_rising", Severity.MODERATE, "bridge"),
        ("road-1.water", "flood.road_inundated", Severity.EXTREME, "bridge"),
        ("cam-1.zone", "security.intrusion", Severity.MODERATE, "bridge"),
        ("river-2.alarm", "flood.level_high", Severity.SEVERE, "weir"),
    ]
)
_words = st.lists(
    st.tuples(
        st.sampled_from(["cabinet-1", "cabinet-2"]),
        _conditions,
        st.sampled_from([Phase.RAISED, Phase.UPDATED, Phase.CLEARED]),
        st.sampled_from([Severity.MINOR, Severity.EXTREME, None]),
    ),
    min_size=1,
    max_size=14,
)


def _history(told: Iterable[tuple[str, tuple[str, str, Severity, str], Phase, Severity | None]]) -> list[Word]:
    return [
        word(number, phase, condition, type_, severity or usual, place, gateway=gateway)
        for number, (gateway, (condition, type_, usual, place), phase, severity) in enumerate(told, 1)
    ]


@settings(max_examples=400, deadline=None)
@given(told=_words, data=st.data())
def test_any_order_and_repetition_ends_in_the_same_state(
    told: list[tuple[str, tuple[str, str, Severity, str], Phase, Severity | None]], data: st.DataObject
) -> None:
    history = _history(told)
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=8))
    mixed = data.draw(st.permutations(repeated))
    right, other = hear(*history), hear(*mixed)
    assert other.open() == right.open()
    assert {key: (one.order, one.active) for key, one in other.conditions.items()} == {
        key: (one.order, one.active) for key, one in right.conditions.items()
    }


@settings(max_examples=200, deadline=None)
@given(told=_words)
def test_a_situation_is_open_exactly_while_one_of_its_conditions_is_active(
    told: list[tuple[str, tuple[str, str, Severity, str], Phase, Severity | None]],
) -> None:
    city = City()
    for one in _history(told):
        city.hear(one)
        for situation in city.situations.values():
            active = [c for c in city.conditions.values() if c.active and c.situation == situation.id]
            assert situation.open == bool(active)
            if active:
                assert situation.severity.rank == max(c.severity.rank for c in active)
        assert len({notice.key for notice in city.notices}) == len(city.notices)
