"""A state on every database that it runs on, empty at the beginning of each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from haechi.cloud.state.engine import open_state
from support.postgres import postgres
from support.state import empty


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL of our own."""
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty state."""
    url = f"sqlite:///{tmp_path}/state.db" if request.param == "sqlite" else request.getfixturevalue("server")
    engine = open_state(url)
    empty(engine)
    yield engine
    engine.dispose()
