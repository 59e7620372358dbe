"""The outbox against a model in memory, through closings, kills and damage."""

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from haechi.contract.codec import encode_body
from haechi.contract.envelope import unwrap
from haechi.contract.events import Event, Phase, Severity
from haechi.contract.parcel import LossCause, Parcel, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Draft, OutboxFailed, OutboxLocked, Rank
from haechi.edge.outbox.epochs import draw_epoch
from haechi.edge.outbox.eviction import ROW_BYTES
from haechi.edge.outbox.figures import look
from haechi.edge.outbox.opening import FILE, Opening, open_store

BODY = encode_body(Parcel(epoch_order=1, epoch_number=1))
ROOMY = 10**7
NOW_US = 1_800_000_000_000_000


def opened(folder: Path, bytes_max: int = ROOMY, *, suspect: bool = False) -> Opening:
    return open_store(folder, bytes_max, lambda newest_us: max(newest_us, NOW_US), suspect=suspect)


def killed(opening: Opening) -> None:
    """Let go of the file as a killed process does: without a word to it."""
    opening.store._database.close()
    opening.lock.close()


def closed(opening: Opening) -> None:
    opening.store.close()
    opening.lock.close()


def draft(rank: Rank = Rank.LIVE, size: int = 0, observations: int = 1, events: int = 0) -> Draft:
    return Draft(rank, BODY + bytes(size), observations, events, 1, 2)


def event(condition: str, phase: Phase, number: int = 0) -> Event:
    return Event(
        id=f"event-{number:05d}",
        type="flood.level_high",
        source="river-1",
        subject="bridge",
        time_us=1,
        phase=phase,
        condition=condition,
        severity=Severity.SEVERE,
    )


class OutboxMachine(RuleBasedStateMachine):
    """Commits, settles, kills and reopens; compares with a dictionary. Roomy: nothing is evicted."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opening = opened(self.folder)
        self.parcels: dict[ParcelName, Rank] = {}
        self.settled: set[ParcelName] = set()
        self.observations = 0
        self.seqs: dict[bytes, int] = {}
        self.active: set[str] = set()

    @rule(ranks=st.lists(st.sampled_from(list(Rank)), min_size=1, max_size=4), observations=st.integers(0, 9))
    def commit(self, ranks: list[Rank], observations: int) -> None:
        names = self.opening.store.commit(
            Batch(tuple(draft(rank, observations=observations) for rank in ranks)), NOW_US
        )
        for name, rank in zip(names, ranks, strict=True):
            assert name.seq == self.seqs.get(name.epoch, 0) + 1
            self.seqs[name.epoch] = name.seq
            self.parcels[name] = rank
        self.observations += observations * len(ranks)

    @rule(condition=st.sampled_from("abc"), phase=st.sampled_from([Phase.RAISED, Phase.CLEARED]))
    def state(self, condition: str, phase: Phase) -> None:
        self.opening.store.commit(Batch((), (event(condition, phase),)), NOW_US)
        (self.active.add if phase is Phase.RAISED else self.active.discard)(condition)

    @precondition(lambda self: self.seqs)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(list(self.seqs)))
        first = data.draw(st.integers(1, self.seqs[epoch]))
        last = data.draw(st.integers(first, self.seqs[epoch] + 5))
        freed = self.opening.store.settle(epoch, RangeSet([(first, last)]))
        newly = {name for name in self.parcels if name.epoch == epoch and first <= name.seq <= last} - self.settled
        assert freed == len(newly)
        self.settled |= newly

    @rule(kill=st.booleans())
    def reopen(self, kill: bool) -> None:
        (killed if kill else closed)(self.opening)
        self.opening = opened(self.folder)
        assert (self.opening.opened.unclean is not None) is kill

    @rule()
    def step_back(self) -> None:
        self.opening.store.new_epoch(NOW_US)

    @invariant()
    def agrees(self) -> None:
        store = self.opening.store
        waiting = {name for name in self.parcels if name not in self.settled}
        got = {held.name: held for rank in Rank for held in store.waiting(rank, 0, None, 10_000)}
        assert {name: held.rank for name, held in got.items()} == {name: self.parcels[name] for name in waiting}
        for held in got.values():
            parcel = store.read(held.id)
            assert parcel is not None
            assert unwrap(parcel)[0] == held.name
            assert len(parcel) == held.size
        figures = store.figures()
        assert (figures.parcels, figures.observations_committed) == (len(waiting), self.observations)
        assert figures.bytes == sum(held.size for held in got.values())
        assert {found.condition for found in store.conditions()} == self.active
        held_epochs = {bytes.fromhex(held.epoch): held for held in store.held_epochs()}
        needed = {name.epoch for name in waiting} | {store.epoch.epoch}
        assert needed <= set(held_epochs)
        for epoch, held_epoch in held_epochs.items():
            assert held_epoch.next == self.seqs.get(epoch, 0) + 1
            seqs = [name.seq for name in waiting if name.epoch == epoch]
            assert held_epoch.lowest == min(seqs, default=held_epoch.next)

    def teardown(self) -> None:
        closed(self.opening)
        shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestOutboxMachine = OutboxMachine.TestCase


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
