"""The one thread of this process that writes to the state: urgent work overtakes everything that waits.

SQLite has a single writer anyway; waiting in line here, in an order of our choosing, is better than waiting at its
lock, where an alarm could starve behind bulk.
"""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from queue import PriorityQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from haechi.cloud.state.engine import reason, writing

Result = TypeVar("Result")

CONFLICTS_MAX = 3
"""A transaction that breaks a unique index is tried again this often before its content is blamed."""


class StateUnavailable(Exception):  # noqa: N818
    """The state database cannot write now (locked, disk full, gone); nothing was written, try the same again later."""


class Turn(IntEnum):
    """Who goes first."""

    URGENT = 0
    STATUS = 1
    BULK = 2
    KEEPING = 3


class _Job(NamedTuple):
    turn: int
    number: int
    work: Callable[[Connection], Any] | None
    future: "Future[Any]"


class StateWriter:
    """Runs transactions one after another, urgent ones first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: PriorityQueue[_Job] = PriorityQueue()
        self._numbers = itertools.count()
        self._thread = Thread(target=self._work, name="state-writer", daemon=True)
        self._thread.start()

    async def run(self, turn: Turn, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a transaction of its own; return what it returns, after the commit.

        Raises:
            StateUnavailable: nothing was written; the same may be tried again.
        """
        future: Future[Result] = Future()
        self._jobs.put(_Job(turn, next(self._numbers), work, future))
        return await asyncio.wrap_future(future)

    @property
    def waiting(self) -> int:
        """How many transactions wait for their turn."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        self._jobs.put(_Job(len(Turn), next(self._numbers), None, Future()))
        self._thread.join()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job.work is None:
                return
            if job.future.set_running_or_notify_cancel():
                try:
                    job.future.set_result(self._transact(job.work))
                except BaseException as error:  # noqa: BLE001 - handed to whoever waits, who judges it
                    job.future.set_exception(error)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        for _ in range(CONFLICTS_MAX):
            try:
                return self._try(work)
            except IntegrityError:
                # Another worker may just have opened the same situation: then the next try finds it.
                continue
        return self._try(work)

    def _try(self, work: Callable[[Connection], Result]) -> Result:
        try:
            with writing(self._engine) as connection:
                return work(connection)
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            raise StateUnavailable(reason(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StateUnavailable(reason(error)) from error
            raise
