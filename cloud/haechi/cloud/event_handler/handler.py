"""Applies the rules of situations to the tables, inside the transaction of the parcel that brought the event."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, func, or_, select, update

from haechi.cloud.event_handler.situations import (
    Condition,
    ConditionKey,
    Notice,
    Situation,
    Word,
    is_history,
    judge,
    without,
)
from haechi.cloud.state import commands
from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import (
    conditions,
    events,
    evidence,
    evidence_pieces,
    notifications,
    places,
    situations,
)
from haechi.cloud.state.upsert import insert_or_ignore, upsert
from haechi.contract.catalogue import lookup
from haechi.contract.events import Event, Evidence, Phase, Severity

SWEPT_MAX = 500
_encoder = msgspec.json.Encoder()
_SITUATION_COLUMNS = tuple(situations.c[name] for name in Situation.__dataclass_fields__)
# Built once: SQLAlchemy takes as long to build a statement as to run it, and the next alarm waits for both.
_OWNER = select(events.c.gateway).where(events.c.tenant == bindparam("of_tenant"), events.c.id == bindparam("of_event"))
_CONDITION = select(conditions).where(
    conditions.c.tenant == bindparam("of_tenant"),
    conditions.c.gateway == bindparam("of_gateway"),
    conditions.c.condition == bindparam("of_condition"),
)
_SITUATION = select(*_SITUATION_COLUMNS).where(situations.c.id == bindparam("of_situation")).with_for_update()
_NEWEST_AT = (
    select(*_SITUATION_COLUMNS)
    .where(
        situations.c.tenant == bindparam("of_tenant"),
        situations.c.place == bindparam("of_place"),
        situations.c.matter == bindparam("of_matter"),
    )
    .order_by(situations.c.open.desc(), situations.c.cleared_us.desc())
    .limit(1)
    .with_for_update()
)
_FIRST_OF = (
    select(conditions)
    .where(
        conditions.c.situation == bindparam("of_situation"),
        conditions.c.active,
        conditions.c.severity == bindparam("of_severity"),
        or_(
            conditions.c.gateway != bindparam("not_gateway"),
            conditions.c.condition != bindparam("not_condition"),
        ),
    )
    .order_by(conditions.c.gateway, conditions.c.condition)
    .limit(1)
)
_CHANGE = update(situations).where(situations.c.id == bindparam("of_situation"))


def handle(connection: Connection, word: Word, late: bool) -> list[Change] | None:
    """Apply one event; return rows for the change feed, or None when its id belongs to another gateway's event."""
    tenant, event = word.tenant, word.event
    owner = connection.execute(_OWNER, {"of_tenant": tenant, "of_event": event.id}).scalar()
    if owner is not None and owner != word.gateway:
        return None
    word = replace(word, known=owner is not None, event=_placed(connection, tenant, event))
    kind = lookup(event.type)
    condition = _condition(connection, tenant, word.key)
    ends = event.phase is Phase.CLEARED or is_history(word, condition)
    before = (
        _situation(connection, condition.situation if condition else None)
        if ends
        else _at(connection, tenant, event.subject, kind.matter)
    )
    outcome = judge(word, kind, condition, before, _worst(connection, before, word.key))
    changes: list[Change] = []
    if outcome.situation is not None and outcome.situation != before:
        _save(connection, outcome.situation, before)
        changes.append(Change("situation", outcome.situation.id))
    _save_condition(connection, tenant, word.key, outcome.condition)
    _notify(connection, tenant, outcome.notices, word.now_us)
    if not word.known:
        _save_event(connection, word, late, None if outcome.situation is None else outcome.situation.id)
        changes.append(Change("event", event.id))
    if condition is not None and condition.active and condition.situation not in (None, outcome.condition.situation):
        changes += _leave(connection, tenant, condition.situation, word)  # the condition has moved to another place
    return changes


def attach(connection: Connection, tenant: str, gateway: str, picture: Evidence, key: str, now_us: int) -> list[Change]:
    """Write where a picture, or a piece of a clip, is kept; return rows for the change feed."""
    whole = picture.pieces == 1
    row = {
        "tenant": tenant,
        "id": picture.id,
        "event": picture.event,
        "gateway": gateway,
        "source": picture.source,
        "time_us": picture.time_us,
        "media_type": picture.media_type,
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "object": key if whole else "",
        "pieces": picture.pieces,
        "stored_at_us": now_us,
    }
    new = insert_or_ignore(connection, evidence, row)
    if not whole:
        new |= _attach_piece(connection, tenant, gateway, picture, key)
    if not new:
        return []
    news = [Change("evidence", picture.id)]
    if picture.is_clip and (whole or _is_whole(connection, tenant, picture)):
        news += commands.clip_has_come(connection, tenant, gateway, picture.event, now_us)
    return news


def _is_whole(connection: Connection, tenant: str, clip: Evidence) -> bool:
    pieces = evidence_pieces.c
    here = select(func.count()).where(pieces.tenant == tenant, pieces.evidence == clip.id)
    return bool(connection.execute(here).scalar_one() == clip.pieces)


def _attach_piece(connection: Connection, tenant: str, gateway: str, picture: Evidence, key: str) -> bool:
    known = connection.execute(
        select(evidence.c.gateway, evidence.c.pieces).where(evidence.c.tenant == tenant, evidence.c.id == picture.id)
    ).one()
    if known != (gateway, picture.pieces) or picture.piece > picture.pieces:
        return False  # it names another gateway's clip, or one that is told otherwise
    row = {
        "tenant": tenant,
        "evidence": picture.id,
        "piece": picture.piece,
        "bytes": len(picture.content),
        "object": key,
    }
    return insert_or_ignore(connection, evidence_pieces, row)


def sweep(connection: Connection, now_us: int) -> Iterator[tuple[str, Change]]:
    """End what merely happened and has been quiet for long enough; yields tenants with their changes."""
    due = connection.execute(
        select(*_SITUATION_COLUMNS)
        .where(situations.c.open, situations.c.quiet_at_us <= now_us)
        .limit(SWEPT_MAX)
        .with_for_update()
    ).mappings()
    for row in due.all():
        before = _of_row(row)
        cause = f"quiet-{before.quiet_at_us}"
        yield before.tenant, _end_what_happened(connection, before, before.quiet_at_us or now_us, now_us, cause)


def close(connection: Connection, tenant: str, situation: str, now_us: int) -> Change | None:
    """End a situation in which nothing is out of order any more, as a person wants it; None where something is.

    What merely happened counts as over, and so does what was taken back.
    """
    before = _situation(connection, situation)
    if before is None or before.tenant != tenant or not before.open:
        return None
    stands = select(conditions.c.condition).where(
        conditions.c.situation == situation, conditions.c.active, ~conditions.c.condition.startswith("occurred:")
    )
    if connection.execute(stands.limit(1)).first() is not None:
        return None
    return _end_what_happened(connection, before, now_us, now_us, f"closed-{now_us}")


def _end_what_happened(connection: Connection, before: Situation, time_us: int, now_us: int, cause: str) -> Change:
    """End all that merely happened; the situation closes when nothing else is active in it."""
    connection.execute(
        update(conditions)
        .where(conditions.c.situation == before.id, conditions.c.condition.startswith("occurred:"))
        .values(active=False)
    )
    after, notices = without(before, _worst(connection, before, None), time_us, now_us, cause)
    _save(connection, replace(after, quiet_at_us=None), before)
    _notify(connection, before.tenant, notices, now_us)
    return Change("situation", before.id)


def _leave(connection: Connection, tenant: str, situation: str | None, word: Word) -> list[Change]:
    before = _situation(connection, situation)
    if before is None:
        return []
    remaining = _worst(connection, before, word.key)
    after, notices = without(before, remaining, word.time_us, word.now_us, word.event.id)
    _save(connection, after, before)
    _notify(connection, tenant, notices, word.now_us)
    return [Change("situation", before.id)]


def _placed(connection: Connection, tenant: str, event: Event) -> Event:
    """Fill in from the place's description what the event does not say of its place."""
    if event.place_name and event.latitude is not None and event.longitude is not None:
        return event
    place = connection.execute(
        select(places.c.name, places.c.latitude, places.c.longitude).where(
            places.c.tenant == tenant, places.c.id == event.subject
        )
    ).first()
    if place is None:
        return event
    located = event.latitude is not None and event.longitude is not None
    return msgspec.structs.replace(
        event,
        place_name=event.place_name or place.name,
        latitude=event.latitude if located else place.latitude,
        longitude=event.longitude if located else place.longitude,
    )


def _condition(connection: Connection, tenant: str, key: ConditionKey) -> Condition | None:
    asked = {"of_tenant": tenant, "of_gateway": key.gateway, "of_condition": key.condition}
    row = connection.execute(_CONDITION, asked).first()
    return None if row is None else _condition_of(row._mapping)


def _condition_of(row: RowMapping) -> Condition:
    return Condition(
        (row["epoch_order"], row["seq"]), row["active"], row["type"], Severity(row["severity"]), row["situation"]
    )


def _worst(
    connection: Connection, situation: Situation | None, without_key: ConditionKey | None
) -> dict[ConditionKey, Condition]:
    """Return the active condition of a situation that weighs most, and among equals has the first name.

    It is all that the rules need of them; a broken gateway can raise thousands at one place.
    """
    if situation is None:
        return {}
    left_out = without_key or ConditionKey("", "")
    for severity in reversed(Severity):
        asked = {
            "of_situation": situation.id,
            "of_severity": severity.value,
            "not_gateway": left_out.gateway,
            "not_condition": left_out.condition,
        }
        row = connection.execute(_FIRST_OF, asked).mappings().first()
        if row is not None:
            return {ConditionKey(row["gateway"], row["condition"]): _condition_of(row)}
    return {}


def _situation(connection: Connection, situation: str | None) -> Situation | None:
    if situation is None:
        return None
    row = connection.execute(_SITUATION, {"of_situation": situation}).first()
    return None if row is None else _of_row(row._mapping)


def _at(connection: Connection, tenant: str, place: str, matter: str) -> Situation | None:
    """Return the open situation there, or else the one that closed last."""
    row = connection.execute(_NEWEST_AT, {"of_tenant": tenant, "of_place": place, "of_matter": matter}).first()
    return None if row is None else _of_row(row._mapping)


def _of_row(row: RowMapping) -> Situation:
    weights: dict[Literal["severity", "severity_max"], Severity] = {
        "severity": Severity(row["severity"]),
        "severity_max": Severity(row["severity_max"]),
    }
    return Situation(**{**row, **weights})


def _save(connection: Connection, situation: Situation, before: Situation | None) -> None:
    row: dict[str, Any] = asdict(situation)
    row["severity"], row["severity_max"] = situation.severity.value, situation.severity_max.value
    if before is None or before.id != situation.id:
        upsert(connection, situations, [row])
    else:
        # Not the id, which notifications refer to: setting it, even to itself, has the database look for them.
        connection.execute(_CHANGE, {"of_situation": row.pop("id"), **row})


def _save_condition(connection: Connection, tenant: str, key: ConditionKey, condition: Condition) -> None:
    upsert(
        connection,
        conditions,
        [
            {
                "tenant": tenant,
                "gateway": key.gateway,
                "condition": key.condition,
                "epoch_order": condition.order[0],
                "seq": condition.order[1],
                "active": condition.active,
                "type": condition.type,
                "severity": condition.severity.value,
                "situation": condition.situation,
            }
        ],
    )


def _save_event(connection: Connection, word: Word, late: bool, situation: str | None) -> None:
    event = word.event
    row = {
        "tenant": word.tenant,
        "id": event.id,
        "gateway": word.gateway,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "time_us": event.time_us,
        "phase": event.phase.value,
        "condition": event.condition,
        "severity": event.severity.value,
        "body": _encoder.encode(event),
        "epoch_order": word.order[0],
        "seq": word.order[1],
        "late": late,
        "stored_at_us": word.now_us,
        "situation": situation,
    }
    insert_or_ignore(connection, events, row)


def _notify(connection: Connection, tenant: str, notices: tuple[Notice, ...], now_us: int) -> None:
    for notice in notices:
        row = {
            "key": notice.key,
            "tenant": tenant,
            "situation": notice.situation,
            "reason": notice.reason,
            "created_us": now_us,
        }
        insert_or_ignore(connection, notifications, row)
