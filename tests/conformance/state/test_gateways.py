"""Gateways that stay away, go beyond their bounds or are two of one name, on every database."""

import pytest
from sqlalchemy import Engine, select

from haechi.cloud.clock import DAY_US
from haechi.cloud.event_broker.arrivals import Unreadable
from haechi.cloud.event_handler import seen
from haechi.cloud.state import gateways as gateway_rows
from haechi.cloud.state import ranges
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.schema import (
    dead_letters,
    events,
    gateways,
    losses,
    metadata,
    settled,
    situations,
)
from haechi.contract.parcel import LossCause, LossRange, LossRecord, Parcel
from haechi.contract.ranges import RangeSet
from support.deliveries import NAME, NOW_US, count, delivery, report, status, take, unreadable, watch
from support.sender import EPOCH, level
from support.state import inspect


def test_a_loss_that_names_epochs_without_end_is_counted_and_nothing_is_expected_of_them(state: Engine) -> None:
    ranges_ = tuple(LossRange(epoch=f"{number:032x}", first=1, last=2) for number in range(5))
    record = LossRecord(id="loss-0001", cause=LossCause.QUOTA, ranges=ranges_, first_us=None, last_us=None)
    take(state, delivery(1, Parcel(epoch_order=1, epoch_number=7, losses=[record])))
    assert inspect(state, NOW_US, epochs_a_day_max=5) == ["cabinet-1"]
    for turn in range(4):
        report(state, status("online", EPOCH, at_us=NOW_US + turn), at_us=NOW_US + turn * 60_000_000)
    assert count(state, losses) == 1


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
