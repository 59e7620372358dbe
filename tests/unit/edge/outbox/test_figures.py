"""How long the room lasts, and how much room is needed."""

from pathlib import Path

import pytest

from haechi.contract.codec import encode_body
from haechi.contract.parcel import Parcel
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Draft, OutboxFailed, Rank
from haechi.edge.outbox.eviction import ROW_BYTES
from haechi.edge.outbox.figures import PARCEL_BYTES, bytes_needed, look_at_room, room_on_disk
from haechi.edge.outbox.opening import open_store

NOW_US = 1_800_000_000_000_000
BODY = encode_body(Parcel(epoch_order=1, epoch_number=1))
BYTES_MAX = 10**7


def test_the_rate_is_that_of_what_was_committed_and_settled_parcels_are_room(tmp_path: Path) -> None:
    opening = open_store(tmp_path, BYTES_MAX, lambda newest_us: max(newest_us, NOW_US))
    for second in range(101):
        opening.store.commit(Batch((Draft(Rank.LIVE, BODY + bytes(1000), 100),)), NOW_US + second * 1_000_000)
    room = look_at_room(tmp_path, BYTES_MAX)
    size = room.figures.bytes / 101
    assert room.pace is not None
    assert room.pace.bytes_per_s == pytest.approx((size + ROW_BYTES) * 1.01)
    assert room.pace.bytes_per_value == pytest.approx(size / 100)
    assert room.hours_left == pytest.approx(room.bytes_left / room.pace.bytes_per_s / 3600)
    opening.store.settle(opening.store.epoch.epoch, RangeSet([(1, 101)]))
    again = look_at_room(tmp_path, BYTES_MAX)
    assert again.bytes_left == room.bytes_left + room.figures.bytes + 101 * ROW_BYTES
    opening.store.close()
    opening.lock.close()


def test_nothing_is_said_of_a_rate_that_was_hardly_seen(tmp_path: Path) -> None:
    opening = open_store(tmp_path, BYTES_MAX, lambda newest_us: max(newest_us, NOW_US))
    opening.store.commit(Batch((Draft(Rank.LIVE, BODY, 1),)), NOW_US)
    room = look_at_room(tmp_path, BYTES_MAX)
    assert (room.pace, room.hours_left) == (None, None)
    opening.store.close()
    opening.lock.close()


def test_the_disk_counts_with_the_file_that_is_there_and_before_there_is_a_folder(closed: Path) -> None:
    before = room_on_disk(closed / "not" / "made" / "yet")
    assert room_on_disk(closed) == pytest.approx(before + (closed / "outbox.sqlite").stat().st_size, rel=0.1)
    assert before > 0


def test_what_is_needed_grows_with_values_and_with_time() -> None:
    assert bytes_needed(100, 2, 5, 1) == 2 * 3600 * (500 + PARCEL_BYTES)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """An outbox whose agent has stopped."""
    opening = open_store(tmp_path, BYTES_MAX, lambda newest_us: max(newest_us, NOW_US))
    opening.store.commit(Batch((Draft(Rank.LIVE, BODY, 1),)), NOW_US + 5)
    opening.store.close()
    opening.lock.close()
    return tmp_path


def test_looking_changes_nothing_and_says_when_it_was_last_written(closed: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in closed.iterdir()}
    room = look_at_room(closed, BYTES_MAX)
    assert (room.figures.parcels, room.newest_us, room.set_aside) == (1, NOW_US + 5, ())
    assert {path.name: path.stat().st_mtime_ns for path in closed.iterdir()} == before
    (closed / "outbox.sqlite.damaged-000001").touch()
    assert look_at_room(closed, BYTES_MAX).set_aside == ("outbox.sqlite.damaged-000001",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no outbox; has the agent run yet?"),
        (b"", "is empty or no outbox of this version"),
        (b"nonsense" * 1000, "is damaged"),
    ],
)
def test_an_outbox_that_cannot_be_read_says_what_to_do(closed: Path, content: bytes | None, said: str) -> None:
    file = closed / "outbox.sqlite"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OutboxFailed, match=said):
        look_at_room(closed, BYTES_MAX)


def test_a_folder_in_place_of_the_outbox_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    with pytest.raises(OutboxFailed, match="cannot be read"):
        look_at_room(tmp_path, BYTES_MAX)


def test_what_was_lost_is_counted_by_cause_and_unclean_stops_as_gaps(tmp_path: Path) -> None:
    small = 4 * (len(BODY) + 1000 + ROW_BYTES)
    opening = open_store(tmp_path, small, lambda newest_us: max(newest_us, NOW_US))
    for _ in range(10):
        opening.store.commit(Batch((Draft(Rank.LIVE, BODY + bytes(1000), 100),)), NOW_US)
    figures = look_at_room(tmp_path, small).figures
    assert figures.parcels_lost == {"quota": 10 - figures.parcels}
    assert figures.observations_lost == {"quota": 100 * (10 - figures.parcels)}
    assert figures.gaps == 0
    opening.store.close(clean=False)
    opening.lock.close()
    opening = open_store(tmp_path, small, lambda newest_us: max(newest_us, NOW_US))
    assert look_at_room(tmp_path, small).figures.gaps == 1
    opening.store.close()
    opening.lock.close()
