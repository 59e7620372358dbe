"""An asyncio loop whose time is a number: when nothing can run, the time of the next timer has come.

Nothing blocks and nothing runs in a thread, so a run depends on nothing but its seed. Work for an executor goes to the
simulated process that asked for it, which decides when it is done, and whether it ever is.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Protocol

START_S = 1_000.0


class Executing(Protocol):
    """Whoever does work that would run in a thread."""

    def submit(self, key: object, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Do ``work`` later, in order among those with the same key."""
        ...


EXECUTING: contextvars.ContextVar[Executing] = contextvars.ContextVar("executing")
"""The process to which the running task belongs; its tasks inherit it."""


class Deadlock(Exception):  # noqa: N818 - reads as what it is
    """Nothing is due and nothing ever will be."""


class _Selector:
    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout_s: float | None) -> list[Any]:
        if timeout_s is None:
            raise Deadlock("every task waits for another one")
        self._loop.pass_time(timeout_s)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs coroutines in simulated seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = START_S
        self._selector = _Selector(self)

    def time(self) -> float:
        """Return the simulated time in seconds."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Let time pass; called by the loop itself when nothing is ready."""
        self._now_s += seconds

    def run_in_executor(  # type: ignore[override]  # the executor is only a key here
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Give work to the process that asks."""
        return EXECUTING.get().submit(executor, lambda: func(*args))

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing happens outside of the simulation."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""
