"""The state on a PostgreSQL server as a city runs one: over TLS, with a password, and with every way to be refused."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from haechi.cloud.state import changes
from haechi.cloud.state.engine import open_state, reading, writing
from haechi.cloud.state.schema import changes as rows
from haechi.cloud.state.schema import gateways, metadata, places
from haechi.cloud.state.writer import StateUnavailable, StateWriter, Turn
from haechi.command import UsageError
from support.certificates import Certificates, make_certificates
from support.postgres import PASSWORD, USER, Server, postgres_server

pytestmark = pytest.mark.servers

PLACE = {"tenant": "city", "id": "bridge", "name": "Bridge", "latitude": 0.0, "longitude": 0.0}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), ["localhost"])


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[Server]:
    with postgres_server(certificates) as server:
        engine = open_state(server.socket_url)
        with writing(engine) as connection:
            connection.exec_driver_sql(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")
        engine.dispose()
        yield server


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "state.password"
    file.write_text(PASSWORD + "\n")
    return file


@pytest.fixture
def state(server: Server) -> Iterator[Engine]:
    engine = open_state(server.socket_url)
    with writing(engine) as connection:
        connection.execute(places.delete())
    yield engine
    engine.dispose()


def address(server: Server, secret: Path, *options: str, host: str = "localhost") -> str:
    return f"postgresql://{USER}@{host}:{server.port}/postgres?" + "&".join((f"password_file={secret}", *options))


def test_it_is_entered_by_tls_and_password_and_verified(
    server: Server, certificates: Certificates, secret: Path
) -> None:
    engine = open_state(address(server, secret, "tls=true", f"ca_file={certificates.ca}"))
    with reading(engine) as connection:
        encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert connection.exec_driver_sql(encrypted).scalar_one() is True
    engine.dispose()


@pytest.mark.parametrize(
    ("host", "options", "password", "expected"),
    [
        ("localhost", ("tls=true", "ca_file={other_ca}"), PASSWORD, "certificate verify failed"),
        ("127.0.0.1", ("tls=true", "ca_file={ca}"), PASSWORD, "IP address mismatch"),
        ("localhost", ("tls=true", "ca_file={ca}"), "wrong", "password authentication failed"),
        ("localhost", (), PASSWORD, "no encryption"),
    ],
)
def test_whoever_is_not_right_is_refused_in_one_line(
    server: Server,
    certificates: Certificates,
    secret: Path,
    host: str,
    options: tuple[str, ...],
    password: str,
    expected: str,
) -> None:
    secret.write_text(password)
    filled = [one.format(ca=certificates.ca, other_ca=certificates.other_ca) for one in options]
    with pytest.raises(UsageError, match=expected) as raised:
        open_state(address(server, secret, *filled, host=host))
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_server_that_answers_before_it_is_durable_is_refused(server: Server, state: Engine) -> None:
    with writing(state) as connection:
        connection.exec_driver_sql(f"ALTER ROLE {USER} SET synchronous_commit = off")
    with pytest.raises(UsageError, match="synchronous_commit is off"):
        open_state(server.socket_url)
    with writing(state) as connection:
        connection.exec_driver_sql(f"ALTER ROLE {USER} RESET synchronous_commit")


def test_content_is_told_from_circumstance(state: Engine) -> None:
    with writing(state) as connection:
        connection.execute(insert(places), [PLACE])
    with pytest.raises(IntegrityError, match="places_pkey"), writing(state) as connection:
        connection.execute(insert(places), [PLACE])
    with reading(state) as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        with pytest.raises(OperationalError, match="read-only"):
            connection.execute(insert(places), [{**PLACE, "id": "other"}])
        connection.rollback()


async def test_a_connection_that_the_server_ends_costs_one_try(state: Engine) -> None:
    def ended(connection: object) -> None:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")  # type: ignore[attr-defined]

    writer = StateWriter(state)
    with pytest.raises(StateUnavailable):
        await writer.run(Turn.BULK, ended)
    count = await writer.run(
        Turn.BULK, lambda connection: connection.execute(select(func.count()).select_from(places)).scalar_one()
    )
    writer.close()
    assert count == 0


async def test_two_transactions_that_wait_for_each_other_both_end(state: Engine) -> None:
    rows = [
        {"tenant": "city", "gateway": name, "last_seen_us": 0, "observations": 0} for name in ("cabinet-1", "cabinet-2")
    ]
    with writing(state) as connection:
        connection.execute(gateways.delete())
        connection.execute(insert(gateways), rows)
    meet = threading.Barrier(2)
    outcomes: list[str] = []

    def work(first: str, second: str) -> None:
        try:
            with writing(state) as connection:
                for name in (first, second):
                    one = gateways.update().where(gateways.c.gateway == name)
                    connection.execute(one.values(observations=gateways.c.observations + 1))
                    if name == first:
                        meet.wait(10)
            outcomes.append("committed")
        except OperationalError as error:
            outcomes.append(str(error.orig))

    threads = [
        threading.Thread(target=work, args=names) for names in (("cabinet-1", "cabinet-2"), ("cabinet-2", "cabinet-1"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["committed", "deadlock detected (40P01)"]


def test_the_feed_never_passes_a_change_that_is_not_committed(state: Engine) -> None:
    def append(connection: Connection, name: str) -> None:
        changes.append(connection, "city", [changes.Change("event", name)], 0)

    def hasty() -> None:
        with writing(state) as connection:
            append(connection, "hasty")

    def fed() -> list[str]:
        with reading(state) as connection:
            return list(connection.execute(select(rows.c.key).order_by(rows.c.id)).scalars())

    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    thread = threading.Thread(target=hasty)
    with writing(state) as connection:
        connection.execute(rows.delete())
        append(connection, "slow")
        thread.start()
        while not connection.exec_driver_sql(waiting).scalar_one():
            assert thread.is_alive(), "it waits for the one that came first"
        assert fed() == []
    thread.join()
    assert fed() == ["slow", "hasty"]
    with writing(state) as connection:
        append(connection, "undone")  # takes an id that nobody will ever see
        connection.rollback()
    hasty()
    assert fed() == ["slow", "hasty", "hasty"]


def test_workers_that_start_together_make_the_tables_together(server: Server, state: Engine) -> None:
    with writing(state) as connection:
        metadata.drop_all(connection)
    opened: list[Engine] = []
    threads = [threading.Thread(target=lambda: opened.append(open_state(server.socket_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in opened:
        engine.dispose()
    assert len(opened) == 4
