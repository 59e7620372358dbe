"""What only our own stores promise: the file of points stays bounded, pictures are whole or not there."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from haechi.cloud.clock import DAY_US
from haechi.cloud.objects import FolderObjects, ObjectUnavailable
from haechi.cloud.store import Batch
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.contract.observations import Table
from support.sender import table


def test_what_is_older_than_the_retention_is_forgotten_as_new_points_come(tmp_path: Path) -> None:
    clock_us = [100 * DAY_US]
    points = SqlitePoints(tmp_path / "points.db", Limits(lambda: clock_us[0], retention_us=10 * DAY_US))
    for day in range(100, 200):
        clock_us[0] = day * DAY_US
        times_us = [day * DAY_US + hour for hour in range(24)]
        tables = [table(["a.x", "a.y"], times_us, [[1.0] * 24] * 2)]
        assert points.write([Batch("city", "cabinet-1", 0, tables)]) == []
    counted = points.count("city")
    points.close()
    assert all(10 * 24 <= count <= 14 * 24 for count in counted.values()), counted


def test_without_a_retention_nothing_is_forgotten(tmp_path: Path) -> None:
    points = SqlitePoints(tmp_path / "points.db", Limits(lambda: 100 * DAY_US))
    for day in range(3):
        points.write([Batch("city", "cabinet-1", 0, [table(["a.x"], [day * DAY_US], [[1.0]])])])
    assert points.count("city") == {"cabinet-1/a.x": 3}
    points.close()


def test_who_reads_waits_for_no_writer(tmp_path: Path) -> None:
    """A chart is drawn while a batch is being written, also by somebody who has never read before."""
    points = SqlitePoints(tmp_path / "points.db", Limits(lambda: DAY_US))
    written = table(["a.x"], [DAY_US], [[1.0]])
    points.write([Batch("city", "cabinet-1", 0, [written])])
    begun, go_on = Event(), Event()

    class Slow(Sequence[Table]):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: Any) -> Any:
            if index:
                raise IndexError
            begun.set()
            assert go_on.wait(10)
            return written

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(points.write, [Batch("city", "cabinet-2", 0, Slow())])
        assert begun.wait(10)
        try:
            read = threads.submit(points.read, "city", "cabinet-1", "a.x", 0, 2 * DAY_US, 10).result(timeout=5)
        finally:
            go_on.set()
        writing.result()
    assert [row.value for row in read] == [1.0]
    points.close()


def test_bursts_of_readers_leave_few_files_open(tmp_path: Path) -> None:
    points = SqlitePoints(tmp_path / "points.db", Limits(lambda: DAY_US))
    points.write([Batch("city", "cabinet-1", 0, [table(["a.x"], [DAY_US], [[1.0]])])])
    for _burst in range(5):
        meet = Barrier(20)

        def read() -> None:
            meet.wait(10)  # noqa: B023 - ends within this turn
            points.read("city", "cabinet-1", "a.x", 0, DAY_US + 1, 10)

        with ThreadPoolExecutor(20) as threads:
            for one in [threads.submit(read) for _ in range(20)]:
                one.result()
    # The writer and eight readers have the log open; SQLite closes the file itself only when nobody has it open any
    # more, and until then lends what it holds to whoever opens it next: as many as read at once.
    assert opened(tmp_path) <= (1 + 8) + (1 + 20)
    points.close()
    assert opened(tmp_path) == 0


def opened(folder: Path) -> int:
    """Return how many open files this process has in a folder."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += link.readlink().parent == folder and not link.readlink().name.endswith("-shm")
    return found


def test_a_picture_is_kept_once_under_its_content(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects")
    key = objects.put(b"picture")
    assert objects.put(b"picture") == key
    assert objects.get(key) == b"picture"
    assert [path.name for path in (tmp_path / "objects").rglob("*") if path.is_file()] == [key]
    objects.discard(key)
    objects.discard(key)
    assert objects.get(key) is None


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "ab", "A" * 64])
def test_a_key_that_is_none_reaches_no_file(tmp_path: Path, key: str) -> None:
    objects = FolderObjects(tmp_path)
    objects.discard(key)
    assert objects.get(key) is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file where a folder should be")
    with pytest.raises(ObjectUnavailable, match="objects"):
        FolderObjects(tmp_path / "objects").put(b"picture")
