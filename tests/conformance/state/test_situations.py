"""Situations as the state holds them together, on every database that it runs on."""

from sqlalchemy import Engine, select

from haechi.cloud.event_handler import handler
from haechi.cloud.state import retention
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.schema import (
    changes,
    conditions,
    dead_letters,
    events,
    notifications,
    receipts,
    situations,
)
from haechi.contract.events import Evidence, Phase, Severity
from support.deliveries import NOW_US, count, delivery, take
from support.sender import alarm, flood
from support.state import keep_house


def test_a_flood_opens_one_situation_worsens_and_clears(state: Engine) -> None:
    rising = flood("event-rise", type="flood.level_rising", condition="river-1.rise", severity=Severity.MODERATE)
    take(state, delivery(1, alarm(rising)))
    take(state, delivery(2, alarm(flood("event-high"))))
    take(state, delivery(3, alarm(flood("event-high-end", Phase.CLEARED))))
    with reading(state) as connection:
        situation = connection.execute(select(situations)).one()
    assert (situation.open, situation.severity, situation.severity_max) == (True, "moderate", "severe")
    take(state, delivery(4, alarm(flood("event-rise-end", Phase.CLEARED, condition="river-1.rise"))))
    with reading(state) as connection:
        situation = connection.execute(select(situations)).one()
        told = connection.execute(select(notifications.c.reason).order_by(notifications.c.id)).scalars().all()
        feed = connection.execute(select(changes.c.kind)).scalars().all()
    assert (situation.open, situation.active, situation.event_count) == (False, False, 4)
    assert told == ["opened", "worsened", "cleared"]
    assert feed.count("event") == 4
    assert feed.count("situation") == 4


def test_a_situation_weighs_what_the_worst_of_many_conditions_weighs(state: Engine) -> None:
    def weight() -> tuple[bool, str, str]:
        with reading(state) as connection:
            row = connection.execute(select(situations.c.open, situations.c.severity, situations.c.headline)).one()
        return row.open, row.severity, row.headline

    words = {
        "a": ("flood.level_rising", Severity.MODERATE),
        "b": ("flood.level_high", Severity.SEVERE),
        "c": ("flood.road_inundated", Severity.SEVERE),
        "d": ("flood.level_rising", Severity.MINOR),
    }
    for seq, (name, (kind, severity)) in enumerate(words.items(), 1):
        raised = flood(f"event-{name}-on", type=kind, condition=name, severity=severity)
        take(state, delivery(seq, alarm(raised)))
    weights = [weight()]
    for seq, name in enumerate("bcad", 10):
        kind, severity = words[name]
        cleared = flood(f"event-{name}-off", Phase.CLEARED, type=kind, condition=name, severity=severity)
        take(state, delivery(seq, alarm(cleared)))
        weights.append(weight())
    assert weights == [
        (True, "severe", "flood.level_high"),
        (True, "severe", "flood.road_inundated"),
        (True, "moderate", "flood.level_rising"),
        (True, "minor", "flood.level_rising"),
        (False, "minor", "flood.level_rising"),
    ]


def test_what_merely_happened_is_swept_when_it_has_been_quiet(state: Engine) -> None:
    call = flood("event-call", Phase.OCCURRED, type="security.emergency_call", condition="")
    take(state, delivery(1, alarm(call)))
    with writing(state) as connection:
        assert list(handler.sweep(connection, NOW_US + 599_000_000)) == []
    with writing(state) as connection:
        assert len(list(handler.sweep(connection, NOW_US + 600_000_000))) == 1
    with reading(state) as connection:
        assert connection.execute(select(situations.c.open, situations.c.active)).one() == (False, False)
        assert connection.execute(select(conditions.c.active)).scalar_one() is False


def test_an_event_id_of_another_gateway_goes_to_the_dead_letters_and_takes_nothing_along(state: Engine) -> None:
    take(state, delivery(1, alarm(flood("event-same"))))
    take(state, delivery(1, alarm(flood("event-same"), flood("event-other")), gateway="cabinet-2"))
    with reading(state) as connection:
        owners = {row.id: row.gateway for row in connection.execute(select(events.c.id, events.c.gateway))}
        kinds = connection.execute(select(dead_letters.c.kind)).scalars().all()
    assert owners == {"event-same": "cabinet-1", "event-other": "cabinet-2"}
    assert kinds == ["event"]


def test_old_pictures_and_events_go_and_what_still_refers_to_one_keeps_it(state: Engine) -> None:
    def pictures(*stored_us: int) -> None:
        for number, at_us in enumerate(stored_us):
            row = Evidence(
                id=f"picture-{number}",
                event="event-0001",
                source="cam",
                time_us=NOW_US - at_us,  # what the gateway's clock says counts for nothing
                width_px=1,
                height_px=1,
                content=b"",
            )
            with writing(state) as connection:
                handler.attach(connection, "city", "cabinet-1", row, "shared" if number < 2 else "alone", at_us)

    pictures(NOW_US, 0, 1)
    take(state, delivery(1, alarm(flood("event-0001"))))
    assert keep_house(state, NOW_US) == ["alone"]
    assert count(state, events) == 1
    take(state, delivery(2, alarm(flood("event-0002", Phase.CLEARED))))
    keep_house(state, NOW_US + retention.EVENTS_US_MAX + 1)
    assert count(state, events) == 0
    assert count(state, receipts) == 0
