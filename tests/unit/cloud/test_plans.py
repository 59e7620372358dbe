"""No statement inside the writer's transactions reads a table from end to end: an alarm would wait for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, Unreadable, read
from haechi.cloud.event_handler import handler, seen
from haechi.cloud.state import changes
from haechi.cloud.state.engine import writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.retention import CHORES, EVENTS_US_MAX
from haechi.contract import codec
from haechi.contract.control import GatewayStatus, HeldEpoch
from haechi.contract.events import Event, Evidence, Phase
from haechi.contract.parcel import LossCause, LossRange, LossRecord, Parcel, ParcelName
from haechi.contract.topics import Address
from support.sender import EPOCH, alarm, flood, level

NOW_US = 1_790_000_000_000_000
GATHERED = "dead_letters USING COVERING INDEX dead_letters_by_size"
"""The room that letters take is summed once a minute; they are bounded by it, and the index alone is read."""


@contextmanager
def _driver(state: Engine) -> Iterator[sqlite3.Connection]:
    connection = state.raw_connection()
    try:
        driver = connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        yield driver
    finally:
        connection.close()


class Statements:
    """Every statement of a database with the values that it was executed with."""

    def __init__(self, state: Engine) -> None:
        self.found: dict[str, Any] = {}
        event.listen(state, "before_cursor_execute", self._note)

    def _note(
        self, _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        self.found[statement] = parameters[0] if many else parameters

    def scans(self, state: Engine) -> Iterator[str]:
        """Yield the statements for which SQLite would read a whole table, each with what it would do."""
        with _driver(state) as driver:
            for statement in self.found:
                if not statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
                    continue
                for detail in self._plan(driver, statement):
                    if detail.startswith("SCAN") and "CONSTANT ROW" not in detail and GATHERED not in detail:
                        yield f"{detail}: {statement}"

    def sorts_of(self, state: Engine, *tables: str) -> Iterator[str]:
        """Yield the statements for which SQLite would gather rows of these tables to take the first of them."""
        with _driver(state) as driver:
            for statement in self.found:
                flat = statement.replace("\n", " ")
                first_of = "LIMIT" in flat and any(f"FROM {table} " in flat for table in tables)
                if first_of and any("TEMP B-TREE" in detail for detail in self._plan(driver, statement)):
                    yield statement

    def _plan(self, driver: sqlite3.Connection, statement: str) -> list[str]:
        return [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", self.found[statement])]


def delivery(seq: int, parcel: Parcel) -> Delivery:
    payload = codec.encode(ParcelName(EPOCH, seq), parcel)
    one = read(Arrival("haechi/v1/city/cabinet-1/up/live", payload, NOW_US), ["city"], "city")
    assert isinstance(one, Delivery)
    one.points_written = True
    return one


def report(state: str, at_us: int, epoch: bytes = EPOCH) -> Report:
    status = GatewayStatus(
        state=state,  # type: ignore[arg-type]
        at_us=at_us,
        question="q" if state == "online" else None,
        epochs=(HeldEpoch(epoch=epoch.hex(), order=1, lowest=5, next=9),) if state == "online" else (),
        standing=("other.alarm",) if state == "online" else None,
    )
    return Report(Address("city", "cabinet-1", "up/status"), status, Arrival("t", b"", at_us))


def happened(event_id: str, subject: str = "bridge") -> Event:
    return flood(event_id, Phase.OCCURRED, type="security.emergency_call", condition="", subject=subject)


@pytest.fixture
def statements(state: Engine) -> Statements:
    return Statements(state)


def test_no_transaction_of_the_writer_reads_a_whole_table(state: Engine, statements: Statements) -> None:
    loss = LossRecord(
        id="loss-0001",
        cause=LossCause.QUOTA,
        ranges=(LossRange(epoch=EPOCH.hex(), first=50, last=None),),
        first_us=0,
        last_us=0,
    )
    picture = Evidence(
        id="picture-1",
        event="event-0001",
        source="camera",
        time_us=0,
        width_px=1,
        height_px=1,
        content=b"p",
    )
    pictured = delivery(6, Parcel(epoch_order=1, epoch_number=7, evidence=[picture]))
    pictured.pictures[picture.id, picture.piece] = "key"
    letter = Letter("city", "cabinet-1", "t", "parcel", "broken", b"x", EPOCH, 40)
    come = [
        delivery(1, level(NOW_US, 1.0)),
        delivery(2, alarm(flood("event-0001"))),
        delivery(3, alarm(flood("event-0002", subject="tunnel"), happened("event-0003"))),
        delivery(4, alarm(flood("event-0004", Phase.CLEARED))),
        delivery(5, Parcel(epoch_order=1, epoch_number=7, losses=[loss])),
        pictured,
    ]
    reports = [report("online", NOW_US), report("online", NOW_US, bytes(16)), report("offline", NOW_US + 1)]
    with writing(state) as connection:
        apply(connection, come, [Unreadable(letter, "unreadable_body", ParcelName(EPOCH, 40))], [], NOW_US)
    for one in reports:
        with writing(state) as connection:
            apply(connection, [], [], [], NOW_US, [one])
    for at_us in (NOW_US + 700_000_000, NOW_US + EVENTS_US_MAX * 2):
        with writing(state) as connection:
            swept = [*handler.sweep(connection, at_us), *seen.watch(connection, at_us)]
            changes.append_all(connection, swept, at_us)
        for chore in CHORES:
            with writing(state) as connection:
                chore(connection, at_us)
        with writing(state) as connection:
            apply(connection, [], [], [], at_us, [report("online", at_us)])
    touched = " ".join(statements.found)
    assert all(f" {table} " in touched for table in ("situations", "notifications", "evidence", "receipts"))
    assert list(statements.scans(state)) == []
    assert list(statements.sorts_of(state, "conditions", "situations")) == [], "thousands may stand at one place"
    assert "UPDATE situations SET id" not in touched, "SQLite would look for the notifications that refer to it"
