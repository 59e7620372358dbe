"""What only our own stores promise: the file of points stays bounded, pictures are whole or not there."""

from pathlib import Path

import pytest

from haechi.cloud.objects import FolderObjects, ObjectUnavailable
from haechi.cloud.store import Batch
from haechi.cloud.store.points import DAY_US, Limits
from haechi.cloud.store.sqlite import SqlitePoints
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
