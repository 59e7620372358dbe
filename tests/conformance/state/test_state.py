"""What the state must hold together, on every database that it runs on."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select

from haechi.cloud.clock import DAY_US
from haechi.cloud.event_broker.apply import Applied, apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, Unreadable, read
from haechi.cloud.event_handler import handler, seen
from haechi.cloud.state import gateways as gateway_rows
from haechi.cloud.state import latest, letters, ranges, retention
from haechi.cloud.state.changes import Change, append, trim
from haechi.cloud.state.engine import open_state, reading, writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.schema import (
    changes,
    conditions,
    datastreams,
    dead_letters,
    events,
    gateways,
    losses,
    lost,
    metadata,
    notifications,
    receipts,
    settled,
    situations,
)
from haechi.contract import codec
from haechi.contract.control import GatewayStatus, HeldEpoch
from haechi.contract.events import Evidence, Phase, Severity
from haechi.contract.parcel import LossCause, LossRange, LossRecord, Parcel, ParcelName
from haechi.contract.places import Datastream, Thing
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import Address
from support.sender import EPOCH, alarm, flood, level, now_us
from support.state import empty, inspect, keep_house

NAME = EpochName("city", "cabinet-1", EPOCH)
NOW_US = 1_790_000_000_000_000


def delivery(
    seq: int, parcel: Parcel, gateway: str = "cabinet-1", channel: str = "live", epoch: bytes = EPOCH
) -> Delivery:
    payload = codec.encode(ParcelName(epoch, seq), parcel)
    one = read(Arrival(f"haechi/v1/city/{gateway}/up/{channel}", payload, NOW_US), ["city"], "city")
    assert isinstance(one, Delivery)
    one.points_written = True
    return one


def take(state: Engine, *deliveries: Delivery, unreadable: Sequence[Unreadable] = (), at_us: int = NOW_US) -> Applied:
    with writing(state) as connection:
        return apply(connection, deliveries, unreadable, [], at_us)


def count(state: Engine, table: object) -> int:
    with reading(state) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_a_parcel_is_applied_once_however_often_it_comes(state: Engine) -> None:
    parcel = delivery(1, level(NOW_US, 1.0, 2.0))
    applied = [take(state, parcel, parcel), take(state, parcel)]
    assert [(one.parcels, one.repeats, one.observations) for one in applied] == [(1, 1, 2), (0, 1, 0)]
    assert all(one.settled == {NAME: RangeSet([(1, 1)])} for one in applied), "a repeat is acknowledged again"
    with reading(state) as connection:
        row = connection.execute(select(gateways)).one()
    assert (row.observations, row.repeats) == (2, 2)
    assert count(state, receipts) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=8), max_size=10))
def test_ranges_hold_exactly_what_was_settled(state: Engine, batches: list[list[int]]) -> None:
    empty(state)
    seen: set[int] = set()
    for batch in batches:
        numbers = RangeSet((seq, seq) for seq in batch)
        with writing(state) as connection:
            assert set(ranges.stored_among(connection, NAME, numbers)) == seen & set(batch)
            ranges.settle(connection, NAME, numbers)
        seen |= set(batch)
        with reading(state) as connection:
            assert set(ranges.settled_from(connection, NAME, 1, 256)) == seen
            rows = connection.execute(select(settled.c.first, settled.c.last)).all()
        assert len(rows) == len(RangeSet((seq, seq) for seq in seen).ranges), "ranges are disjoint and not adjacent"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.integers(1, 30), st.integers(0, 9)).map(
            lambda step: (step[0], RangeSet([(step[1], step[1] + step[2])]))
        ),
        max_size=12,
    )
)
def test_stored_wins_over_lost_in_any_order(state: Engine, steps: list[tuple[bool, RangeSet]]) -> None:
    empty(state)
    stored, missing = RangeSet(), RangeSet()
    for is_lost, numbers in steps:
        with writing(state) as connection:
            if is_lost:
                missing |= ranges.lose(connection, NAME, numbers)
            else:
                ranges.settle(connection, NAME, numbers)
                stored |= numbers
                missing -= numbers
    with reading(state) as connection:
        found = {
            table.name: RangeSet(tuple(row) for row in connection.execute(select(table.c.first, table.c.last)).all())
            for table in (settled, lost)
        }
    assert found == {"settled": stored, "lost": missing}
    assert not stored & missing


def test_the_lowest_ranges_answer_a_question_and_unknown_epochs_answer_with_nothing(state: Engine) -> None:
    with writing(state) as connection:
        ranges.settle(connection, NAME, RangeSet((2 * seq, 2 * seq) for seq in range(1, 401)))
        status = GatewayStatus(
            state="online",
            at_us=NOW_US,
            question="q",
            epochs=(
                HeldEpoch(epoch=EPOCH.hex(), order=1, lowest=101, next=900),
                HeldEpoch(epoch="ff" * 16, order=2, lowest=1, next=5),
            ),
        )
        arrival = Arrival("haechi/v1/city/cabinet-1/up/status", b"", NOW_US)
        report = Report(Address("city", "cabinet-1", "up/status"), status, arrival)
        (answered,) = apply(connection, [], [], [], NOW_US, [report]).answers
    gateway, answer = answered
    assert gateway == ("city", "cabinet-1")
    assert answer.answers == "q"
    assert answer.epochs[0].settled == tuple((seq, seq) for seq in range(102, 102 + 2 * 256, 2))
    assert answer.epochs[1].settled == ()


def test_the_newest_value_goes_by_number_and_not_by_time(state: Engine) -> None:
    take(state, delivery(5, level(NOW_US, 5.0)))
    take(state, delivery(4, level(NOW_US + 1_000_000_000, 4.0)))
    with reading(state) as connection:
        (packed,) = connection.execute(select(metadata.tables["latest"].c["values"])).scalars().all()
    assert latest.unpack(packed)["river-1.level"] == (1, 5, NOW_US, 5.0, 0)


def test_the_newest_value_is_shown_although_its_point_was_refused(state: Engine) -> None:
    refused = delivery(1, level(NOW_US + 3 * 86_400_000_000, 5.0))
    refused.points_refused = 1
    take(state, refused)
    with reading(state) as connection:
        (packed,) = connection.execute(select(metadata.tables["latest"].c["values"])).scalars().all()
    assert latest.unpack(packed)["river-1.level"][3] == 5.0


def test_an_older_description_overwrites_no_newer_one(state: Engine) -> None:
    def described(name: str) -> Parcel:
        thing = Thing(id="river-1", name=name, kind="river_gauge", place="bridge", latitude=36.3, longitude=127.3)
        stream = Datastream(id="river-1.level", thing="river-1", observed_property="water_level", unit="m", name=name)
        return Parcel(epoch_order=1, epoch_number=7, things=[thing], datastreams=[stream])

    take(state, delivery(2, described("new")))
    take(state, delivery(1, described("old"), channel="backlog"))
    with reading(state) as connection:
        assert connection.execute(select(datastreams.c.name)).scalars().all() == ["new"]


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


def test_a_loss_settles_its_numbers_and_a_late_parcel_takes_one_back(state: Engine) -> None:
    record = LossRecord(
        id="loss-0001",
        cause=LossCause.QUOTA,
        ranges=(LossRange(epoch=EPOCH.hex(), first=1, last=5),),
        first_us=NOW_US,
        last_us=NOW_US,
    )
    parcel = Parcel(epoch_order=1, epoch_number=7, losses=[record])
    applied = take(state, delivery(6, parcel))
    assert applied.settled == {NAME: RangeSet([(1, 6)])}
    take(state, delivery(7, parcel))
    take(state, delivery(3, level(NOW_US, 1.0)))
    with reading(state) as connection:
        assert connection.execute(select(lost.c.first, lost.c.last).order_by(lost.c.first)).all() == [(1, 2), (4, 5)]
    assert count(state, losses) == 1


def test_a_loss_of_very_many_ranges_takes_no_statement_for_each(state: Engine) -> None:
    statements = 0

    def count_statements(*_: object) -> None:
        nonlocal statements
        statements += 1

    ranges_ = tuple(LossRange(epoch=EPOCH.hex(), first=3 * one, last=3 * one) for one in range(1, 500))
    record = LossRecord(id="loss-0001", cause=LossCause.QUOTA, ranges=ranges_, first_us=None, last_us=None)
    event.listen(state, "before_cursor_execute", count_statements)
    take(state, delivery(9_999, Parcel(epoch_order=1, epoch_number=7, losses=[record])))
    assert count(state, lost) == 499
    assert statements < 40


def test_a_loss_that_names_epochs_without_end_is_counted_and_nothing_is_expected_of_them(state: Engine) -> None:
    ranges_ = tuple(LossRange(epoch=f"{number:032x}", first=1, last=2) for number in range(5))
    record = LossRecord(id="loss-0001", cause=LossCause.QUOTA, ranges=ranges_, first_us=None, last_us=None)
    take(state, delivery(1, Parcel(epoch_order=1, epoch_number=7, losses=[record])))
    assert inspect(state, NOW_US, epochs_a_day_max=5) == ["cabinet-1"]
    for turn in range(4):
        report(state, status("online", EPOCH, at_us=NOW_US + turn), at_us=NOW_US + turn * 60_000_000)
    assert count(state, losses) == 1


def test_dead_letters_are_kept_once_and_what_is_dropped_is_a_loss(state: Engine) -> None:
    letter = Letter("city", "cabinet-1", "t", "parcel", "broken", b"x" * 100, EPOCH, 9)
    with writing(state) as connection:
        assert letters.keep(connection, letter, NOW_US) is not None
        assert letters.keep(connection, letter, NOW_US) is None
        assert connection.execute(select(dead_letters.c.times)).scalar_one() == 2
        letters.keep(connection, Letter("city", "cabinet-1", "t", "parcel", "big", b"y" * 200_000), NOW_US)
        assert letters.trim(connection, NOW_US, bytes_max=70_000) == []
        dropped = letters.trim(connection, NOW_US, bytes_max=67_000)
    assert [change.kind for _tenant, change in dropped] == ["loss"]
    with reading(state) as connection:
        row = connection.execute(select(dead_letters)).one()
        assert (row.bytes, len(row.content)) == (200_000, 65_536)
        assert connection.execute(select(losses.c.cause)).scalar_one() == "unreadable"
        assert connection.execute(select(lost.c.first)).scalar_one() == 9


def test_a_gateway_that_sends_only_garbage_pushes_out_nobody_else_s_letters(state: Engine) -> None:
    with writing(state) as connection:
        letters.keep(connection, Letter("city", "cabinet-2", "t", "parcel", "newer", b"z" * 1000, EPOCH, 1), NOW_US)
        for number in range(600):
            content = b"%04d" % number * 25
            letters.keep(
                connection, Letter("city", "cabinet-1", "t", "parcel", "broken", content, EPOCH, 1 + number), NOW_US
            )
        dropped = letters.trim(connection, NOW_US, bytes_max=2_024 + 40 * 1_124)
        owner = dead_letters.c.gateway
        kept = connection.execute(select(owner, func.count()).group_by(owner).order_by(owner)).all()
    assert [tuple(row) for row in kept] == [("cabinet-1", 40), ("cabinet-2", 1)]
    assert len(dropped) == 1, "a loss for many letters, not one each"
    with reading(state) as connection:
        assert connection.execute(select(lost.c.first, lost.c.last)).all() == [(1, 560)]


def test_the_feed_is_bounded_and_never_uses_an_id_again(state: Engine) -> None:
    with writing(state) as connection:
        append(connection, "city", [Change("event", str(n)) for n in range(10)], NOW_US)
        assert trim(connection, kept=4) == 6
        connection.execute(changes.delete())
        append(connection, "city", [Change("event", "next")], NOW_US)
        assert connection.execute(select(changes.c.id)).scalar_one() == 11


@pytest.mark.parametrize("state", [pytest.param("postgresql", marks=pytest.mark.servers), "sqlite"], indirect=True)
def test_many_workers_apply_each_parcel_once(state: Engine) -> None:
    parcels = [delivery(seq, alarm(flood(f"event-{seq:04d}", time_us=now_us()))) for seq in range(1, 31)]
    applied: list[Applied] = []

    def work() -> None:
        applied.extend(take(state, parcel) for parcel in parcels)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(applied) == 90
    assert sum(one.parcels for one in applied) == 30
    assert count(state, events) == 30
    with reading(state) as connection:
        assert connection.execute(select(situations.c.event_count)).scalar_one() == 30
        assert connection.execute(select(settled.c.first, settled.c.last)).one() == (1, 30)


def status(state: str, *epochs: bytes, at_us: int = NOW_US) -> Report:
    said = GatewayStatus(
        state=state,  # type: ignore[arg-type]
        at_us=at_us,
        software="1.0" if state == "online" else "",
        epochs=tuple(HeldEpoch(epoch=epoch.hex(), order=1, lowest=1, next=2) for epoch in epochs),
    )
    return Report(
        Address("city", "cabinet-1", "up/status"), said, Arrival("haechi/v1/city/cabinet-1/up/status", b"", at_us)
    )


def report(state: Engine, *reports: Report, at_us: int = NOW_US) -> None:
    with writing(state) as connection:
        apply(connection, [], [], [], at_us, reports)


def watch(state: Engine, at_us: int) -> list[str]:
    with writing(state) as connection:
        return [change.kind for _tenant, change in seen.watch(connection, at_us)]


def test_a_gateway_that_stays_away_is_a_situation_until_it_is_back(state: Engine) -> None:
    report(state, status("online"))
    report(state, status("offline"), at_us=NOW_US + 1)
    assert watch(state, NOW_US + seen.GRACE_US) == []
    assert watch(state, NOW_US + seen.GRACE_US + 1) == ["situation", "event"]
    assert watch(state, NOW_US + seen.GRACE_US + 2) == []
    with reading(state) as connection:
        row = connection.execute(select(gateways)).one()
        situation = connection.execute(select(situations)).one()
    assert b'"software":"1.0"' in row.status, "what it said before it went stays readable"
    assert (situation.headline, situation.place, situation.opened_us) == ("device.offline", "cabinet-1", NOW_US + 1)
    report(state, status("online"), at_us=NOW_US + 90_000_000)
    assert watch(state, NOW_US + 90_000_001) == ["situation", "event"]
    with reading(state) as connection:
        assert connection.execute(select(situations.c.open)).scalar_one() is False


def test_a_gateway_that_came_back_is_not_away_although_our_clock_stepped_back_meanwhile(state: Engine) -> None:
    report(state, status("online"))
    report(state, status("offline"), at_us=NOW_US + 1)
    watch(state, NOW_US + seen.GRACE_US + 1)
    for state_, at_us, open_ in (
        ("online", NOW_US - 3_600_000_000, False),
        ("offline", NOW_US - 3_500_000_000, True),
        ("online", NOW_US - 3_400_000_000, False),
    ):
        report(state, status(state_, at_us=at_us), at_us=at_us)
        assert watch(state, at_us + seen.GRACE_US) == ["situation", "event"]
        with reading(state) as connection:
            assert connection.execute(select(situations.c.open)).scalars().all()[-1] is open_


def test_a_gateway_out_of_bounds_is_fenced_off_alone_and_heard_again(state: Engine) -> None:
    for number in range(4):
        take(state, delivery(1, level(NOW_US, 1.0), epoch=bytes([number]) * 16))
    take(state, delivery(1, level(NOW_US, 1.0), gateway="cabinet-2"))

    assert inspect(state, NOW_US, epochs_a_day_max=3) == ["cabinet-1"]
    applied = take(state, delivery(2, level(NOW_US, 1.0)), delivery(2, level(NOW_US, 1.0), gateway="cabinet-2"))
    assert (applied.parcels, [name.gateway for name in applied.settled]) == (1, ["cabinet-2"])
    assert inspect(state, NOW_US, epochs_a_day_max=3) == []
    assert inspect(state, NOW_US + DAY_US) == ["cabinet-1"]
    assert take(state, delivery(2, level(NOW_US, 1.0))).parcels == 1


def test_epochs_that_ended_whole_are_no_holes_and_holes_are_counted_in_what_is_lost_too(state: Engine) -> None:
    for number in range(10):
        take(state, delivery(1, level(NOW_US, 1.0), epoch=bytes([number]) * 16))
    assert inspect(state, NOW_US, holes_max=3) == []
    with writing(state) as connection:
        ranges.lose(connection, NAME, RangeSet((seq, seq) for seq in range(10, 20, 2)))
    assert inspect(state, NOW_US, holes_max=3) == ["cabinet-1"]
    with writing(state) as connection:
        ranges.lose(connection, NAME, RangeSet([(10, 20)]))
        ranges.settle(connection, NAME, RangeSet((seq, seq) for seq in range(30, 40, 2)))
    assert inspect(state, NOW_US, holes_max=3) == ["cabinet-1"], "it was taken down and stands for what is settled"
    with reading(state) as connection:
        assert connection.execute(select(gateways.c.fenced)).scalar_one() == (
            "4 holes between what is settled; at most 3 are kept"
        )


def unreadable(seq: int, epoch: bytes = EPOCH) -> Unreadable:
    letter = Letter("city", "cabinet-1", "t", "parcel", "broken", epoch + bytes([seq]), epoch, seq)
    return Unreadable(letter, "unreadable_body", ParcelName(epoch, seq))


def test_what_cannot_be_read_opens_no_epochs_without_end(state: Engine) -> None:
    for number in range(4):
        take(state, unreadable=[unreadable(1, bytes([number]) * 16)])
    assert inspect(state, NOW_US, epochs_a_day_max=3) == ["cabinet-1"]
    nameless = Unreadable(Letter("city", "cabinet-1", "t", "parcel", "garbage", b"garbage"), "not_a_parcel")
    applied = take(state, unreadable=[unreadable(2), unreadable(1, b"x" * 16), nameless])
    assert (applied.settled, applied.letters) == ({}, [])
    assert (count(state, dead_letters), count(state, settled)) == (4, 4)


def test_an_epoch_that_began_with_something_unreadable_gets_its_order(state: Engine) -> None:
    take(state, unreadable=[unreadable(1)])
    take(state, delivery(2, level(NOW_US, 1.0)))
    with reading(state) as connection:
        assert gateway_rows.highest_order(connection, "city", "cabinet-1") == 1


def test_gateways_are_locked_first_and_the_feed_last(state: Engine) -> None:
    """Whoever takes locks in another order than the others waits for them in a circle."""
    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT"):
            written.append(statement.split()[2])

    event.listen(state, "before_cursor_execute", note)
    letter = Letter("city", "cabinet-2", "t", "parcel", "broken", b"x", EPOCH, 1)
    take(
        state,
        delivery(1, alarm(flood("event-0001")), gateway="cabinet-3"),
        delivery(1, alarm(flood("event-0002")), gateway="cabinet-1"),
        unreadable=[Unreadable(letter, "unreadable_body", ParcelName(EPOCH, 1))],
    )
    assert written[:4] == ["gateways", "gateways", "gateways", "epochs"]
    for one in (("cabinet-1", "city"), ("cabinet-2", "other")):
        with writing(state) as connection:
            gateway_rows.lock(connection, one[1], one[0], NOW_US)
    written.clear()
    first, second = (status("online", bytes([number]) * 16) for number in (1, 2))
    other = Report(Address("other", "cabinet-2", "up/status"), second.status, second.arrival)
    report(state, other, first)
    assert (written.count("changes"), written[-1]) == (1, "changes")
    with writing(state) as connection:
        for seq, gateway in ((2, "cabinet-2"), (3, "cabinet-1")):
            old = Letter("city", gateway, "t", "parcel", "broken", b"x" * seq, EPOCH, seq)
            letters.keep(connection, old, 0)
    written.clear()
    keep_house(state, NOW_US)
    assert (written.count("losses"), written.count("changes"), written[-1]) == (2, 1, "changes")


def test_two_gateways_of_one_name_are_found_out_when_they_take_turns(state: Engine) -> None:
    first, second, third = (bytes([number]) * 16 for number in (1, 2, 3))
    for current in (first, first, second, third):
        report(state, status("online", first, current))
    assert count(state, situations) == 0, "a gateway that starts again opens a new epoch, and that is all"
    for turn in range(6):
        report(state, status("online", (second, third)[turn % 2]), at_us=NOW_US + turn * 20_000_000)
    with reading(state) as connection:
        assert connection.execute(select(situations.c.headline)).scalars().all() == ["device.duplicate_identity"]
    assert count(state, events) == 1


def test_a_status_that_was_overtaken_changes_nothing_and_makes_no_second_gateway(state: Engine) -> None:
    first, second = (bytes([number]) * 16 for number in (1, 2))
    report(state, status("online", first, at_us=NOW_US))
    report(state, status("online", first, second, at_us=NOW_US + 2_000_000), at_us=NOW_US + 3_000_000)
    late = (
        status("online", first, at_us=NOW_US + 1_000_000),  # from before the gateway started again
        status("online", first, second, at_us=NOW_US + 1_500_000),  # from the same epoch
    )
    for one in late:
        report(state, one, at_us=NOW_US + gateway_rows.LATE_US)
        with reading(state) as connection:
            row = connection.execute(select(gateways)).one()
        assert (row.current_epoch, row.said_at_us) == (second, NOW_US + 2_000_000)
    report(state, status("online", first, second, at_us=NOW_US + 90_000_000), at_us=NOW_US + 90_000_000)
    assert count(state, situations) == 0


def test_a_status_opens_no_epochs_without_end(state: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_rows, "EPOCHS_A_DAY_MAX", 200)
    for number in range(0, 640, 64):
        epochs = (number + one for one in range(64))
        report(state, status("online", *(one.to_bytes(16, "big") for one in epochs), at_us=NOW_US + number))
    assert count(state, metadata.tables["epochs"]) <= 200 + 64


def test_a_database_of_an_earlier_version_gets_the_columns_and_indexes_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    engine = open_state(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE epochs DROP COLUMN superseded")
        connection.exec_driver_sql("ALTER TABLE epochs DROP COLUMN final")
        connection.exec_driver_sql("DROP INDEX conditions_by_situation")
    engine.dispose()
    engine = open_state(url)
    report(engine, status("online", EPOCH))
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT final, superseded FROM epochs").one() == (0, 0)
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'").scalars().all()
        assert "conditions_by_situation" in names
    engine.dispose()


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
