"""The rules by which events become situations. Pure: rows in, rows out; no clock, no database.

* One situation is open per place and matter. Every active condition there belongs to it.
* The newest word on a condition, by (epoch order, seq), stands; an older one is history and changes nothing. So any
  order and any repetition of deliveries ends in the same state.
* A situation weighs what its worst active condition weighs, and bears that one's type as its headline.
* It clears and closes when no condition is active any more. What comes back within ``HOLD_US`` (by the events' own
  times) reopens it, so that a level that dances around its limit is one situation.
* What merely happens (phase ``occurred``) counts as a condition that ends by itself, ``quiet_after_s`` after the last
  one reached the cloud: an operator always gets that long to see it, however late it came.
* What is taken back (an end whose data say which event it retracts) ends as well, but never closes what somebody has
  acknowledged: people may be on their way. That situation stands open, no longer active, for ``RETRACTED_US``.
* Worse than before, or back again: the acknowledgement falls, for nobody has acknowledged *that*; so does a shelving.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from haechi.contract.catalogue import EventKind
from haechi.contract.events import RETRACTS, Event, Phase, Severity

HOLD_US = 60_000_000
RETRACTED_US = 12 * 3_600_000_000
"""A shift and its handover."""

Order = tuple[int, int]
"""Epoch order and seq: which of two words of one gateway is newer."""
Reason = Literal["opened", "reopened", "worsened", "cleared"]


class ConditionKey(NamedTuple):
    """Names a condition within its city."""

    gateway: str
    condition: str


@dataclass(frozen=True, slots=True)
class Condition:
    """The newest word on one condition."""

    order: Order
    active: bool
    type: str
    severity: Severity
    situation: str | None


@dataclass(frozen=True, slots=True)
class Situation:
    """One place, one matter; the columns of the table ``situations`` that the rules touch."""

    id: str
    tenant: str
    place: str
    matter: str
    open: bool
    active: bool
    acknowledged: bool
    severity: Severity
    severity_max: Severity
    headline: str
    place_name: str
    latitude: float | None
    longitude: float | None
    gateway: str
    datastream: str
    opened_us: int
    updated_us: int
    cleared_us: int | None
    quiet_at_us: int | None
    event_count: int
    shelved_until_us: int | None = None


class Notice(NamedTuple):
    """Somebody should be told; ``key`` makes sure that they are told once."""

    key: str
    situation: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Word:
    """An event as it arrived."""

    tenant: str
    gateway: str
    event: Event
    order: Order
    now_us: int
    known: bool = False
    """The event's id is stored already: a condition stated again, or a repeat."""

    @property
    def happens(self) -> bool:
        """It merely happens: nobody will say that it is over."""
        return self.event.phase is Phase.OCCURRED or not self.event.condition

    @property
    def key(self) -> ConditionKey:
        """The condition that the event speaks of; what merely happens gets a name that no gateway can use."""
        if self.happens:
            return ConditionKey(self.gateway, f"occurred:{self.event.type}:{self.event.subject}")
        return ConditionKey(self.gateway, self.event.condition)

    @property
    def time_us(self) -> int:
        """When it was detected, but never later than now: a clock that runs ahead opens nothing in the future."""
        return min(self.event.time_us, self.now_us)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written."""

    condition: Condition
    situation: Situation | None
    """As it is now; None where the event touches none."""
    notices: tuple[Notice, ...] = ()


def judge(
    word: Word,
    kind: EventKind,
    condition: Condition | None,
    situation: Situation | None,
    others: Mapping[ConditionKey, Condition],
) -> Outcome:
    """Return what an event changes.

    Args:
        word: the event.
        kind: its catalogue entry.
        condition: the newest word on its condition so far.
        situation: for an event that ends a condition, or is older than the newest word, the situation that the
            condition belongs to; otherwise the open one at its place and matter, or else the one that closed last.
        others: the other active conditions that belong to ``situation``, at least the one that weighs most of them.
    """
    if condition is not None and is_history(word, condition):
        return Outcome(condition, _with_history(word, situation))
    if word.event.phase is Phase.CLEARED:
        return _end(word, condition, situation, others)
    return _begin(word, kind, condition, situation, others)


def is_history(word: Word, condition: Condition | None) -> bool:
    """Tell whether a newer word on the condition is known."""
    return not word.happens and condition is not None and word.order < condition.order


def without(
    situation: Situation, remaining: Mapping[ConditionKey, Condition], time_us: int, now_us: int, cause: str
) -> tuple[Situation, tuple[Notice, ...]]:
    """Return a situation after conditions have left it; ``cause`` names the occasion for the notice's key."""
    if not situation.open:
        return situation, ()
    if remaining:
        return replace(_weighed(situation, remaining), updated_us=now_us), ()
    closed = replace(
        situation,
        open=False,
        active=False,
        cleared_us=max(time_us, situation.opened_us),
        quiet_at_us=None,
        updated_us=now_us,
    )
    return closed, (Notice(f"{situation.id}:cleared:{cause}", situation.id, "cleared"),)


def _begin(
    word: Word,
    kind: EventKind,
    condition: Condition | None,
    situation: Situation | None,
    others: Mapping[ConditionKey, Condition],
) -> Outcome:
    current = Condition(word.order, True, word.event.type, word.event.severity, None)
    if condition is not None and condition.active and word.order < condition.order:
        current = replace(condition, active=True)  # an older happening beside a newer one
    notices: list[Notice] = []
    if situation is None or not (situation.open or _returns(word, situation)):
        situation, others = _opened(word, kind), {}
        notices.append(Notice(f"{situation.id}:opened:{word.event.id}", situation.id, "opened"))
    elif not (situation.open and situation.active):
        situation = replace(
            situation,
            open=True,
            active=True,
            acknowledged=False,
            shelved_until_us=None,
            cleared_us=None,
            quiet_at_us=None,
        )
        others = {}
        notices.append(Notice(f"{situation.id}:reopened:{word.event.id}", situation.id, "reopened"))
    elif condition is not None and condition.active and word.event.restated and word.known:
        return Outcome(replace(current, situation=situation.id), situation)
    before = situation.severity if not notices else None
    weighed = _weighed(situation, {**others, word.key: current})
    if before is not None and weighed.severity.rank > before.rank:
        weighed = replace(weighed, acknowledged=False, shelved_until_us=None)
        notices.append(Notice(f"{situation.id}:worsened:{word.event.id}", situation.id, "worsened"))
    if word.happens:
        quiet_at_us = word.now_us + round(kind.quiet_after_s * 1_000_000)
        weighed = replace(weighed, quiet_at_us=max(weighed.quiet_at_us or 0, quiet_at_us))
    if word.event.datastream and (weighed.headline == word.event.type or not weighed.datastream):
        weighed = replace(weighed, datastream=word.event.datastream)
    weighed = replace(weighed, updated_us=word.now_us)
    return Outcome(replace(current, situation=weighed.id), _with_history(word, weighed), tuple(notices))


def _end(
    word: Word,
    condition: Condition | None,
    situation: Situation | None,
    others: Mapping[ConditionKey, Condition],
) -> Outcome:
    ended = Condition(
        word.order, False, word.event.type, word.event.severity, condition.situation if condition else None
    )
    if situation is None or condition is None or not condition.active:
        return Outcome(ended, _with_history(word, situation))
    if RETRACTS in word.event.data and situation.open and situation.acknowledged and not others:
        quiet_at_us = max(situation.quiet_at_us or 0, word.now_us + RETRACTED_US)
        kept = replace(situation, active=False, quiet_at_us=quiet_at_us, updated_us=word.now_us)
        return Outcome(ended, _with_history(word, kept))
    left, notices = without(situation, others, word.time_us, word.now_us, word.event.id)
    return Outcome(ended, _with_history(word, left), notices)


def _with_history(word: Word, situation: Situation | None) -> Situation | None:
    """Count an event that is new, whatever it changes; an older beginning moves the opening back."""
    if situation is None or word.known:
        return situation
    opened_us = situation.opened_us
    if word.event.phase is not Phase.CLEARED:
        opened_us = min(opened_us, word.time_us)
    return replace(situation, event_count=situation.event_count + 1, opened_us=opened_us, updated_us=word.now_us)


def _returns(word: Word, situation: Situation) -> bool:
    return situation.cleared_us is not None and word.time_us - situation.cleared_us < HOLD_US


def _opened(word: Word, kind: EventKind) -> Situation:
    event = word.event
    name = f"{word.tenant}/{event.subject}/{kind.matter}/{event.id}"
    return Situation(
        id="s" + hashlib.sha256(name.encode()).hexdigest()[:23],
        tenant=word.tenant,
        place=event.subject,
        matter=kind.matter,
        open=True,
        active=True,
        acknowledged=False,
        severity=event.severity,
        severity_max=event.severity,
        headline=event.type,
        place_name=event.place_name or event.subject,
        latitude=event.latitude,
        longitude=event.longitude,
        gateway=word.gateway,
        datastream=event.datastream,
        opened_us=word.time_us,
        updated_us=word.now_us,
        cleared_us=None,
        quiet_at_us=None,
        event_count=0,
    )


def _weighed(situation: Situation, conditions: Mapping[ConditionKey, Condition]) -> Situation:
    """Weigh by the worst; among equals the first name, so that the headline does not flicker."""
    rank = max(condition.severity.rank for condition in conditions.values())
    worst = conditions[min(key for key, one in conditions.items() if one.severity.rank == rank)]
    highest = max(worst.severity, situation.severity_max, key=lambda severity: severity.rank)
    return replace(situation, severity=worst.severity, headline=worst.type, severity_max=highest)
