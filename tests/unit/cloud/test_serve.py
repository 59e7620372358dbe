"""What the composition root does around its parts. (That they work together, real servers show.)"""

import socket
from collections.abc import Callable

from sqlalchemy import Connection, Engine

from haechi.cloud.config import CloudConfig
from haechi.cloud.serve import Cloud
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.engine import writing
from haechi.cloud.state.writer import StateUnavailable, Turn


class Writer:
    """Fails at the commit, as a full disk does, until it is told to stop."""

    def __init__(self, state: Engine) -> None:
        self._state = state
        self.full = True

    async def run(self, _turn: Turn, work: Callable[[Connection], bool]) -> bool:
        with writing(self._state) as connection:
            done = work(connection)
        if self.full:
            raise StateUnavailable("disk full")
        return done


async def test_no_picture_is_discarded_before_the_commit_that_left_it_unused(state: Engine) -> None:
    cloud = Cloud(CloudConfig(), socket.socket())
    writer = Writer(state)
    cloud._writer, cloud._bell = writer, ChangeBell()  # type: ignore[assignment]
    await cloud._do(lambda _connection, _now_us: ["picture"])
    assert cloud._unused == []
    writer.full = False
    await cloud._do(lambda _connection, _now_us: ["picture"])
    assert cloud._unused == ["picture"]
    cloud._listener.close()
