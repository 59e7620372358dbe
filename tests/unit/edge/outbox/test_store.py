"""What the outbox keeps, what goes when it is full, and what becomes of damaged files."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from haechi.contract.parcel import LossCause
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Draft, OutboxFailed, OutboxLocked, Rank
from haechi.edge.outbox.epochs import draw_epoch
from haechi.edge.outbox.eviction import ROW_BYTES
from haechi.edge.outbox.figures import look
from haechi.edge.outbox.opening import FILE
from support.outbox_files import BODY, NOW_US, ROOMY, closed, draft, killed, opened


def test_every_opening_draws_an_epoch_of_its_own(tmp_path: Path) -> None:
    seen = []
    for _ in range(5):
        opening = opened(tmp_path)
        seen.append(opening.store.epoch)
        closed(opening)
    assert len({epoch.epoch for epoch in seen}) == len({epoch.number for epoch in seen}) == 5
    assert [epoch.order for epoch in seen] == sorted({epoch.order for epoch in seen})


def test_a_stop_that_was_not_clean_is_a_gap_all_the_same(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    opening.store.close(clean=False)
    opening.lock.close()
    again = opened(tmp_path)
    assert again.opened.unclean is not None
    closed(again)


def test_where_to_read_on_is_known_from_the_commit_on_that_holds_what_was_read(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    opening.store.commit(Batch((draft(),), cursors=(("logger-1", "41"), ("logger-2", "a"))), NOW_US)
    opening.store.commit(Batch((draft(),), cursors=(("logger-1", "42"),)), NOW_US)
    (pages,) = opening.store._database.execute("PRAGMA page_count").fetchone()
    opening.store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutboxFailed):
        opening.store.commit(Batch((draft(size=500_000),), cursors=(("logger-1", "99"),)), NOW_US)
    killed(opening)
    again = opened(tmp_path)
    assert again.store.cursors() == {"logger-1": "42", "logger-2": "a"}
    closed(again)


def test_an_epochs_number_differs_from_the_recent_ones() -> None:
    recent = [number for number in range(1000) if number != 123]
    assert draw_epoch(5, recent, 0, lambda count: bytes(count)).number == 123
    assert draw_epoch(5, [], 0, lambda count: bytes(count)).order == 6


def test_settled_parcels_go_first_and_without_a_record(tmp_path: Path) -> None:
    opening = opened(tmp_path, bytes_max=40 * (1000 + ROW_BYTES))
    store = opening.store
    store.commit(Batch(tuple(draft(size=900) for _ in range(30))), NOW_US)
    store.settle(store.epoch.epoch, RangeSet([(1, 20)]))
    store.commit(Batch(tuple(draft(size=900) for _ in range(25))), NOW_US)
    assert store.losses() == []
    assert [held.name.seq for held in store.waiting(Rank.LIVE, 0, None, 100)] == list(range(21, 56))
    closed(opening)


def test_a_full_outbox_loses_the_oldest_least_important_and_says_so(tmp_path: Path) -> None:
    bytes_max = 20 * (1000 + ROW_BYTES)
    opening = opened(tmp_path, bytes_max)
    store = opening.store
    store.commit(Batch((draft(Rank.URGENT, 900, 0, 1), draft(Rank.EVIDENCE, 900, 0))), NOW_US)
    store.commit(Batch(tuple(draft(size=900) for _ in range(40))), NOW_US)
    assert store.figures().bytes_kept <= bytes_max
    assert [held.name.seq for held in store.waiting(Rank.URGENT, 0, None, 100)] == [1]
    assert store.waiting(Rank.EVIDENCE, 0, None, 100) == []
    (loss,) = store.losses()
    kept = {held.name.seq for held in store.waiting(Rank.LIVE, 0, None, 100)}
    lost = {seq for part in loss.ranges for seq in range(part.first, (part.last or 0) + 1)}
    assert loss.cause is LossCause.QUOTA
    assert lost | kept | {1} == set(range(1, 43))
    assert not lost & kept
    assert loss.observations == len(lost) - 1
    closed(opening)


def test_clips_go_first(tmp_path: Path) -> None:
    opening = opened(tmp_path, 1000 * (1000 + ROW_BYTES))
    store = opening.store
    store.commit(Batch((draft(Rank.EVIDENCE, 900, 0), *(draft(Rank.CLIP, 900, 0) for _ in range(999)))), NOW_US)
    store.commit(Batch(tuple(draft(size=900) for _ in range(400))), NOW_US)
    assert len(store.waiting(Rank.EVIDENCE, 0, None, 100)) == 1
    assert len(store.waiting(Rank.LIVE, 0, None, 1000)) == 400
    (loss,) = store.losses()
    lost = sum((part.last or 0) - part.first + 1 for part in loss.ranges)
    assert lost + len(store.waiting(Rank.CLIP, 0, None, 1000)) == 999
    closed(opening)


def test_a_file_from_before_there_were_clips_takes_them(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    opening.store.commit(Batch((draft(),)), NOW_US)
    closed(opening)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as older, older:
        older.execute("DELETE FROM totals WHERE rank = ?", (Rank.CLIP,))
    opening = opened(tmp_path)
    opening.store.commit(Batch((draft(Rank.CLIP, 500, 0),)), NOW_US)
    assert opening.store.figures().parcels == 2
    closed(opening)


def test_urgent_parcels_hold_at_most_half(tmp_path: Path) -> None:
    bytes_max = 40 * (1000 + ROW_BYTES)
    opening = opened(tmp_path, bytes_max)
    for _ in range(60):
        opening.store.commit(Batch((draft(Rank.URGENT, 900, 0, 1), draft(Rank.LIVE, 900))), NOW_US)
    urgent = opening.store.waiting(Rank.URGENT, 0, None, 100)
    assert sum(held.size for held in urgent) <= bytes_max // 2 + 1000
    assert opening.store.waiting(Rank.LIVE, 0, None, 100)
    closed(opening)


def test_loss_records_stay_until_told_and_their_parcel_is_never_evicted(tmp_path: Path) -> None:
    opening = opened(tmp_path, bytes_max=10 * (1000 + ROW_BYTES))
    store = opening.store
    store.commit(Batch(tuple(draft(size=900) for _ in range(20))), NOW_US)
    told = tuple(loss.id for loss in store.losses())
    (name,) = store.commit(Batch((Draft(Rank.URGENT, BODY, keeps=True),), (), told), NOW_US)
    for _ in range(100):
        store.commit(Batch((draft(Rank.URGENT, 900, 0, 1),)), NOW_US)
    assert name in {held.name for held in store.waiting(Rank.URGENT, 0, None, 1000)}
    assert all(loss.id not in told for loss in store.losses())
    closed(opening)


def test_a_damaged_parcel_becomes_a_loss(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    store = opening.store
    store.commit(Batch((draft(), draft())), NOW_US)
    store._database.execute("UPDATE bodies SET bytes = zeroblob(length(bytes)) WHERE id = 1")
    assert store.read(1) is None
    assert [held.id for held in store.waiting(Rank.LIVE, 0, None, 10)] == [2]
    (loss,) = store.losses()
    assert (loss.cause, loss.ranges[0].first, loss.observations) == (LossCause.CORRUPT, 1, 1)
    closed(opening)


@pytest.mark.parametrize("rubbish", [b"rubbish" * 1000, b"SQLite format 3\0" + bytes(4000)])
def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / FILE).write_bytes(rubbish)
    opening = opened(tmp_path)
    assert (tmp_path / opening.opened.set_aside).read_bytes() == rubbish
    opening.store.commit(Batch((draft(),)), NOW_US)
    closed(opening)


def test_only_the_newest_damaged_files_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / FILE).write_bytes(b"rubbish" * (1000 + number))
        closed(opened(tmp_path))
    assert len(list(tmp_path.glob(f"{FILE}.damaged-*"))) == 2


def test_a_suspect_file_is_checked_to_the_last_page(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    opening.store.commit(Batch(tuple(draft(size=5000) for _ in range(50))), NOW_US)
    opening.store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    closed(opening)
    content = bytearray((tmp_path / FILE).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = bytes(20_000)
    (tmp_path / FILE).write_bytes(content)
    opening = opened(tmp_path, suspect=True)
    assert opening.opened.set_aside
    closed(opening)


def test_another_agent_is_refused(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    with pytest.raises(OutboxLocked, match="another agent"):
        opened(tmp_path)
    closed(opening)


def test_a_full_disk_fails_the_whole_batch(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    store = opening.store
    store.commit(Batch((draft(),)), NOW_US)
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutboxFailed):
        store.commit(Batch((draft(), draft(size=60_000))), NOW_US)
    assert store.figures().parcels == 1
    store._database.execute("PRAGMA max_page_count = 1000000")
    (name,) = store.commit(Batch((draft(),)), NOW_US)
    assert name.seq == 2
    closed(opening)


def test_looking_from_outside_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutboxFailed, match="no outbox"):
        look(tmp_path, ROOMY)
    opening = opened(tmp_path)
    opening.store.commit(Batch((draft(observations=3),)), NOW_US)
    assert look(tmp_path, ROOMY) == opening.store.figures()
    killed(opening)
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    with pytest.raises(OutboxFailed, match="cannot be read"):
        look(tmp_path, ROOMY)


def test_ids_are_found_by_time(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    for time_us in range(100, 200, 10):
        opening.store.commit(Batch((draft(),)), time_us)
    assert opening.store.first_since(0) <= 1
    assert opening.store.first_since(150) == 6
    assert opening.store.first_since(151) == 7
    assert opening.store.first_since(1000) == 11
    closed(opening)


def test_the_tables_have_the_layout_that_is_expected(tmp_path: Path) -> None:
    closed(opened(tmp_path))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    opening = opened(tmp_path)
    assert opening.opened.set_aside
    closed(opening)


def test_what_the_cloud_has_no_more_waits_again_as_far_as_it_is_kept(tmp_path: Path) -> None:
    opening = opened(tmp_path, 40 * (len(BODY) + ROW_BYTES + 100))
    store = opening.store
    for _ in range(10):
        store.commit(Batch((draft(),)), NOW_US)
    epoch = store.epoch.epoch
    assert store.settle(epoch, RangeSet([(1, 10)])) == 10
    assert store.unsettle(bytes(16), RangeSet([(1, 10)])) == 0
    assert store.unsettle(epoch, RangeSet([(2, 4), (9, 50)])) == 5
    assert store.unsettle(epoch, RangeSet([(2, 4)])) == 0, "they wait already"
    assert [held.name.seq for held in store.waiting(Rank.LIVE, 0, None, 100)] == [2, 3, 4, 9, 10]
    assert (store.held_epochs()[-1].lowest, store.figures().parcels) == (2, 5)
    assert store.settle(epoch, RangeSet([(1, 10)])) == 5
    closed(opening)


def test_epochs_that_have_just_ended_say_how_far_they_went(tmp_path: Path) -> None:
    names = []
    for number in range(11):
        opening = opened(tmp_path)
        store = opening.store
        for _ in range(number):
            store.commit(Batch((draft(),)), NOW_US)
        names.append(store.epoch.epoch)
        store.settle(store.epoch.epoch, RangeSet([(1, 20)]))
        killed(opening)
    opening = opened(tmp_path)
    store = opening.store
    said = [(bytes.fromhex(one.epoch), one.lowest, one.next) for one in store.held_epochs()]
    assert said[:-1] == [(names[number], number + 1, number + 1) for number in range(3, 11)]
    store.unsettle(names[1], RangeSet([(1, 1)]))
    said = [(bytes.fromhex(one.epoch), one.lowest, one.next) for one in store.held_epochs()]
    assert said[:2] == [(names[1], 1, 2), (names[2], 3, 3)], "none is left out between the oldest and the newest"
    closed(opening)


def test_an_epoch_may_be_asked_to_stand_above_what_the_cloud_knows(tmp_path: Path) -> None:
    opening = opened(tmp_path)
    first = opening.store.epoch.order
    assert opening.store.new_epoch(NOW_US, first + 10_000).order == first + 10_001
    assert opening.store.new_epoch(NOW_US).order == first + 10_002
    closed(opening)


def test_records_of_very_many_ranges_stay_small_and_lose_none(tmp_path: Path) -> None:
    opening = opened(tmp_path, bytes_max=500_000)
    picture, value = draft(Rank.EVIDENCE, 3_000), draft(Rank.LIVE)
    for _ in range(700):
        opening.store.commit(Batch((picture, value) * 2), NOW_US)
    records = opening.store.losses()
    lost = [part for record in records for part in record.ranges]
    assert len(lost) > 1_000, "values stay between pictures that go"
    assert max(len(record.ranges) for record in records) <= 500
    assert len({part.first for part in lost}) == len(lost) == opening.store.figures().parcels_lost["quota"]
    closed(opening)
