"""Dead letters that can be read now are applied once; the others stay."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from haechi.cloud import cli
from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Unreadable, read
from haechi.cloud.event_broker.replay import replay
from haechi.cloud.objects import FolderObjects
from haechi.cloud.state import letters
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.schema import dead_letters, events, gateways, settled
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.command import main
from haechi.contract import codec
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.places import Datastream
from support.sender import EPOCH, alarm, flood, level, now_us

NOW_US = 1_790_000_000_000_000


def put_aside(state: Engine, seq: int, parcel: Parcel) -> None:
    """As if an older software had not been able to read it."""
    topic = "haechi/v1/city/cabinet-1/up/live"
    payload = codec.encode(ParcelName(EPOCH, seq), parcel)
    letter = Letter("city", "cabinet-1", topic, "parcel", "the body has version 2", payload, EPOCH, seq)
    with writing(state) as connection:
        apply(connection, [], [Unreadable(letter, "future_version", ParcelName(EPOCH, seq))], [], now_us())


def test_what_can_be_read_now_is_applied_and_the_rest_stays(state: Engine, tmp_path: Path) -> None:
    put_aside(state, 1, level(now_us(), 1.0, 2.0))
    put_aside(state, 2, alarm(flood("event-0001")))
    with writing(state) as connection:
        letter = Letter("city", "cabinet-1", "haechi/v1/city/cabinet-1/up/live", "parcel", "garbage", b"garbage")
        apply(connection, [], [Unreadable(letter, "not_a_parcel")], [], now_us())
    points = SqlitePoints(tmp_path / "points.db", Limits(now_us))
    for expected in ((2, 1), (0, 1)):
        assert replay(state, points, FolderObjects(tmp_path / "objects"), ["city"], now_us) == expected
    assert points.count("city") == {"cabinet-1/river-1.level": 2}
    points.close()
    with reading(state) as connection:
        assert connection.execute(select(events.c.id)).scalars().all() == ["event-0001"]
        assert connection.execute(select(dead_letters.c.reason)).scalars().all() == ["garbage"]
        assert connection.execute(select(settled.c.first, settled.c.last)).all() == [(1, 2)]


def test_the_letters_of_a_gateway_that_is_fenced_off_stay_until_it_is_heard_again(
    state: Engine, tmp_path: Path
) -> None:
    put_aside(state, 1, alarm(flood("event-0001")))
    points, objects = SqlitePoints(tmp_path / "points.db", Limits(now_us)), FolderObjects(tmp_path / "objects")
    for fenced, expected in (("too many epochs", (0, 1)), (None, (1, 0))):
        with writing(state) as connection:
            connection.execute(update(gateways).values(fenced=fenced))
        assert replay(state, points, objects, ["city"], now_us) == expected
        with reading(state) as connection:
            assert connection.execute(select(settled.c.first, settled.c.last)).all() == [(1, 1)]
    points.close()


def test_a_letter_that_describes_its_own_datastreams_names_its_points_by_that(state: Engine, tmp_path: Path) -> None:
    parcel = level(NOW_US, 1.0)
    parcel.datastreams = [
        Datastream(
            id="river-1.level",
            thing="river-1",
            observed_property="water_level",
            unit="m",
            name="level",
            device_time=True,
        )
    ]
    put_aside(state, 1, parcel)
    points = SqlitePoints(tmp_path / "points.db", Limits(lambda: NOW_US))
    assert replay(state, points, FolderObjects(tmp_path / "objects"), ["city"], lambda: NOW_US) == (1, 0)
    assert points._writer.execute("SELECT time_ns FROM points").fetchall() == [(NOW_US * 1000,)]
    points.close()


def test_the_command_lists_and_replays(state: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_aside(state, 1, level(now_us(), 1.0))
    where = ["--data-dir", str(tmp_path)]
    assert main(["cloud", "dead-letters", "list", *where]) == 0
    assert "city/cabinet-1 00010203/1" in capsys.readouterr().out
    assert main(["cloud", "dead-letters", "replay", *where]) == 0
    assert capsys.readouterr().out == "1 applied, 0 left\n"


def test_listing_holds_nothing_open_while_a_pager_stands(
    state: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(state) as connection:
        for number in range(250):
            letter = Letter("city", "cabinet-1", "t", "parcel", "garbage", b"%d" % number)
            letters.keep(connection, letter, now_us())
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line.partition("\t")[0])
        with state.connect() as connection:  # SQLite can empty its log only while nobody reads
            busy, _pages, _moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        assert not busy

    monkeypatch.setattr(cli, "_say", say)
    assert main(["cloud", "dead-letters", "list", "--data-dir", str(tmp_path)]) == 0
    assert said == [str(number) for number in range(1, 251)]


def test_reading_never_raises_whatever_arrives() -> None:
    for topic in ("", "x", "haechi/v1/city/cabinet-1/up/nothing", "haechi/v1/city/" + "x" * 300 + "/up/live"):
        assert isinstance(read(Arrival(topic, b"x", 0), ["city"], "city"), Unreadable)
    good = codec.encode(ParcelName(EPOCH, 1), level(now_us(), 1.0))
    assert isinstance(read(Arrival("haechi/v1/city/cabinet-1/up/live", good, 0), ["city"], "city"), Delivery)
    for cut in range(len(good)):
        assert isinstance(
            read(Arrival("haechi/v1/city/cabinet-1/up/live", good[:cut], 0), ["city"], "city"), Unreadable
        )
