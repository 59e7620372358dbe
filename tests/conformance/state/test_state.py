"""What the state must hold together, on every database that it runs on."""

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select

from haechi.cloud.event_broker.apply import Applied, apply
from haechi.cloud.event_broker.arrivals import Arrival, Report, Unreadable
from haechi.cloud.state import gateways as gateway_rows
from haechi.cloud.state import latest, letters, ranges
from haechi.cloud.state.changes import Change, append, trim
from haechi.cloud.state.engine import open_state, reading, writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.schema import (
    changes,
    datastreams,
    dead_letters,
    events,
    gateways,
    losses,
    lost,
    metadata,
    receipts,
    settled,
    situations,
)
from haechi.contract.control import GatewayStatus, HeldEpoch
from haechi.contract.parcel import LossCause, LossRange, LossRecord, Parcel, ParcelName
from haechi.contract.places import Datastream, Thing
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import Address
from support.deliveries import NAME, NOW_US, count, delivery, report, status, take
from support.sender import EPOCH, alarm, flood, level, now_us
from support.state import empty, keep_house


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
