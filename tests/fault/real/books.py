"""Holds what is stored against what the devices handed out and what the gateway committed, when everything has ended.

Promise: :func:`audit` raises :class:`BrokenPromise` unless

* every parcel ever named is stored or lost, never both, and what is lost lies in a loss record;
* as many observations are stored as were committed, less those that loss records count, and events likewise;
* each number that a device handed out is stored once in each of its datastreams, or not at all, and then its time lies
  in a reported loss, in the gap of an unclean stop, or it was under way when the gateway was stopped in order;
* nothing is stored that was not handed out; nothing is among the dead letters.

It reads InfluxDB, the cloud's state and the gateway's outbox with queries of its own, not with the software's.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault.real.city import GATEWAY, VALUES_A_READ, RealCity

from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Figures
from support.counting import CountingDevice
from support.simulation.truth import BrokenPromise

UNCLEAN = "unclean_stop"
_COMMIT_US = 2_000_000
"""What was read is committed within a second; the other one is for a machine that is busy."""
_SLACK_US = 250_000
"""Between a device's answer and the gateway's time for it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss record as operators see it."""

    cause: str
    ranges: Mapping[bytes, RangeSet]
    first_us: int
    last_us: int
    observations: int
    events: int


@dataclass(frozen=True, slots=True)
class State:
    """What the cloud's state database says of the gateway."""

    stored: Mapping[bytes, RangeSet]
    lost: Mapping[bytes, RangeSet]
    next_seqs: Mapping[bytes, int]
    losses: Sequence[Loss]
    observations: int
    repeats: int
    events: int
    open_floods: int
    dead_letters: Sequence[str]


@dataclass(frozen=True, slots=True)
class Audit:
    """The figures of a run that has kept the promise."""

    handed_out: int
    """Values, by the devices that count."""
    committed: int
    """Observations, those of the river gauge included."""
    stored: int
    repeated: int
    """Parcels that came again and were not applied."""
    lost_reported: int
    """Committed observations in loss records."""
    events: int
    gaps: int
    """Values that were read and not committed when the gateway was killed."""
    under_way: int
    """Values that were on the wire when the gateway was stopped in order."""

    def __str__(self) -> str:
        return (
            f"handed out {self.handed_out}, committed {self.committed}, stored {self.stored}, "
            f"lost and reported {self.lost_reported}, events {self.events}, parcels repeated {self.repeated}, "
            f"values read and not committed at a kill {self.gaps}, on the wire at a stop {self.under_way}"
        )


def audit(city: RealCity, outbox: Figures, *, counted: bool = True) -> Audit:
    """Compare; gateway and cloud have ended, InfluxDB runs.

    Args:
        city: where everything happened.
        outbox: what the gateway's outbox says at the end.
        counted: False where the outbox could not count everything, because its disk never took it again; then what
            the devices handed out is the only truth.

    Raises:
        BrokenPromise: one line says what is wrong.
    """
    state = _state(city.cloud.folder / "data" / "state.db")
    points, stored = _numbers(city), _count(city)
    check_custody(state)
    if state.observations != stored:
        raise BrokenPromise(f"{state.observations} observations were counted as stored, {stored} points are there")
    lost = check_counts(state, outbox, stored) if counted else 0
    gaps = under_way = 0
    for index, device in enumerate(city.devices):
        columns = [points.get(f"d{index}.n{place:02d}", []) for place in range(VALUES_A_READ)]
        missing = check_numbers(f"d{index}", device, columns)
        uncommitted, stopped = explain(
            f"d{index}", device, missing, state.losses, city.diary.gateway_killed_us, city.diary.gateway_stopping_us
        )
        gaps += uncommitted * VALUES_A_READ
        under_way += stopped * VALUES_A_READ
    if state.open_floods:
        raise BrokenPromise(f"the water is low and {state.open_floods} flood is open on the screen")
    return Audit(
        handed_out=sum(device.handed_out for device in city.devices) * VALUES_A_READ,
        committed=outbox.observations_committed,
        stored=stored,
        repeated=state.repeats,
        lost_reported=lost,
        events=state.events,
        gaps=gaps,
        under_way=under_way,
    )


def check_custody(state: State) -> None:
    """Hold stored against lost, number by number.

    Raises:
        BrokenPromise: a parcel is both, or neither, or lost without a record.
    """
    if state.dead_letters:
        raise BrokenPromise(f"{len(state.dead_letters)} dead letters, such as: {state.dead_letters[0]}")
    for epoch in {*state.stored, *state.lost, *state.next_seqs}:
        stored, lost = state.stored.get(epoch, RangeSet()), state.lost.get(epoch, RangeSet())
        named = RangeSet([(1, end - 1)]) if (end := state.next_seqs.get(epoch, 1)) > 1 else RangeSet()
        told = RangeSet()
        for loss in state.losses:
            told |= loss.ranges.get(epoch, RangeSet())
        for wrong, what in (
            (stored & lost, "are stored and lost at once"),
            (named - stored - lost, "were committed and are neither stored nor lost"),
            (lost - told, "are lost and no loss record says so"),
        ):
            if wrong:
                raise BrokenPromise(f"parcels {epoch.hex()[:8]}/{wrong} {what}")


def check_counts(state: State, outbox: Figures, stored: int) -> int:
    """Return how many committed observations are lost.

    Raises:
        BrokenPromise: more or fewer than loss records count.
    """
    came_late = any(
        numbers & state.stored.get(epoch, RangeSet()) for loss in state.losses for epoch, numbers in loss.ranges.items()
    )
    for what, committed, there, reported in (
        ("observations", outbox.observations_committed, stored, sum(loss.observations for loss in state.losses)),
        ("events", outbox.events_committed, state.events, sum(loss.events for loss in state.losses)),
    ):
        lost = committed - there
        # A parcel that was under way when it had to go may have arrived all the same: then less is lost than reported.
        if lost != reported and not (came_late and 0 <= lost < reported):
            raise BrokenPromise(
                f"{committed} {what} were committed, {there} are stored, {reported} are reported as lost"
            )
    return outbox.observations_committed - stored


def check_numbers(name: str, device: CountingDevice, columns: Sequence[list[int]]) -> list[int]:
    """Return the numbers that were handed out and are not stored.

    Raises:
        BrokenPromise: one is stored twice, or came from nowhere, or its neighbours in the same answer are missing.
    """
    first = columns[0]
    for place, column in enumerate(columns):
        if len(set(column)) != len(column):
            twice = sorted(number for number in set(column) if column.count(number) > 1)
            raise BrokenPromise(f"{name}.n{place:02d}: {len(twice)} numbers are stored twice, such as {twice[0]}")
        if column != first:
            raise BrokenPromise(f"{name}.n{place:02d} holds other numbers than {name}.n00, which it was read with")
    invented = set(first) - set(range(1, device.handed_out + 1))
    if invented:
        raise BrokenPromise(f"{name}: {len(invented)} numbers are stored that were never handed out")
    return sorted(set(range(1, device.handed_out + 1)) - set(first))


def explain(
    name: str,
    device: CountingDevice,
    missing: Iterable[int],
    losses: Sequence[Loss],
    kills_us: Sequence[int],
    stops_us: Sequence[tuple[int, int]],
) -> tuple[int, int]:
    """Return how many missing numbers were not committed at a kill, and how many were under way at a stop.

    Raises:
        BrokenPromise: a number has neither a record nor a reason.
    """
    gaps = under_way = 0
    for number in missing:
        at_us = device.at_us(number)
        told = {loss.cause for loss in losses if loss.first_us - _SLACK_US <= at_us <= loss.last_us + _SLACK_US}
        killed = any(at_us <= kill_us <= at_us + _COMMIT_US for kill_us in kills_us)
        if told - {UNCLEAN}:
            continue
        if any(asked_us - _SLACK_US <= at_us <= end_us for asked_us, end_us in stops_us):
            under_way += 1
        elif told and killed:
            gaps += 1
        else:
            why = "no loss record covers its time" if not told else "no kill was near"
            raise BrokenPromise(f"{name}: number {number} was handed out at {at_us} µs and is not stored; {why}")
    return gaps, under_way


def _numbers(city: RealCity) -> dict[str, list[int]]:
    """Return the numbers in each counting datastream, in the order of their times."""
    names = [f"d{index}.n{place:02d}" for index in range(len(city.devices)) for place in range(VALUES_A_READ)]
    return {
        name: [value for one in _ask(city, f"SELECT v FROM observation WHERE datastream = '{name}'") for value in one]  # noqa: S608
        for name in names
    }


def _count(city: RealCity) -> int:
    """Return how many points there are."""
    return sum(count for (count,) in _ask(city, "SELECT count(q) FROM observation"))


def _ask(city: RealCity, query: str) -> list[list[int]]:
    """Return the rows of the one series that a query has, without their times."""
    series: list[dict[str, Any]] = json.loads(city.influx.ask(query))["results"][0].get("series", [])
    return [row[1:] for one in series for row in one["values"]]


def _state(file: Path) -> State:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:

        def rows(query: str) -> list[Any]:
            return database.execute(query, (GATEWAY,)).fetchall()

        (observations, repeats) = rows("SELECT observations, repeats FROM gateways WHERE gateway = ?")[0]
        return State(
            stored=_ranges(rows("SELECT epoch, first, last FROM settled WHERE gateway = ?")),
            lost=_ranges(rows("SELECT epoch, first, last FROM lost WHERE gateway = ?")),
            next_seqs=dict(rows("SELECT epoch, coalesce(next_seq, 1) FROM epochs WHERE gateway = ?")),
            losses=[_loss(record) for (record,) in rows("SELECT record FROM losses WHERE gateway = ?")],
            observations=observations,
            repeats=repeats,
            events=rows("SELECT count(*) FROM events WHERE gateway = ?")[0][0],
            open_floods=rows("SELECT count(*) FROM situations WHERE gateway = ? AND active AND matter = 'flood'")[0][0],
            dead_letters=[str(reason) for (reason,) in rows("SELECT reason FROM dead_letters WHERE gateway = ?")],
        )


def _ranges(rows: Iterable[tuple[bytes, int, int]]) -> dict[bytes, RangeSet]:
    found: dict[bytes, list[tuple[int, int]]] = {}
    for epoch, first, last in rows:
        found.setdefault(epoch, []).append((first, last))
    return {epoch: RangeSet(ranges) for epoch, ranges in found.items()}


def _loss(content: bytes) -> Loss:
    record = json.loads(content)
    return Loss(
        cause=record["cause"],
        ranges=_ranges((bytes.fromhex(one["epoch"]), one["first"], one["last"]) for one in record["ranges"]),
        first_us=record["first_us"],
        last_us=record["last_us"],
        observations=record.get("observations") or 0,
        events=record.get("events") or 0,
    )
