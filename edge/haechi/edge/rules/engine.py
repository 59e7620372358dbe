"""All rules of a gateway: which rule watches which datastream, and the events that their changes become. Pure.

A condition bears its rule's id for ever. What is active is known to the outbox (it keeps the event that raised it, in
the transaction that committed it); after a start :meth:`Engine.restore` states it again under the same condition, or
clears it where nothing watches it any more, so that no flood stays on a map for ever.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from haechi.contract.catalogue import lookup
from haechi.contract.control import Doubt
from haechi.contract.events import Event, Phase, Severity
from haechi.contract.kept import ByNames
from haechi.contract.observations import Quality, Reading, Value
from haechi.contract.places import Place
from haechi.edge.rules import Change, Finding, Machine


@dataclass(frozen=True)
class Rule:
    """One rule with everything that its events say."""

    id: str
    machine: Machine[Any]
    datastream: str
    unit: str
    """Of the figure that its events carry."""
    threshold: float
    event: str
    source: str
    place: Place
    severity: Severity | None = None
    """None takes the catalogue's."""

    def event_of(self, finding: Finding, event_id: str, time_us: int) -> Event:
        """Return the event that begins or ends the condition."""
        return Event(
            id=event_id,
            type=self.event,
            source=self.source,
            subject=self.place.id,
            time_us=time_us,
            phase=Phase.RAISED if finding.change is Change.RAISED else Phase.CLEARED,
            condition=self.id,
            severity=self.severity or lookup(self.event).severity,
            place_name=self.place.name,
            latitude=self.place.latitude,
            longitude=self.place.longitude,
            datastream=self.datastream,
            data={"value": finding.figure, "threshold": self.threshold, "unit": self.unit},
        )


class Engine:
    """Runs the rules."""

    def __init__(self, rules: Sequence[Rule], now_s: float, new_id: Callable[[], str]) -> None:
        """``new_id`` draws the ids of events."""
        self._rules = {rule.id: rule for rule in rules}
        self._states: dict[str, Any] = {rule.id: rule.machine.start(False, now_s) for rule in rules}
        self._by_datastream: dict[str, list[Rule]] = {}
        for rule in rules:
            self._by_datastream.setdefault(rule.datastream, []).append(rule)
        self._watched: ByNames[list[tuple[int, Rule]]] = ByNames()
        self._doubted: dict[str, Any] = {}
        """By rule: the state of a machine that takes the condition for active, while nobody knows whether it is."""
        self._new_id = new_id

    def restore(self, active: Iterable[Event], now_s: float, time_us: int, others: Collection[str] = ()) -> list[Event]:
        """Take up the conditions that stood before the start; return what must be stated about them now.

        ``others`` are conditions that something else still watches (a camera's zones): stated again as they are.
        """
        said: list[Event] = []
        for event in active:
            if event.condition in others:
                said.append(self._copied(event))
                continue
            rule = self._rules.get(event.condition)
            if rule is None or rule.datastream != event.datastream or rule.event != event.type:
                said.append(replace(event, id=self._new_id(), phase=Phase.CLEARED, time_us=time_us, evidence=()))
                continue
            self._states[rule.id] = rule.machine.start(True, now_s)
            self._doubted.pop(rule.id, None)
            said.append(self._stated_again(event, rule))
        return said

    def restated(self, active: Iterable[Event]) -> list[Event]:
        """Return active conditions stated once more, nothing else changed."""
        return [
            self._stated_again(event, rule) if (rule := self._rules.get(event.condition)) else self._copied(event)
            for event in active
        ]

    def doubt(self, condition: str, now_s: float) -> bool:
        """Let the sensor decide about a condition that the cloud shows and that is not active here.

        Two machines run from here on, one that takes it for active and one that does not, until a value lets one of
        them speak: it is raised, or cleared, as the water says. Returns False where no rule watches that condition.
        """
        rule = self._rules.get(condition)
        if rule is not None and condition not in self._doubted:
            self._doubted[condition] = rule.machine.start(True, now_s)
        return rule is not None

    def disowned(self, doubt: Doubt, time_us: int) -> Event:
        """Return the end of a condition that the cloud shows and nothing here knows.

        ``doubt`` names its type and place.
        """
        kind, place = doubt.type or "", doubt.subject or ""
        return Event(
            id=self._new_id(),
            type=kind,
            source=place,
            subject=place,
            time_us=time_us,
            phase=Phase.CLEARED,
            condition=doubt.condition,
            severity=lookup(kind).severity,
        )

    def observe(self, reading: Reading, now_s: float) -> list[Event]:
        """Let the rules see a reading; return the events of what changed. Bad values are not seen."""
        watched = self._watched.get(reading.datastreams)
        if watched is None:
            watched = self._watch(reading.datastreams)
        events: list[Event] = []
        for index, rule in watched:
            if reading.qualities is not None and reading.qualities[index] is Quality.BAD:
                continue
            figure = _number(reading.values[index])
            if figure is None:
                continue
            state, finding = rule.machine.on_value(self._states[rule.id], figure, now_s)
            self._states[rule.id] = state
            if rule.id in self._doubted:
                finding = self._decide(rule, finding, figure, now_s)
            if finding is not None:
                events.append(rule.event_of(finding, self._new_id(), reading.observed_at_us))
        return events

    def tick(self, now_s: float, time_us: int) -> list[Event]:
        """Let time pass; return the events of what changed."""
        events: list[Event] = []
        for rule in self._rules.values():
            state, finding = rule.machine.on_tick(self._states[rule.id], now_s)
            if finding is not None:
                self._states[rule.id] = state
                self._doubted.pop(rule.id, None)
                events.append(rule.event_of(finding, self._new_id(), time_us))
        return events

    def _decide(self, rule: Rule, finding: Finding | None, figure: float, now_s: float) -> Finding | None:
        """Return what is to be said about a condition in doubt; the doubt is over when that is something."""
        state, ended = rule.machine.on_value(self._doubted[rule.id], figure, now_s)
        self._doubted[rule.id] = state
        said = finding or ended
        if said is not None:
            del self._doubted[rule.id]
        return said

    def _watch(self, datastreams: tuple[str, ...]) -> list[tuple[int, Rule]]:
        watched = [
            (index, rule) for index, name in enumerate(datastreams) for rule in self._by_datastream.get(name, ())
        ]
        return self._watched.keep(datastreams, watched)

    def _stated_again(self, event: Event, rule: Rule) -> Event:
        place = rule.place
        return replace(
            self._copied(event),
            subject=place.id,
            place_name=place.name,
            latitude=place.latitude,
            longitude=place.longitude,
            severity=rule.severity or lookup(rule.event).severity,
        )

    def _copied(self, event: Event) -> Event:
        return replace(event, id=self._new_id(), phase=Phase.RAISED, restated=True, evidence=())


def _number(value: Value) -> float | None:
    """Return what a rule compares: a number as it is, a truth as 1 or 0, nothing for text."""
    return None if isinstance(value, str) else float(value)
