"""One transaction: what arrived becomes state, and says what may be acknowledged once it is committed.

Whether a parcel is new is tested and set inside, with its gateway's row locked. Gateways are taken in the order of
their names, so that two workers never wait for each other in a circle.
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
from haechi.cloud.state import changes, descriptions, gateways, latest, letters, losses, missing, ranges, receipts
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
) -> Applied:
    """Apply parcels in the order given within each gateway, and keep the dead letters."""
    applied = Applied()
    by_tenant: dict[str, list[Change]] = {}
    touched: dict[EpochName, RangeSet] = {}
    ordered = sorted(deliveries, key=_gateway)
    for (tenant, gateway), group in groupby(ordered, key=_gateway):
        news = by_tenant.setdefault(tenant, [])
        locked = gateways.lock(connection, tenant, gateway, now_us)
        if locked.new:
            news.append(Change("gateway", gateway))
        if locked.fenced:
            continue
        for name, numbers in _apply_gateway(connection, list(group), now_us, news, applied).items():
            touched[name] = touched.get(name, RangeSet()) | numbers
    for one in unreadable:
        change = letters.keep(connection, one.letter, now_us)
        applied.letters.append(one.cause)
        if change is not None:
            by_tenant.setdefault(one.letter.tenant, []).append(change)
        if one.settles is not None:
            gateways.lock(connection, one.letter.tenant, one.letter.gateway, now_us)
            name = EpochName(one.letter.tenant, one.letter.gateway, one.settles.epoch)
            numbers = RangeSet([(one.settles.seq, one.settles.seq)])
            if not ranges.stored_among(connection, name, numbers):
                ranges.settle(connection, name, numbers)
            touched[name] = touched.get(name, RangeSet()) | numbers
    for letter in _letters_of(refused):
        applied.letters.append("point")
        change = letters.keep(connection, letter, now_us)
        if change is not None:
            by_tenant.setdefault(letter.tenant, []).append(change)
    for name, numbers in touched.items():
        applied.settled[name] = ranges.settled_around(connection, name, numbers, ACK_RANGES_MAX)
    for tenant, news in by_tenant.items():
        changes.append(connection, tenant, news, now_us)
    return applied


def apply_reports(connection: Connection, reports: Sequence[Report], now_us: int) -> Applied:
    """Write statuses, answer their questions, and ask for what is lacking or differs.

    A retained one is answered too, for the cloud has just come; but it tells nothing of what is lacking now.
    """
    applied = Applied()
    for report in sorted(reports, key=lambda one: one.address[:2]):
        tenant, gateway, _ = report.address
        news = [Change("gateway", gateway)]
        if gateways.apply_status(connection, tenant, gateway, report.status, now_us):
            news += seen.two_of_one_name(connection, tenant, gateway, now_us)
        again: tuple[LackedRanges, ...] = ()
        doubts: tuple[Doubt, ...] = ()
        if report.status.state == "online" and not report.arrival.retained:
            lacking = missing.look(connection, tenant, gateway, report.status, now_us)
            again = lacking.again
            news += lacking.changes
            doubts = doubted(connection, tenant, gateway, report.status)
        changes.append(connection, tenant, news, now_us)
        wanted = again or doubts or report.status.question is not None or report.arrival.retained
        if report.status.state == "online" and wanted:
            applied.answers.append(((tenant, gateway), _answer(connection, report, again, doubts, now_us)))
    return applied


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
        news.append(Change("gateway", gateway))
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
        news.extend(handler.attach(connection, tenant, gateway, picture, key))
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
