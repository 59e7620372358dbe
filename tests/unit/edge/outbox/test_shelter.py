"""A disk that refuses: memory goes on, alarms go out, and everything comes back to the disk under its name."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from haechi.contract.codec import encode_body
from haechi.contract.envelope import unwrap
from haechi.contract.events import Event, Phase, Severity
from haechi.contract.parcel import LossCause, Parcel, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Draft, OutboxFailed, OutboxMoved, Rank
from haechi.edge.outbox.opening import ShelteredOpening, open_sheltered
from haechi.edge.outbox.shelter import Shelter

NOW_US = 1_800_000_000_000_000
BODY = encode_body(Parcel(epoch_order=1, epoch_number=1))


class Disk:
    """The folder's disk, which can be made to refuse, and the clock of whoever looks at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 0.0
        self.opening: ShelteredOpening
        self.open()

    def open(self) -> None:
        self.opening = open_sheltered(
            self.folder, 10**8, lambda newest_us: max(newest_us, NOW_US), now_s=lambda: self.now_s
        )

    @property
    def store(self) -> Shelter:
        return self.opening.store

    @property
    def database(self) -> sqlite3.Connection:
        assert self.store._disk is not None
        return self.store._disk._database

    def fills(self) -> None:
        (pages,) = self.database.execute("PRAGMA page_count").fetchone()
        self.database.execute(f"PRAGMA max_page_count = {pages}")

    def has_room(self) -> None:
        self.database.execute("PRAGMA max_page_count = 1000000")

    def becomes_read_only(self, read_only: bool) -> None:
        self.database.execute(f"PRAGMA query_only = {int(read_only)}")

    def waits(self) -> None:
        self.now_s += 60

    def close(self) -> None:
        self.store.close()
        self.opening.lock.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.close()


def values(size: int = 60_000) -> Draft:
    return Draft(Rank.LIVE, BODY + bytes(size), 10, 0, 1, 2)


def alarm(phase: Phase = Phase.RAISED) -> tuple[Draft, Event]:
    event = Event(
        id="event-00001",
        type="flood.level_high",
        source="river-1",
        subject="bridge",
        time_us=1,
        phase=phase,
        condition="river-1.alarm",
        severity=Severity.SEVERE,
    )
    return Draft(Rank.URGENT, BODY, 0, 1, 1, 1), event


def waiting(store: Shelter) -> dict[ParcelName, int]:
    return {held.name: held.id for rank in Rank for held in store.waiting(rank, 0, None, 10_000)}


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_memory_stands_in_and_everything_comes_back(disk: Disk, how: str) -> None:
    store = disk.store
    before = store.commit(Batch((values(),)), NOW_US)
    disk.fills() if how == "full" else disk.becomes_read_only(True)
    with pytest.raises(OutboxMoved):
        store.commit(Batch((values(),)), NOW_US)
    assert store.trouble
    draft, event = alarm()
    meanwhile = store.commit(Batch((draft, values()), (event,)), NOW_US)
    held = waiting(store)
    assert set(held) == {*before, *meanwhile}
    for name, parcel in held.items():
        content = store.read(parcel)
        assert content is not None
        assert unwrap(content)[0] == name
    assert {bytes.fromhex(epoch.epoch) for epoch in store.held_epochs()} == {before[0].epoch, meanwhile[0].epoch}
    assert (store.figures().parcels, store.figures().observations_committed) == (3, 20)

    disk.waits()
    assert not store.tend(NOW_US)
    disk.has_room() if how == "full" else disk.becomes_read_only(False)
    disk.waits()
    orders = [epoch.order for epoch in store.held_epochs()]
    assert store.tend(NOW_US)
    assert not store.trouble
    assert set(waiting(store)) == {*before, *meanwhile}
    assert not set(waiting(store).values()) & {held[name] for name in meanwhile}
    assert [found.condition for found in store.conditions()] == ["river-1.alarm"]
    assert store.figures().observations_committed == 20
    assert store.epoch.order > max(orders)
    assert store.losses() == []

    disk.close()
    disk.open()
    assert set(waiting(disk.store)) == {*before, *meanwhile}
    assert disk.opening.opened.unclean is None


def test_where_to_read_on_goes_to_memory_and_back_with_what_was_read(disk: Disk) -> None:
    store = disk.store
    store.commit(Batch((values(),), cursors=(("logger-1", "1"), ("logger-2", "1"))), NOW_US)
    disk.fills()
    with pytest.raises(OutboxMoved):
        store.commit(Batch((values(),), cursors=(("logger-1", "2"),)), NOW_US)
    assert store.cursors() == {"logger-1": "1", "logger-2": "1"}
    store.commit(Batch((values(),), cursors=(("logger-1", "2"),)), NOW_US)
    assert store.cursors() == {"logger-1": "2", "logger-2": "1"}
    disk.has_room()
    disk.waits()
    assert store.tend(NOW_US)
    disk.close()
    disk.open()
    assert disk.store.cursors() == {"logger-1": "2", "logger-2": "1"}


def test_what_was_settled_in_memory_does_not_come_back(disk: Disk) -> None:
    store = disk.store
    disk.fills()
    with pytest.raises(OutboxMoved):
        store.commit(Batch((values(),)), NOW_US)
    first, second = store.commit(Batch((values(), values())), NOW_US)
    assert store.settle(first.epoch, RangeSet([(first.seq, first.seq)])) == 1
    disk.has_room()
    disk.waits()
    assert store.tend(NOW_US)
    assert set(waiting(store)) == {second}
    assert store.epoch.order > 0


def test_a_condition_that_ends_in_memory_has_ended(disk: Disk) -> None:
    store = disk.store
    draft, event = alarm()
    store.commit(Batch((draft,), (event,)), NOW_US)
    disk.becomes_read_only(True)
    with pytest.raises(OutboxMoved):
        store.commit(Batch((values(),)), NOW_US)
    assert [found.condition for found in store.conditions()] == ["river-1.alarm"]
    draft, event = alarm(Phase.CLEARED)
    store.commit(Batch((draft,), (event,)), NOW_US)
    disk.becomes_read_only(False)
    disk.waits()
    assert store.tend(NOW_US)
    assert store.conditions() == []


@pytest.mark.parametrize(("ends_meanwhile", "left"), [(False, ["river-1.alarm"]), (True, [])])
def test_a_condition_that_only_the_disk_remembers_stands_until_it_ends(
    tmp_path: Path, ends_meanwhile: bool, left: list[str]
) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    disk = Disk(folder)
    draft, event = alarm()
    disk.store.commit(Batch((draft,), (event,)), NOW_US)
    disk.close()
    folder.rename(away)
    folder.write_text("in the way", encoding="utf-8")
    disk.open()
    assert disk.store.conditions() == []
    if ends_meanwhile:
        draft, event = alarm(Phase.CLEARED)
        disk.store.commit(Batch((draft,), (event,)), NOW_US)
    folder.unlink()
    away.rename(folder)
    disk.waits()
    assert disk.store.tend(NOW_US)
    assert [found.condition for found in disk.store.conditions()] == left
    disk.close()


def test_what_was_settled_while_the_disk_refused_waits_for_no_commit(disk: Disk) -> None:
    store = disk.store
    (name,) = store.commit(Batch((values(),)), NOW_US)
    disk.becomes_read_only(True)
    assert store.settle(name.epoch, RangeSet([(name.seq, name.seq)])) == 0
    disk.waits()
    store.tend(NOW_US)
    assert store.trouble
    disk.becomes_read_only(False)
    disk.waits()
    assert not store.tend(NOW_US), "it never moved to memory"
    assert (waiting(store), store.trouble) == ({}, "")


def test_what_was_settled_while_the_disk_refused_is_settled_when_it_does_not(disk: Disk) -> None:
    store = disk.store
    (name,) = store.commit(Batch((values(),)), NOW_US)
    disk.becomes_read_only(True)
    assert store.settle(name.epoch, RangeSet([(name.seq, name.seq)])) == 0
    disk.becomes_read_only(False)
    (other,) = store.commit(Batch((values(),)), NOW_US)
    assert set(waiting(store)) == {other}


def test_what_memory_cannot_keep_is_a_loss_of_the_disk(disk: Disk) -> None:
    store = disk.store
    disk.becomes_read_only(True)
    with pytest.raises(OutboxMoved):
        store.commit(Batch((values(),)), NOW_US)
    names = [name for _ in range(200) for name in store.commit(Batch((values(),)), NOW_US)]
    draft, event = alarm()
    names += store.commit(Batch((draft,), (event,)), NOW_US)
    (record,) = store.losses()
    assert record.cause is LossCause.DISK
    lost = {seq for part in record.ranges for seq in range(part.first, (part.last or 0) + 1)}
    assert {name.seq for name in waiting(store)} | lost == {name.seq for name in names}
    assert names[-1] in waiting(store)
    disk.becomes_read_only(False)
    disk.waits()
    assert store.tend(NOW_US)
    assert [found.cause for found in store.losses()] == [LossCause.DISK]


def test_a_disk_that_goes_twice_gives_no_id_twice(disk: Disk) -> None:
    store = disk.store
    seen: set[int] = set()
    for _ in range(3):
        disk.becomes_read_only(True)
        with pytest.raises(OutboxMoved):
            store.commit(Batch((values(),)), NOW_US)
        (name,) = store.commit(Batch((values(),)), NOW_US)
        parcel = waiting(store)[name]
        assert parcel not in seen
        seen.add(parcel)
        disk.becomes_read_only(False)
        disk.waits()
        assert store.tend(NOW_US)
    assert all(store.read(parcel) is None for parcel in seen)


def test_a_stop_in_memory_brings_everything_to_a_disk_that_is_back(disk: Disk) -> None:
    disk.becomes_read_only(True)
    with pytest.raises(OutboxMoved):
        disk.store.commit(Batch((values(),)), NOW_US)
    names = disk.store.commit(Batch((values(),)), NOW_US)
    disk.becomes_read_only(False)
    disk.close()
    disk.open()
    assert set(names) <= set(waiting(disk.store))


def test_without_a_disk_the_outbox_begins_in_memory() -> None:
    opening = open_sheltered(Path("/proc/haechi"), 10**8, lambda newest_us: max(newest_us, NOW_US))
    assert "/proc/haechi" in opening.opened.in_memory
    assert opening.store.commit(Batch((values(),)), NOW_US)
    with pytest.raises(OutboxFailed):
        opening.store.within(lambda _database: None)
    opening.store.close()
    opening.lock.close()


def test_a_disk_that_appears_later_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("in the way", encoding="utf-8")
    now_s = 0.0
    opening = open_sheltered(folder, 10**8, lambda newest_us: max(newest_us, NOW_US), now_s=lambda: now_s)
    names = opening.store.commit(Batch((values(),)), NOW_US)
    folder.unlink()
    now_s = 60.0
    assert opening.store.tend(NOW_US)
    assert set(waiting(opening.store)) == set(names)
    opening.store.close()
    opening.lock.close()


class Unreadable:
    """A connection on which reading fails, as on a bad sector; what it is asked to write it writes."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def execute(self, query: str, *arguments: Any) -> sqlite3.Cursor:
        if query.lstrip().startswith(("SELECT", "WITH")):
            raise sqlite3.OperationalError("disk I/O error")
        return self.database.execute(query, *arguments)


@pytest.mark.parametrize("heals", ["commit", "tend"])
def test_who_was_told_that_there_is_nothing_is_told_to_look_again(disk: Disk, heals: str) -> None:
    disk.store.commit(Batch((values(), values())), NOW_US)
    figures = disk.store.figures()
    sound, moves = disk.database, disk.store.moves
    assert disk.store._disk is not None
    disk.store._disk._database = Unreadable(sound)  # type: ignore[assignment]
    assert disk.store.waiting(Rank.LIVE, 0, None, 10) == []
    assert disk.store.read(1) is None
    assert disk.store.figures() == figures
    assert disk.store.trouble
    disk.store._disk._database = sound
    if heals == "commit":
        disk.store.commit(Batch((values(),)), NOW_US)
    else:
        disk.waits()
        disk.store.tend(NOW_US)
    assert not disk.store.trouble
    assert disk.store.moves > moves
    assert disk.store.read(1) is not None
