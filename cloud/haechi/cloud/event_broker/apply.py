"""One transaction: what arrived becomes state, and says what may be acknowledged once it is committed.

Whether a parcel is new is tested and set inside, with its gateway's row locked. Gateways are locked first, in the order
of their names, and the change feed last, so that two workers never wait for each other in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec
from sqlalchemy import Connection

from haechi.cloud.event_broker.arrivals import Delivery, Report, Unreadable
from haechi.cloud.event_handler import handler, seen
from haechi.cloud.event_handler.doubts import doubted
from haechi.cloud.event_handler.situations import Word
from haechi.cloud.state import (
    changes,
    commands,
    descriptions,
    gateways,
    latest,
    letters,
    losses,
    missing,
    ranges,
    receipts,
)
from haechi.cloud.state.changes import Change
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.store import RefusedPoint
from haechi.contract.codec import VERSIONS_READ
from haechi.contract.control import ACK_RANGES_MAX, Acknowledgement, Doubt, LackedRanges, SettledRanges
from haechi.contract.ranges import RangeSet

ANSWER_RANGES_MAX = 1_000
"""Ranges in one message, over all its epochs: keeps it under the contract's 64 KiB."""
_POINTS_A_LETTER = 500

Gateway = tuple[str, str]
"""Tenant and gateway."""


@dataclass(slots=True)
class Applied:
    """What a transaction did; to be used only after it is committed."""

    settled: dict[EpochName, RangeSet] = field(default_factory=dict)
    answers: list[tuple[Gateway, Acknowledgement]] = field(default_factory=list)
    observed: set[Gateway] = field(default_factory=set)
    parcels: int = 0
    repeats: int = 0
    observations: int = 0
    events: int = 0
    letters: list[str] = field(default_factory=list)
    """Causes of the dead letters."""


def apply(
    connection: Connection,
    deliveries: Sequence[Delivery],
    unreadable: Sequence[Unreadable],
    refused: Sequence[RefusedPoint],
    now_us: int,
    reports: Sequence[Report] = (),
) -> Applied:
    """Apply parcels in the order given within each gateway, keep the dead letters, and answer statuses.

    Parcels and statuses come by different lanes: no transaction holds both.
    """
    applied = Applied()
    news: list[tuple[str, Change]] = []
    fenced = _lock(connection, deliveries, unreadable, now_us, news)
    touched: dict[EpochName, RangeSet] = {}
    for (tenant, gateway), group in groupby(sorted(deliveries, key=_gateway), key=_gateway):
        if (tenant, gateway) in fenced:
            continue
        changed: list[Change] = []
        for name, numbers in _apply_gateway(connection, list(group), now_us, changed, applied).items():
            touched[name] = touched.get(name, RangeSet()) | numbers
        news += [(tenant, change) for change in changed]
    for one in unreadable:
        if (one.letter.tenant, one.letter.gateway) in fenced:
            continue
        _keep(connection, one.letter, one.cause, now_us, news, applied)
        if one.settles is not None:
            name = EpochName(one.letter.tenant, one.letter.gateway, one.settles.epoch)
            numbers = RangeSet([(one.settles.seq, one.settles.seq)])
            if not ranges.stored_among(connection, name, numbers):
                gateways.note_epoch(connection, name, 0, now_us)
                ranges.settle(connection, name, numbers)
            touched[name] = touched.get(name, RangeSet()) | numbers
    for letter in _letters_of(refused):
        if (letter.tenant, letter.gateway) not in fenced:
            _keep(connection, letter, "point", now_us, news, applied)
    for name, numbers in touched.items():
        applied.settled[name] = ranges.settled_around(connection, name, numbers, ACK_RANGES_MAX)
    for report in sorted(reports, key=lambda one: one.address[:2]):
        tenant = report.address.tenant
        news += [(tenant, change) for change in _apply_report(connection, report, now_us, applied)]
    changes.append_all(connection, news, now_us)
    return applied


def _lock(
    connection: Connection,
    deliveries: Sequence[Delivery],
    unreadable: Sequence[Unreadable],
    now_us: int,
    news: list[tuple[str, Change]],
) -> frozenset[Gateway]:
    """Lock every gateway of which a number may be settled; return the gateways from which nothing is taken now."""
    numbered = {_gateway(one) for one in deliveries}
    numbered |= {(one.letter.tenant, one.letter.gateway) for one in unreadable if one.settles is not None}
    fenced: set[Gateway] = set()
    for tenant, gateway in sorted(numbered):
        locked = gateways.lock(connection, tenant, gateway, now_us)
        if locked.new:
            news.append((tenant, Change("gateway", gateway)))
        if locked.fenced:
            fenced.add((tenant, gateway))
    nameless = {(one.letter.tenant, one.letter.gateway) for one in unreadable} - numbered
    return frozenset(fenced | {one for one in nameless if gateways.is_fenced(connection, *one)})


def _keep(
    connection: Connection, letter: Letter, cause: str, now_us: int, news: list[tuple[str, Change]], applied: Applied
) -> None:
    applied.letters.append(cause)
    change = letters.keep(connection, letter, now_us)
    if change is not None:
        news.append((letter.tenant, change))


def _apply_report(connection: Connection, report: Report, now_us: int, applied: Applied) -> list[Change]:
    """Write a status, answer its question, and ask for what is lacking or differs.

    A retained one is answered too, for the cloud has just come; but it tells nothing of what is lacking now.
    """
    tenant, gateway, _ = report.address
    news = [Change("gateway", gateway)]
    if gateways.apply_status(connection, tenant, gateway, report.status, now_us):
        news += seen.two_of_one_name(connection, tenant, gateway, now_us)
    news += commands.settle(connection, tenant, gateway, report.status.commands, now_us)
    news += commands.clips_missed(connection, tenant, gateway, report.status.missed_clips, now_us)
    again: tuple[LackedRanges, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    if report.status.state == "online" and not report.arrival.retained:
        lacking = missing.look(connection, tenant, gateway, report.status, now_us)
        again = lacking.again
        news += lacking.changes
        doubts = doubted(connection, tenant, gateway, report.status)
    wanted = again or doubts or report.status.question is not None or report.arrival.retained
    if report.status.state == "online" and wanted:
        applied.answers.append(((tenant, gateway), _answer(connection, report, again, doubts, now_us)))
    return news


def _answer(
    connection: Connection,
    report: Report,
    again: tuple[LackedRanges, ...],
    doubts: tuple[Doubt, ...],
    now_us: int,
) -> Acknowledgement:
    tenant, gateway, _ = report.address
    epochs = report.status.epochs
    ranges_max = min(ACK_RANGES_MAX, ANSWER_RANGES_MAX // max(len(epochs), 1))
    return Acknowledgement(
        at_us=now_us,
        epochs=tuple(
            SettledRanges(
                epoch=held.epoch,
                settled=ranges.settled_from(
                    connection, EpochName(tenant, gateway, bytes.fromhex(held.epoch)), held.lowest, ranges_max
                ).ranges,
            )
            for held in epochs
        ),
        answers=report.status.question,
        again=again,
        reads=VERSIONS_READ,
        order=gateways.highest_order(connection, tenant, gateway),
        doubts=doubts,
    )


def _gateway(delivery: Delivery) -> Gateway:
    return delivery.address.tenant, delivery.address.gateway


def _apply_gateway(
    connection: Connection, deliveries: Sequence[Delivery], now_us: int, news: list[Change], applied: Applied
) -> dict[EpochName, RangeSet]:
    """Apply the parcels of one gateway; return the numbers that may be acknowledged."""
    tenant, gateway = _gateway(deliveries[0])
    came: dict[EpochName, RangeSet] = {}
    for delivery in deliveries:
        name = EpochName(tenant, gateway, delivery.name.epoch)
        came[name] = came.get(name, RangeSet()).add(delivery.name.seq)
    stored = {name: ranges.stored_among(connection, name, numbers) for name, numbers in came.items()}
    fresh: dict[EpochName, dict[int, Delivery]] = {}
    held_back: dict[EpochName, set[int]] = {}
    new: list[Delivery] = []
    repeats = 0
    for delivery in deliveries:
        name, seq = EpochName(tenant, gateway, delivery.name.epoch), delivery.name.seq
        if seq in stored[name] or seq in fresh.get(name, ()):
            repeats += 1
        elif delivery.needs_stores and not delivery.points_written:
            # It was taken for a repeat before the points were written and is none: its number was withdrawn meanwhile.
            held_back.setdefault(name, set()).add(seq)
        else:
            if name not in fresh:
                gateways.note_epoch(connection, name, delivery.parcel.epoch_order, now_us)
            fresh.setdefault(name, {})[seq] = delivery
            new.append(delivery)
    for name, ones in fresh.items():
        ranges.settle(connection, name, RangeSet((seq, seq) for seq in ones))
        stored_elsewhere = {seq: one.observations for seq, one in ones.items() if one.needs_stores}
        receipts.write(connection, name, stored_elsewhere, now_us)
    for delivery in new:
        news.extend(_apply_parcel(connection, delivery, now_us, applied))
    observations = sum(delivery.observations for delivery in new)
    if any(delivery.parcel.tables for delivery in new):
        # Also values whose points were refused for their time: they are what the sensor said last.
        latest.merge(
            connection,
            tenant,
            gateway,
            latest.newest_of((one.name.seq, one.parcel) for one in new if one.parcel.tables),
        )
        applied.observed.add((tenant, gateway))
    gateways.count(connection, tenant, gateway, observations=observations, repeats=repeats)
    applied.parcels += len(new)
    applied.repeats += repeats
    applied.observations += observations
    return {name: numbers - RangeSet((seq, seq) for seq in held_back.get(name, ())) for name, numbers in came.items()}


def _apply_parcel(connection: Connection, delivery: Delivery, now_us: int, applied: Applied) -> list[Change]:
    tenant, gateway = _gateway(delivery)
    parcel, seq = delivery.parcel, delivery.name.seq
    news: list[Change] = []
    if descriptions.describe(connection, tenant, gateway, seq, parcel):
        news.append(Change("described", gateway))
    for event in parcel.events:
        word = Word(tenant, gateway, event, (parcel.epoch_order, seq), now_us)
        changed = handler.handle(connection, word, delivery.late)
        if changed is None:
            reason = f"event id {event.id!r} belongs to an event of another gateway"
            body = msgspec.json.encode(event)
            letter = Letter(tenant, gateway, delivery.arrival.topic, "event", reason, body)
            applied.letters.append("event_id")
            kept = letters.keep(connection, letter, now_us)
            news.extend([kept] if kept is not None else [])
            continue
        news.extend(changed)
        applied.events += 1
    for picture in parcel.evidence:
        key = delivery.pictures[picture.id, picture.piece]
        news.extend(handler.attach(connection, tenant, gateway, picture, key, now_us))
    for record in parcel.losses:
        news.extend(losses.report(connection, tenant, gateway, record, now_us))
    return news


def _letters_of(refused: Sequence[RefusedPoint]) -> list[Letter]:
    """Gather refused points: one letter for a datastream and reason, not one a point."""
    gathered: dict[tuple[str, str, str, str], list[RefusedPoint]] = {}
    for point in refused:
        gathered.setdefault((point.tenant, point.gateway, point.datastream, point.reason), []).append(point)
    found = []
    for (tenant, gateway, datastream, reason), points in gathered.items():
        for start in range(0, len(points), _POINTS_A_LETTER):
            some = points[start : start + _POINTS_A_LETTER]
            content = msgspec.json.encode(
                {"datastream": datastream, "points": [(point.time_ns, repr(point.value)) for point in some]}
            )
            found.append(Letter(tenant, gateway, datastream, "point", f"{datastream}: {reason}", content))
    return found
