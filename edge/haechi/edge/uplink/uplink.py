"""Connection after connection, for ever; the schedule and the questions outlive each of them."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable

from haechi.edge.health import Health, State
from haechi.edge.outbox.notes import read_notes, write_notes
from haechi.edge.outbox.queue import Outbox
from haechi.edge.uplink import LinkLost, LinkRefused, WrongProtocol
from haechi.edge.uplink.backoff import Backoff
from haechi.edge.uplink.budget import Budget
from haechi.edge.uplink.link import Broker
from haechi.edge.uplink.schedule import Schedule
from haechi.edge.uplink.session import Face, Questions, Session

_log = logging.getLogger("haechi.edge.uplink")
_VERSIONS = (5, 4)
_SAVE_S = 30.0
_STEADY_S = 10.0


class Uplink:
    """The outbox's way to the cloud."""

    def __init__(
        self,
        broker: Broker,
        face: Face,
        outbox: Outbox,
        health: Health,
        *,
        window_bytes: int,
        bytes_per_day: int | None = None,
        status_s: float,
        freeze_s: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``chance`` gives numbers from 0 to 1, for spreading reconnections."""
        self._broker, self._face, self._outbox, self._health = broker, face, outbox, health
        self._status_s, self._freeze_s = status_s, freeze_s
        self._budget = Budget(bytes_per_day)
        self._schedule = Schedule(window_bytes, self._budget)
        self._questions = Questions()
        self._backoff = Backoff(chance)
        self._session: Session | None = None
        self._version = 0
        self._proven = False
        """Whether this version of MQTT has once been understood; then silence has another cause."""
        self.counters: Counter[str] = Counter(connections=0)
        self._said: set[str] = set()
        """What was logged in this outage: a link that fails in turns, each try another way, says each way once."""
        self._established_s: float | None = None
        """When this connection was let in (monotonic)."""
        self._settled = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether the broker has let us in."""
        return self._session is not None and self._session.established

    @property
    def in_flight(self) -> int:
        """How many parcels the cloud has been sent and has not acknowledged."""
        return self._schedule.in_flight

    def wake(self) -> None:
        """Something was committed."""
        if self._session is not None:
            self._session.wake()

    def look_again(self) -> None:
        """Parcels came into the outbox that are older than what was sent last."""
        self._schedule.look_again()
        self.wake()

    def moved(self) -> None:
        """The outbox holds its parcels elsewhere now."""
        self._schedule.moved()
        self.wake()

    def report(self) -> None:
        """The status has changed."""
        if self._session is not None:
            self._session.report()

    async def finish(self, patience_s: float) -> None:
        """Wait, at most so long, until the cloud has acknowledged everything; returns at once where no link stands."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self.is_up and (await self._outbox.figures()).parcels:
                    self._settled.clear()
                    await self._settled.wait()

    async def run(self) -> None:
        """Keep connected until cancelled; then say goodbye."""
        self._tell("starting", "")
        await self._remember()
        keeping = asyncio.create_task(self._keep_count())
        try:
            await self._connect_for_ever()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._save()

    async def _remember(self) -> None:
        notes = await read_notes(self._outbox)
        self._budget.remember(notes.get("budget_day", 0), notes.get("budget_bytes", 0))

    async def _keep_count(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_S)
            await self._save()

    async def _save(self) -> None:
        if self._budget.bytes_per_day is not None:
            spent = {"budget_day": self._budget.day, "budget_bytes": self._budget.bytes_today}
            await write_notes(self._outbox, spent)

    async def _connect_for_ever(self) -> None:
        while True:
            session = Session(
                self._broker,
                _VERSIONS[self._version],
                self._face,
                self._outbox,
                self._schedule,
                self._questions,
                self._health,
                self._budget,
                self.counters,
                status_s=self._status_s,
                freeze_s=self._freeze_s,
                on_established=self._established,
                on_settled=self._settled.set,
            )
            self._session = session
            self._established_s = None
            wait_s = 0.0
            try:
                await session.run()
            except LinkLost as error:
                self._forgive()
                if isinstance(error, WrongProtocol) and not self._proven:
                    self._version = (self._version + 1) % len(_VERSIONS)
                wait_s = self._backoff.wait_s(isinstance(error, LinkRefused))
                self.counters["refusals" if isinstance(error, LinkRefused) else "connections_lost"] += 1
                self._lost(str(error))
            finally:
                self._session = None
                self._settled.set()
            await asyncio.sleep(wait_s)

    def _established(self) -> None:
        self._proven = True
        self._established_s = asyncio.get_running_loop().time()
        self.counters["connections"] += 1
        _log.info("connected to %s:%d", self._broker.host, self._broker.port)
        self._tell("running", "")

    def _forgive(self) -> None:
        """Begin anew with short waits after a link that stood for a while.

        One that is let in and thrown out at once (two gateways of one identity do that to each other) goes on waiting
        longer, and is not put into the log each time.
        """
        now_s = asyncio.get_running_loop().time()
        if self._established_s is not None and now_s - self._established_s >= _STEADY_S:
            self._backoff.succeeded()
            self._said.clear()

    def _lost(self, why: str) -> None:
        if why not in self._said:
            self._said.add(why)
            _log.warning("uplink: %s; trying again", why)
        self._tell("retrying", why)

    def _tell(self, state: State, detail: str) -> None:
        self._health.component("uplink", "mqtt", state, detail, self.counters)
