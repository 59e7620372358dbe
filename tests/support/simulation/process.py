"""A process that can be killed before or after any step of its disk, or lose its power in the middle of one.

Killed means: nothing of it runs on, nothing it says is heard, and what comes back is made from its files alone. Its
tasks are cancelled only so that Python can let them go; disk and network are cut off before, so that no ``finally``
reaches anything.
"""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

from support.simulation import images
from support.simulation.loop import EXECUTING, VirtualLoop

_DISK_S_MAX = 0.02
_FULL = 2
Blow = Literal["before", "after", "power"]


class Killed(BaseException):
    """What a killed process gets for its last call."""


class Process:
    """One life of a gateway or a cloud."""

    def __init__(self, loop: VirtualLoop, chance: random.Random, folder: Path, died: Callable[[], None]) -> None:
        """``folder`` holds its files; ``died`` is called when it was killed or ended by itself."""
        self._loop, self._chance, self._died = loop, chance, died
        self.folder = folder
        self.alive = True
        self.boot_image: images.Image = {}
        """What was on its disk when it booted."""
        self.image: images.Image = {}
        """What is left on its disk, once it is dead."""
        self.steps = 0
        """How many steps its disk has begun."""
        self.cut_step: int | None = None
        """The step in which the power went: whether that one counts, only the disk knows."""
        self.lazy: set[str] = set()
        """Databases that were opened without a sync at every commit: a power cut takes what they hold."""
        self.on_death: list[Callable[[], None]] = []
        """Cuts its connections."""
        self.closers: list[Callable[[], None]] = []
        """Give handles back that a dead process would not hold any more."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._free_s: dict[int, float] = {}
        self._blow: tuple[int, Blow] | None = None
        self.failure: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a task as part of the process; the process ends when it raises."""
        token = EXECUTING.set(self)
        try:
            task = self._loop.create_task(work)
        finally:
            EXECUTING.reset(token)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def submit(self, key: object, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Do work of a thread: in order for one key, a while later, or never."""
        if not self.alive:
            raise Killed
        future = self._loop.create_future()
        at_s = max(self._loop.time(), self._free_s.get(id(key), 0.0)) + self._chance.random() * _DISK_S_MAX
        self._free_s[id(key)] = at_s
        self._loop.call_at(at_s, self._step, work, future)
        return future

    def watch(self, name: str, database: sqlite3.Connection) -> None:
        """Learn how a database was opened."""
        (synchronous,) = database.execute("PRAGMA synchronous").fetchone()
        if synchronous < _FULL:
            self.lazy.add(name)

    def strike(self, steps: int, blow: Blow) -> None:
        """Kill it at the ``steps``-th step of its disk from now on."""
        self._blow = (steps, blow)

    def spare(self) -> None:
        """Call off a blow that has not fallen yet."""
        self._blow = None

    def kill(self) -> None:
        """End it now."""
        if self.alive:
            self._die(images.take(self.folder))

    def retire(self) -> None:
        """End it after it has closed everything itself."""
        if self.alive:
            self._die({})
            self.image = images.take(self.folder)

    def _step(self, work: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        if not self.alive or future.cancelled():
            return
        self.steps += 1
        blow = self._due_blow()
        if blow == "before":
            self.kill()
            return
        before = images.take(self.folder) if blow == "power" else {}
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 - handed to whoever waits, as a thread does
            error = raised
        if blow == "power":
            self.cut_step = self.steps
            left = images.torn(before, images.take(self.folder), self._chance)
            self._die(images.without(left, self.lazy) | images.only(self.boot_image, self.lazy))
        elif blow == "after":
            self.kill()
        else:
            self._loop.call_later(self._chance.random() * _DISK_S_MAX, _tell, future, result, error)

    def _due_blow(self) -> Blow | None:
        if self._blow is None:
            return None
        steps, blow = self._blow
        self._blow = (steps - 1, blow) if steps > 1 else None
        return blow if steps <= 1 else None

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if self.alive and error is not None:
            self.failure = error
            self.kill()

    def _die(self, image: images.Image) -> None:
        self.alive = False
        self.image = image
        for cut in self.on_death:
            cut()
        for task in list(self._tasks):
            task.cancel()
        for close in self.closers:
            try:
                close()
            except sqlite3.Error:
                continue
        self._died()


def _tell(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
