"""What the cloud should have and has not: asked for again, and only then, and only what nobody keeps, a loss."""

import json

from sqlalchemy import ColumnElement, Engine, select

from haechi.cloud.event_broker.apply import Applied, apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, read
from haechi.cloud.state import markers, missing, receipts
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.markers import Restored
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.receipts import RECEIPT_US_MAX
from haechi.cloud.state.schema import gateways, losses, lost, metadata, settled
from haechi.cloud.state.schema import receipts as receipt_rows
from haechi.cloud.store import Marker
from haechi.contract import codec
from haechi.contract.control import GatewayStatus, HeldEpoch
from haechi.contract.parcel import ParcelName
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import Address
from support.sender import alarm, flood, level

NOW_US = 1_790_000_000_000_000
STATUS_US = 30_000_000
OLD, NEW, NEWER = (bytes([number]) * 16 for number in (1, 2, 3))


def take(state: Engine, epoch: bytes, *seqs: int, at_us: int = NOW_US) -> Applied:
    deliveries = []
    for seq in seqs:
        payload = codec.encode(ParcelName(epoch, seq), level(NOW_US, 1.0))
        one = read(Arrival("haechi/v1/city/cabinet-1/up/live", payload, at_us), ["city"], "city")
        assert isinstance(one, Delivery)
        one.points_written = True
        deliveries.append(one)
    with writing(state) as connection:
        return apply(connection, deliveries, [], [], at_us)


def rewind(state: Engine, since: ColumnElement[bool]) -> dict[EpochName, RangeSet]:
    with writing(state) as connection:
        withdrawn: dict[EpochName, RangeSet] = {}
        for name in receipts.concerned(connection, since):
            withdrawn |= receipts.rewind(connection, *name, since)
        return withdrawn


def observations(state: Engine) -> int:
    with reading(state) as connection:
        return int(connection.execute(select(gateways.c.observations)).scalar_one())


def say(
    state: Engine,
    *held: tuple[bytes, int, int],
    at_us: int = NOW_US,
    retained: bool = False,
) -> dict[bytes, RangeSet]:
    """Let the gateway say what it holds (epoch, lowest, next); return what the cloud asks for again."""
    status = GatewayStatus(
        state="online",
        at_us=at_us,
        epochs=tuple(
            HeldEpoch(epoch=epoch.hex(), order=order, lowest=lowest, next=next_seq)
            for order, (epoch, lowest, next_seq) in enumerate(held)
        ),
    )
    arrival = Arrival("haechi/v1/city/cabinet-1/up/status", b"", at_us, retained)
    with writing(state) as connection:
        report = Report(Address("city", "cabinet-1", "up/status"), status, arrival)
        applied = apply(connection, [], [], [], at_us, [report])
    return {bytes.fromhex(one.epoch): one.range_set() for _, answer in applied.answers for one in answer.again}


def insist(state: Engine, *held: tuple[bytes, int, int], times: int = 5) -> None:
    for number in range(times):
        say(state, *held, at_us=NOW_US + number * STATUS_US)


def reported(state: Engine) -> list[tuple[str, list[tuple[int, int | None]]]]:
    with reading(state) as connection:
        rows = connection.execute(select(losses.c.cause, losses.c.record).order_by(losses.c.reported_us)).all()
    return [(row.cause, [(one["first"], one["last"]) for one in json.loads(row.record)["ranges"]]) for row in rows]


def lost_of(state: Engine, epoch: bytes) -> RangeSet:
    with reading(state) as connection:
        rows = connection.execute(select(lost.c.first, lost.c.last).where(lost.c.epoch == epoch)).all()
    return RangeSet((first, last) for first, last in rows)


def test_a_sound_gateway_is_asked_for_nothing_through_its_restarts(state: Engine) -> None:
    take(state, OLD, 1, 2, 4)
    assert say(state, (OLD, 3, 6)) == {}
    take(state, OLD, 3, 5)
    insist(state, (OLD, 6, 6), (NEW, 1, 1))
    insist(state, (NEW, 1, 3))
    take(state, NEW, 1, 2)
    insist(state, (NEW, 3, 3), (NEWER, 1, 1))
    assert reported(state) == []


def test_a_state_of_an_older_day_asks_again_and_reports_what_nobody_keeps(state: Engine) -> None:
    take(state, OLD, *range(1, 11))
    assert say(state, (OLD, 31, 40)) == {OLD: RangeSet([(11, 30)])}
    take(state, OLD, *range(16, 31))
    insist(state, (OLD, 31, 40))
    assert reported(state) == [("restored", [(11, 15)])]
    take(state, OLD, 12)
    assert lost_of(state, OLD) == RangeSet([(11, 11), (13, 15)]), "stored wins, however late"
    insist(state, (OLD, 31, 40))
    assert len(reported(state)) == 1


def test_what_is_still_kept_is_held_again_and_no_loss(state: Engine) -> None:
    take(state, OLD, 1)
    for number in range(2):
        assert say(state, (OLD, 9, 9), at_us=NOW_US + number * STATUS_US) == {OLD: RangeSet([(2, 8)])}
    insist(state, (OLD, 4, 9), times=2)
    insist(state, (OLD, 4, 9), times=6)
    assert reported(state) == [("restored", [(2, 3)])]
    assert say(state, (OLD, 4, 9)) == {}


def test_a_lost_card_is_a_loss_whose_end_is_not_known(state: Engine) -> None:
    take(state, OLD, 1, 2, 5)
    say(state, (OLD, 3, 8))
    assert say(state, (NEW, 1, 2)) == {OLD: RangeSet([(3, 4), (6, 7)])}
    insist(state, (NEW, 1, 2))
    assert reported(state) == [("closed_epoch", [(3, 4), (6, 7), (8, None)])]
    assert lost_of(state, OLD) == RangeSet([(3, 4), (6, 7)])
    insist(state, (NEW, 1, 2))
    assert len(reported(state)) == 1, "it is told once"


def test_an_older_copy_of_an_outbox_has_lost_what_it_had_announced(state: Engine) -> None:
    take(state, OLD, 1, 2, 5)
    say(state, (OLD, 3, 8))
    assert say(state, (OLD, 3, 4), (NEW, 1, 2)) == {OLD: RangeSet([(4, 4), (6, 7)])}
    insist(state, (OLD, 3, 4), (NEW, 1, 2))
    assert reported(state) == [("restored", [(4, 4), (6, 7)])]
    take(state, OLD, 3)
    insist(state, (OLD, 4, 4), (NEW, 1, 2))
    assert len(reported(state)) == 1


def test_what_the_present_epoch_announces_later_is_on_its_way(state: Engine) -> None:
    take(state, OLD, 1, 2, 5)
    say(state, (OLD, 3, 8))
    insist(state, (OLD, 3, 4))
    assert reported(state) == [], "an answer that is older than what came since"


def test_an_epoch_that_comes_back_is_open_again(state: Engine) -> None:
    say(state, (OLD, 1, 3))
    insist(state, (NEW, 1, 2))
    assert len(reported(state)) == 1
    take(state, OLD, 1)
    say(state, (OLD, 2, 3), (NEW, 1, 2))
    assert lost_of(state, OLD) == RangeSet([(2, 2)])
    take(state, OLD, 2)
    assert lost_of(state, OLD) == RangeSet()


def test_a_status_that_is_older_than_a_parcel_does_no_harm(state: Engine) -> None:
    say(state, (OLD, 1, 1))
    take(state, NEW, 1, 2)
    assert say(state, (OLD, 1, 1), at_us=NOW_US + 1) == {}
    insist(state, (OLD, 1, 1), (NEW, 3, 3))
    assert reported(state) == []
    for number in range(9):
        assert say(state, (OLD, 1, 1), at_us=NOW_US + number * STATUS_US, retained=True) == {}
    assert reported(state) == [], "a retained one is of another day"


def test_an_absence_between_two_questions_loses_nothing(state: Engine) -> None:
    say(state, (OLD, 9, 9))
    assert say(state, (OLD, 9, 9), at_us=NOW_US + 86_400_000_000) == {OLD: RangeSet([(1, 8)])}
    assert reported(state) == []
    assert missing.ASKS_MIN > 2


def test_a_rewind_withdraws_what_came_since_and_it_is_stored_again(state: Engine) -> None:
    take(state, OLD, 1, 2)
    later_us = NOW_US + 2 * RECEIPT_US_MAX
    take(state, OLD, 3, 4, at_us=later_us)
    take(state, OLD, 5, at_us=later_us + 1)
    insist(state, (OLD, 6, 6), (NEW, 1, 1))
    insist(state, (NEW, 1, 1))
    assert observations(state) == 5
    assert rewind(state, receipts.since_time(later_us)) == {EpochName("city", "cabinet-1", OLD): RangeSet([(3, 5)])}
    assert observations(state) == 2
    assert say(state, (NEW, 1, 1)) == {OLD: RangeSet([(3, 5)])}, "although that epoch was closed"
    again = take(state, OLD, 3, 4, 5, at_us=later_us + 2)
    assert (again.parcels, again.repeats) == (3, 0)
    assert observations(state) == 5, "what is stored again is counted once"
    with reading(state) as connection:
        assert connection.execute(select(settled.c.first, settled.c.last)).all() == [(1, 5)]


def test_receipts_are_few_and_none_is_long(state: Engine) -> None:
    for seq in range(1, 41):
        take(state, OLD, seq, at_us=NOW_US + seq * 60_000_000)
    with reading(state) as connection:
        rows = connection.execute(select(receipt_rows).order_by(receipt_rows.c.first)).all()
    assert RangeSet((row.first, row.last) for row in rows) == RangeSet([(1, 40)])
    assert all(row.last - row.first <= RECEIPT_US_MAX / 60_000_000 for row in rows)
    assert len(rows) <= 5


def test_events_that_come_again_after_a_rewind_change_nothing(state: Engine) -> None:
    parcel = level(NOW_US, 1.0)
    parcel.events.append(flood("event-0001"))
    payload = codec.encode(ParcelName(OLD, 1), parcel)
    for _ in range(2):
        one = read(Arrival("haechi/v1/city/cabinet-1/up/urgent", payload, NOW_US), ["city"], "city")
        assert isinstance(one, Delivery)
        one.points_written = True
        with writing(state) as connection:
            assert apply(connection, [one], [], [], NOW_US).parcels == 1
            rows = connection.execute(select(metadata.tables["situations"].c.event_count)).scalars().all()
        rewind(state, receipts.since_time(NOW_US))
        assert rows == [1]


def test_what_needs_no_store_is_not_asked_for_again(state: Engine) -> None:
    payload = codec.encode(ParcelName(OLD, 1), alarm(flood("event-0001")))
    one = read(Arrival("haechi/v1/city/cabinet-1/up/urgent", payload, NOW_US), ["city"], "city")
    assert isinstance(one, Delivery)
    with writing(state) as connection:
        apply(connection, [one], [], [], NOW_US)
    assert rewind(state, receipts.since_time(0)) == {}


def mark(state: Engine) -> Marker:
    with writing(state) as connection:
        marker = Marker(markers.issue(connection, "this-cloud", 0)[1], NOW_US)
        markers.remember(connection, marker)
        return marker


def test_a_rewind_to_a_marker_goes_by_what_came_after_it_whatever_the_clock_said(state: Engine) -> None:
    year_us = 366 * 86_400_000_000
    take(state, OLD, 1, 2)
    for _ in range(receipts.RECEIPT_MARKERS_MAX):
        mark(state)
    newest = mark(state)
    take(state, OLD, 3, at_us=NOW_US - year_us)  # the clock goes back …
    mark(state)
    take(state, OLD, 4, at_us=NOW_US + year_us)  # … and ahead
    since = receipts.since_marker(newest.number)
    assert rewind(state, since) == {EpochName("city", "cabinet-1", OLD): RangeSet([(3, 4)])}
    assert rewind(state, receipts.since_marker(0)) == {EpochName("city", "cabinet-1", OLD): RangeSet([(1, 2)])}


def test_no_receipt_goes_on_for_ever_while_the_clock_stands(state: Engine) -> None:
    take(state, OLD, 1)
    for _ in range(receipts.RECEIPT_MARKERS_MAX):
        newest = mark(state)
    take(state, OLD, 2)
    assert rewind(state, receipts.since_marker(newest.number + 1)) == {
        EpochName("city", "cabinet-1", OLD): RangeSet([(2, 2)])
    }


def test_a_marker_is_remembered_when_it_is_newer_and_no_number_is_given_twice(state: Engine) -> None:
    first, second = mark(state), mark(state)
    with writing(state) as connection:
        markers.remember(connection, first)
        known = markers.known(connection)
        assert known is not None
        assert (known.name, known.newest, known.restored) == ("this-cloud", second, None)
        assert not markers.forget(connection, first, None, 0, NOW_US), "somebody has marked it since"
        assert markers.forget(connection, second, first, 7, NOW_US + 1)
        assert not markers.forget(connection, second, first, 7, NOW_US + 2), "somebody has noted it"
        known = markers.known(connection)
        assert known is not None
        assert (known.newest, known.restored) == (None, Restored(NOW_US + 1, NOW_US, 7))
        assert markers.issue(connection, "another", 0) == ("this-cloud", second.number + 1)
        assert markers.issue(connection, "another", 100) == ("this-cloud", 101)
