"""One connection's life: ask what is settled, send, listen, until the link ends.

The outbox is asked for candidates, the schedule decides, the link carries. What the broker and the cloud say comes in
through callbacks that only put it down; one loop acts on it, so nothing here runs at the same time as itself.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from haechi.contract import ContractError
from haechi.contract.control import (
    CONDITIONS_MAX,
    CONTROL_BYTES_MAX,
    Acknowledgement,
    ActuatorStatus,
    Command,
    CommandResult,
    Doubt,
    GatewayStatus,
    MissedClip,
    decode_acknowledgement,
    decode_command,
)
from haechi.contract.parcel import ClockQuality, ParcelName
from haechi.contract.topics import DOWN_ACK, DOWN_COMMAND, UP_STATUS, Priority, topic
from haechi.edge.health import Health, encode_status
from haechi.edge.outbox import OutboxFailed, Rank
from haechi.edge.outbox.queue import Outbox
from haechi.edge.uplink import LinkLost
from haechi.edge.uplink.budget import Budget
from haechi.edge.uplink.link import Broker, Ears, Link
from haechi.edge.uplink.schedule import LIVE_AGE_S, LOOK_AHEAD, Schedule, Send
from haechi.text import _

_log = logging.getLogger("haechi.edge.uplink")
_TICK_S = 1.0
_ASK_AGAIN_S = 5.0
_STATUS_APART_S = 1.0
_PUBACK_WAIT_S = 60.0
_PACKET_OVERHEAD_BYTES = 256
_INBOX_MAX = 256
_QUESTIONS_MAX = 16
_NOT_AUTHORISED, _NO_SUBSCRIBER, _FIRST_FAILURE = 135, 16, 128


@dataclass(frozen=True)
class Face:
    """Who the gateway is towards the cloud, and what it needs from the rest of the agent."""

    tenant: str
    gateway: str
    software: str
    now_us: Callable[[], int]
    clock_quality: Callable[[], ClockQuality]
    new_id: Callable[[], str]
    obey: Callable[[Command], None]
    heed: Callable[[int, Sequence[Doubt]], None]
    """Told the highest epoch order that the cloud knows of this gateway, and on which conditions it differs."""
    parcel_bytes_max: Callable[[int], None]
    """Told the largest parcel that this broker takes."""
    commanded: Callable[[], tuple[CommandResult, ...]] = tuple
    """Says what became of the last commands to devices."""
    actuators: Callable[[], tuple[ActuatorStatus, ...]] = tuple
    """Says what devices may be told, and how that stands."""
    missed_clips: Callable[[], tuple[MissedClip, ...]] = tuple
    """Says which clips are not to come."""

    def topic(self, channel: str) -> str:
        """Return the full topic of one of our channels."""
        return topic(self.tenant, self.gateway, channel)


@dataclass(frozen=True, slots=True)
class _Publication:
    """A message whose PUBACK is due; a status has no name."""

    sent_s: float
    name: ParcelName | None = None
    priority: Priority | None = None


class Questions:
    """Which questions were asked when (monotonic s): an answer is only as new as its question."""

    def __init__(self) -> None:
        """Begin with none."""
        self._asked: dict[str, float] = {}

    def ask(self, question: str, now_s: float) -> None:
        """Put a question down; very old ones are forgotten."""
        self._asked[question] = now_s
        while len(self._asked) > _QUESTIONS_MAX:
            del self._asked[next(iter(self._asked))]

    def asked_s(self, question: str) -> float | None:
        """Return when it was asked; None when it is not ours."""
        return self._asked.get(question)


class Session:
    """Runs over one link."""

    def __init__(
        self,
        broker: Broker,
        version: int,
        face: Face,
        outbox: Outbox,
        schedule: Schedule,
        questions: Questions,
        health: Health,
        budget: Budget,
        counters: Counter[str],
        *,
        status_s: float,
        freeze_s: float,
        on_established: Callable[[], None],
        on_settled: Callable[[], None],
    ) -> None:
        """Prepare; :meth:`run` connects. ``version`` is 5 or 4 (3.1.1)."""
        self._on_established, self._on_settled = on_established, on_settled
        self._face, self._outbox, self._schedule = face, outbox, schedule
        self._questions, self._health, self._budget = questions, health, budget
        self._counters = counters
        self._status_s, self._freeze_s = status_s, freeze_s
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._inbox: deque[tuple[str, bytes]] = deque(maxlen=_INBOX_MAX)
        self._confirmed: deque[tuple[int, int]] = deque()
        self._on_wire: dict[int, _Publication] = {}
        """PUBACKs that are due, by message id."""
        self._acks, self._commands = face.topic(DOWN_ACK), face.topic(DOWN_COMMAND)
        self._answered = False
        self._status_due_s = 0.0
        self._status_sent_s = float("-inf")
        self._link = Link(broker, version, self._will(), Ears(self._hear, self._confirm, self._wake.set))
        self.established = False

    def wake(self) -> None:
        """Something was committed, or should be looked at."""
        self._schedule.committed()
        self._wake.set()

    def report(self) -> None:
        """The status has changed: publish it soon."""
        self._status_due_s = min(self._status_due_s, max(self._loop.time(), self._status_sent_s + _STATUS_APART_S))
        self._wake.set()

    async def run(self) -> None:
        """Connect and send until the link ends; cancelled, it says goodbye.

        Raises:
            LinkLost: it ended, was refused, or never came to be; the text says why.
        """
        try:
            await self._link.open()
            await self._link.subscribe([self._acks, self._commands])
            self.established = True
            self._on_established()
            parcel_bytes_max = self._link.packet_bytes_max - _PACKET_OVERHEAD_BYTES
            self._face.parcel_bytes_max(parcel_bytes_max)
            self._schedule.connected(self._loop.time(), self._link.slots, parcel_bytes_max)
            next_tick_s = 0.0
            while self._link.ended is None:
                now_s = self._loop.time()
                if now_s >= next_tick_s:
                    next_tick_s = now_s + _TICK_S
                    await self._tick(now_s)
                await self._act()
                if now_s >= self._status_due_s:
                    await self._publish_status()
                await self._send()
                await self._rest(min(next_tick_s, self._status_due_s, self._schedule.wake_at_s()))
            raise LinkLost(self._link.ended)
        except asyncio.CancelledError:
            await self._farewell()
            raise
        finally:
            self._link.drop(_("given up"))

    async def _farewell(self) -> None:
        """Publish ``offline`` and say goodbye, if the link still stands."""
        if self.established and self._link.ended is None:
            self._link.publish(self._face.topic(UP_STATUS), await self._status("offline", None), retain=True)
            await self._link.close()

    async def _rest(self, until_s: float) -> None:
        # Never less than a moment: a due parcel that finds no room on the wire must not make this spin.
        pause_s = max(0.02, until_s - self._loop.time())
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _tick(self, now_s: float) -> None:
        self._link.tend()
        since_s = min((publication.sent_s for publication in self._on_wire.values()), default=now_s)
        if now_s - max(since_s, self._link.heard_s) > self._freeze_s and self._on_wire:
            raise LinkLost(_("frozen: the broker has not answered for {seconds:g} s").format(seconds=self._freeze_s))
        if now_s - since_s > _PUBACK_WAIT_S:
            raise LinkLost(_("the broker does not confirm what it is sent"))
        live_since_us = self._face.now_us() - int(LIVE_AGE_S * 1e6)
        moves = self._schedule.moves
        self._schedule.live_from(await self._outbox.first_since(live_since_us), moves)

    async def _send(self) -> None:
        while self._link.has_room:
            for request in self._schedule.wanted():
                rows = await self._outbox.waiting(request.rank, request.after, request.before, LOOK_AHEAD)
                self._schedule.offer(request, rows)
            send = self._schedule.next(self._loop.time(), self._face.now_us())
            if send is None:
                return
            await self._send_one(send)
            if self._inbox or self._confirmed:
                await self._act()

    async def _send_one(self, send: Send) -> None:
        parcel = await self._outbox.read(send.held.id)
        if parcel is None:
            self._schedule.gone(send.held)
            return
        now_s = self._loop.time()
        message = self._publish(self._face.topic(f"up/{send.priority}"), parcel)
        if message is not None:
            again = self._schedule.is_flying(send.held)
            self._counters["parcels_sent_again" if again else "parcels_sent"] += 1
            if send.held.rank == Rank.CLIP and not again:
                self._counters["clip_pieces_sent"] += 1
            self._schedule.sent(send.held, now_s)
            self._on_wire[message] = _Publication(now_s, send.held.name, send.priority)

    def _publish(self, where: str, payload: bytes, *, retain: bool = False) -> int | None:
        self._budget.spend(len(where) + len(payload), self._face.now_us())
        return self._link.publish(where, payload, retain=retain)

    def _hear(self, where: str, payload: bytes) -> None:
        self._budget.spend(len(where) + len(payload), self._face.now_us())
        self._counters["messages_dropped"] += len(self._inbox) == _INBOX_MAX
        self._inbox.append((where, payload))
        self._wake.set()

    def _confirm(self, message: int, code: int) -> None:
        self._confirmed.append((message, code))
        self._wake.set()

    async def _act(self) -> None:
        while self._confirmed:
            self._take_confirmation(*self._confirmed.popleft())
        while self._inbox:
            where, payload = self._inbox.popleft()
            try:
                if where == self._acks:
                    await self._take_acknowledgement(decode_acknowledgement(payload))
                elif where == self._commands:
                    self._take_command(decode_command(payload))
            except ContractError as error:
                self._counters["messages_unreadable"] += 1
                _log.warning("%s holds something that is not ours: %s", where, error)

    def _take_confirmation(self, message: int, code: int) -> None:
        publication = self._on_wire.pop(message, None)
        if publication is None or publication.name is None:
            return
        where = f"up/{publication.priority}"
        refused = ""
        if code >= _FIRST_FAILURE:
            refused = (
                _("the broker refuses {where}: not authorised; check its access list for this gateway")
                if code == _NOT_AUTHORISED
                else _("the broker refuses {where}: reason code {code}")
            ).format(where=where, code=code)
        unheard = _("nobody is subscribed to {where} at the broker: is the cloud connected?").format(where=where)
        self._health.problem(f"refused {where}", refused)
        self._health.problem(f"unheard {where}", unheard if code == _NO_SUBSCRIBER else "")
        if code >= _FIRST_FAILURE:
            self._counters["parcels_refused"] += 1
        elif code == _NO_SUBSCRIBER:
            self._counters["parcels_unheard"] += 1
        if code >= _NO_SUBSCRIBER:
            self._schedule.refused(publication.name, unheard=code == _NO_SUBSCRIBER)
        else:
            self._schedule.taken(publication.name)

    async def _take_acknowledgement(self, acknowledgement: Acknowledgement) -> None:
        now_s = self._loop.time()
        for settled in acknowledgement.epochs:
            epoch, ranges = bytes.fromhex(settled.epoch), settled.range_set()
            self._schedule.acknowledged(epoch, ranges, now_s)
            if freed := await self._outbox.settle(epoch, ranges):
                self._counters["parcels_settled"] += freed
                self._on_settled()
        for lacked in acknowledgement.again:
            kept = await self._outbox.unsettle(bytes.fromhex(lacked.epoch), lacked.range_set())
            if kept:
                self._counters["parcels_asked_again"] += kept
                _log.warning("the cloud was restored to an older day: %d parcels are sent again", kept)
                self._schedule.look_again()
                self._status_due_s = min(self._status_due_s, now_s + _STATUS_APART_S)
        if acknowledgement.order or acknowledgement.doubts:
            self._face.heed(acknowledgement.order, acknowledgement.doubts)
        if acknowledgement.answers is not None:
            asked_s = self._questions.asked_s(acknowledgement.answers)
            if asked_s is not None:
                self._schedule.answered(asked_s)
                self._answered = True

    def _take_command(self, command: Command) -> None:
        # What became of a command to a device is told in any case, also that it came too late.
        if command.name != "actuate" and command.expires_us < self._face.now_us():
            self._counters["commands_expired"] += 1
            return
        _log.info("command %s: %s", command.id, command.name)
        self._face.obey(command)

    async def _publish_status(self) -> None:
        now_s = self._loop.time()
        question = None
        if not self._answered or self._schedule.in_flight:
            question = self._face.new_id()[:32]
            self._questions.ask(question, now_s)
        message = self._publish(self._face.topic(UP_STATUS), await self._status("online", question), retain=True)
        if message is not None:
            self._on_wire[message] = _Publication(now_s)
        self._status_sent_s = now_s
        self._status_due_s = now_s + (self._status_s if self._answered else min(_ASK_AGAIN_S, self._status_s))

    async def _status(self, state: str, question: str | None) -> bytes:
        figures = await self._outbox.figures()
        standing = await self._standing()
        self._counters["bytes_today"] = self._budget.bytes_today
        if self._budget.bytes_per_day is not None:
            self._counters["bytes_per_day"] = self._budget.bytes_per_day
            self._counters["budget_waits"] = self._budget.waits
        return encode_status(
            GatewayStatus(
                state="online" if state == "online" else "offline",
                at_us=self._face.now_us(),
                software=self._face.software,
                clock=self._face.clock_quality(),
                question=question,
                epochs=await self._outbox.held_epochs(),
                outbox_parcels=figures.parcels,
                outbox_bytes=figures.bytes,
                outbox_bytes_max=figures.bytes_max,
                oldest_us=figures.oldest_us,
                components=self._health.components,
                commands=self._face.commanded(),
                actuators=self._face.actuators(),
                missed_clips=self._face.missed_clips(),
                problems=self._health.problems,
                standing=standing,
            ),
            min(CONTROL_BYTES_MAX, self._link.packet_bytes_max - _PACKET_OVERHEAD_BYTES),
        )

    async def _standing(self) -> tuple[str, ...] | None:
        """Return the conditions that stand; None when they are too many to compare or the disk does not tell."""
        try:
            standing = tuple(event.condition for event in await self._outbox.conditions())
        except OutboxFailed:
            return None
        return standing if len(standing) <= CONDITIONS_MAX else None

    def _will(self) -> tuple[str, bytes]:
        status = GatewayStatus(state="offline", at_us=self._face.now_us(), software=self._face.software)
        return self._face.topic(UP_STATUS), encode_status(status)
