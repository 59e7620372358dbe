"""The writing thread: urgent first, one transaction at a time, and every failure told apart."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from haechi.cloud.state.engine import reading
from haechi.cloud.state.schema import places
from haechi.cloud.state.writer import CONFLICTS_MAX, StateUnavailable, StateWriter, Turn


@contextmanager
def running(engine: Engine) -> Iterator[StateWriter]:
    writer = StateWriter(engine)
    yield writer
    writer.close()


def place(name: str) -> dict[str, object]:
    return {"tenant": "city", "id": name, "name": name, "latitude": 0.0, "longitude": 0.0}


async def test_urgent_work_overtakes_what_waits(state: Engine) -> None:
    order: list[str] = []
    busy, go = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        busy.set()
        go.wait(10)

    def note(name: str) -> Callable[[Connection], None]:
        return lambda _connection: order.append(name)

    with running(state) as writer:
        first = asyncio.create_task(writer.run(Turn.BULK, hold))
        await asyncio.to_thread(busy.wait, 10)
        turns = (("bulk", Turn.BULK), ("keeping", Turn.KEEPING), ("status", Turn.STATUS), ("urgent", Turn.URGENT))
        tasks = [asyncio.create_task(writer.run(turn, note(name))) for name, turn in turns]
        while writer.waiting < len(tasks):  # noqa: ASYNC110 - the tasks need a turn of the loop to get in line
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *tasks)
    assert order == ["urgent", "status", "bulk", "keeping"]


async def test_what_raises_leaves_nothing_behind(state: Engine) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(places).values(**place("bridge")))
        raise ValueError("broken")

    with running(state) as writer:
        with pytest.raises(ValueError, match="broken"):
            await writer.run(Turn.BULK, work)
        assert await writer.run(Turn.BULK, lambda connection: connection.execute(select(1)).scalar()) == 1
    with reading(state) as connection:
        assert connection.execute(select(func.count()).select_from(places)).scalar() == 0


async def test_a_conflict_with_another_worker_is_tried_again(state: Engine) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> str:
        tries.append(1)
        connection.execute(insert(places).values(**place("bridge")))
        if len(tries) < CONFLICTS_MAX:
            connection.execute(insert(places).values(**place("bridge")))
        return "done"

    with running(state) as writer:
        assert await writer.run(Turn.BULK, work) == "done"
        with pytest.raises(IntegrityError):
            await writer.run(Turn.BULK, lambda connection: connection.execute(insert(places).values(**place("bridge"))))


async def test_a_full_disk_means_try_again_later(state: Engine) -> None:
    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes the present size at the least
        connection.execute(insert(places), [place(f"place-{number}") | {"name": "x" * 4000} for number in range(100)])

    with running(state) as writer, pytest.raises(StateUnavailable, match="full"):
        await writer.run(Turn.BULK, fill)
    with reading(state) as connection:
        assert connection.execute(select(func.count()).select_from(places)).scalar() == 0


async def test_a_database_that_somebody_else_holds_means_try_again_later(
    state: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(connection: Connection) -> None:
        connection.execute(insert(places).values(**place("bridge")))

    other = sqlite3.connect(str(state.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with state.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 10")  # on the one connection that the pool will give again
    with running(state) as writer:
        with pytest.raises(StateUnavailable, match="locked"):
            await writer.run(Turn.URGENT, impatient)
        other.execute("ROLLBACK")
        await writer.run(Turn.URGENT, impatient)
    other.close()
