"""The one road into the outbox: order, group commit and epochs.

Promise: what is given here is durable within ``seal_s`` (events, pictures: at once), in the order in which it came;
every epoch begins with the descriptions that its content needs; a backward step of the clock begins a new epoch; what
rules find is committed in the transaction that remembers their conditions; what a device, or a broker on its way, gives
of the past is stored and judged by no rule. Nothing is given back but back-pressure:
while the disk is slow, :meth:`Recorder.sample` waits.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from haechi.contract.control import Doubt
from haechi.contract.events import Event, Evidence
from haechi.contract.observations import Reading
from haechi.contract.parcel import ClockQuality
from haechi.contract.places import Datastream, Place, Thing
from haechi.contract.ranges import SEQ_MAX
from haechi.edge.builder import Builder
from haechi.edge.clock import WallClock
from haechi.edge.derivations.chain import Chain
from haechi.edge.normalise import Normaliser, is_utf8
from haechi.edge.outbox import Batch, Draft, Epoch, OutboxDamaged, OutboxFailed, OutboxMoved, Rank
from haechi.edge.outbox.queue import Outbox
from haechi.edge.records import Records
from haechi.edge.rings import Rings
from haechi.edge.rules.engine import Engine
from haechi.sdk.sample import Sample

_log = logging.getLogger("haechi.edge.recorder")
_VALUES_A_PARCEL = 8_000
_VALUES_MAX = 200_000
_TICK_S = 1.0
_TELL_LOSSES_EVERY_S = 5.0
_PASS_ORDER_EVERY_S = 300.0
_CURSOR_CHARACTERS_MAX = 512


Drafts = Callable[[Epoch, ClockQuality], list[Draft]]


@dataclass(frozen=True)
class Descriptions:
    """What the cloud must know before it can show anything."""

    places: Sequence[Place] = ()
    things: Sequence[Thing] = ()
    datastreams: Sequence[Datastream] = ()


@dataclass
class _Stretch:
    """What came within one generation of the clock and is not committed yet."""

    generation: int
    readings: list[Reading] = field(default_factory=list)
    due_s: float = float("inf")
    """When the readings must be committed (monotonic)."""
    values: int = 0
    events: list[Event] = field(default_factory=list)
    pictures: list[Evidence] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    """By device: where to read on once the readings are committed."""


class Recorder:
    """Takes what devices and cameras give; commits it."""

    def __init__(
        self,
        outbox: Outbox,
        builder: Builder,
        normaliser: Normaliser,
        engine: Engine,
        clock: WallClock,
        descriptions: Descriptions,
        *,
        now_s: Callable[[], float],
        seal_s: float,
        link_is_up: Callable[[], bool],
        on_commit: Callable[[], None],
        on_found: Callable[[Collection[str]], None] = lambda _conditions: None,
        chain: Chain | None = None,
        rings: Rings | None = None,
        cursors: dict[str, str] | None = None,
    ) -> None:
        """``now_s`` is monotonic; ``on_commit`` is called after every commit, to wake who sends.

        ``on_found`` is called with conditions that only the disk remembered, when it is readable again.

        ``chain`` computes datastreams of others, ``rings`` keep what does not travel; None where there are none.
        ``cursors`` is told, by device, how far what it gave is committed.
        """
        self._outbox, self._builder, self._normaliser, self._engine = outbox, builder, normaliser, engine
        self._clock, self._descriptions = clock, descriptions
        self._now_s, self._seal_s = now_s, seal_s
        self._chain = chain or Chain()
        self._rings = rings or Rings({}, now_s)
        self._cursors = {} if cursors is None else cursors
        self._link_is_up, self._on_commit, self._on_found = link_is_up, on_commit, on_found
        self._records = Records(descriptions.datastreams, clock, normaliser.counters)
        self._stretches = [_Stretch(clock.generation)]
        self._told_s = float("-inf")
        self._describe = self._restate = self._finishing = False
        self._conditions_of_cameras: Collection[str] = ()
        self._doubts: Sequence[Doubt] = ()
        self._order_known = 0
        self._order_passed_s = float("-inf")
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def begin(self, conditions_of_cameras: Collection[str] = ()) -> None:
        """Commit descriptions, and what must be said about conditions that stood before this start."""
        self._conditions_of_cameras = conditions_of_cameras
        standing = await self._outbox.conditions()
        said = self._engine.restore(standing, self._now_s(), self._stamp(), conditions_of_cameras)
        self._stretches[-1].events.extend(said)
        await self._commit(self._description_drafts)
        await self._commit_losses()
        await self.drain()

    async def run(self) -> None:
        """Commit what comes, until :meth:`finish`."""
        next_tick_s = self._now_s()
        while not self._finishing:
            wait_s = max(0.0, min(self._stretches[-1].due_s, next_tick_s) - self._now_s())
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            now_s = self._now_s()
            if now_s >= next_tick_s:
                next_tick_s = now_s + _TICK_S
                self._take_events(self._engine.tick(now_s, self._stamp()))
            async with self._turn:
                await self._work(now_s)
        await self.drain()

    def finish(self) -> None:
        """Let :meth:`run` commit everything that was taken, and end."""
        self._finishing = True
        self._wake.set()

    async def _work(self, now_s: float) -> None:
        await self._tend(now_s)
        if self._describe:
            self._describe = False
            await self._commit(self._description_drafts)
        if self._order_known > self._outbox.epoch.order and now_s - self._order_passed_s >= _PASS_ORDER_EVERY_S:
            self._order_passed_s = now_s
            await self._pass_order()
        if self._restate and (standing := await self._standing()) is not None:
            self._restate = False
            self._take_events(self._engine.restated(standing))
        await self._flush(everything=False)
        if self._doubts:
            doubts, self._doubts = self._doubts, ()
            await self._settle_doubts(doubts, now_s)
        if self._link_is_up() and now_s - self._told_s >= _TELL_LOSSES_EVERY_S:
            self._told_s = now_s
            await self._commit_losses()

    async def _tend(self, now_s: float) -> None:
        """Return to the disk when that takes the outbox again; take up conditions that only the disk remembered."""
        if not self._outbox.trouble:
            return
        known = {event.condition for event in await self._standing() or ()}
        if await self._outbox.tend(self._clock.now_us()):
            self._describe = True
            found = [event for event in await self._outbox.conditions() if event.condition not in known]
            self._take_events(self._engine.restore(found, now_s, self._stamp(), self._conditions_of_cameras))
            self._on_found({event.condition for event in found if event.condition})

    async def standing(self) -> set[str]:
        """Return the conditions that stand, whatever was taken on them included.

        Raises:
            OutboxFailed: the disk does not tell.
        """
        await self.drain()
        return {event.condition for event in await self._outbox.conditions() if event.condition}

    async def _standing(self) -> list[Event] | None:
        """Return the events of the conditions that stand; None while the disk does not tell."""
        try:
            return await self._outbox.conditions()
        except OutboxDamaged:
            raise
        except OutboxFailed:
            return None

    async def _pass_order(self) -> None:
        """Begin an epoch above all that the cloud knows; seldom, for a twin of ours would do the same for ever."""
        _log.warning("the cloud knows later epochs of this gateway: its outbox or its clock is not what it was")
        await self._flush(everything=True)
        await self._outbox.new_epoch(self._clock.now_us(), self._order_known)
        await self._commit(self._description_drafts)
        self._restate = True

    async def _settle_doubts(self, doubts: Sequence[Doubt], now_s: float) -> None:
        """Say again how conditions are that the cloud sees otherwise, unless our word on them may be under way."""
        if self._stretches[-1].events or await self._outbox.waiting(Rank.URGENT, 0, None, 1):
            return
        events = await self._standing()
        if events is None:
            return  # the next answer doubts again
        standing = {event.condition: event for event in events}
        for doubt in doubts:
            if doubt.condition in standing:
                self._take_events(self._engine.restated([standing[doubt.condition]]))
            elif not self._engine.doubt(doubt.condition, now_s) and doubt.type and doubt.subject:
                # Nothing here watches it, or a camera does, which would raise it again.
                self._take_events([self._engine.disowned(doubt, self._stamp())])

    async def sample(self, sample: Sample, device: str = "") -> None:
        """Take what a device gave, in the moment it gave it; waits while the disk is behind."""
        await self._room.wait()
        time_us = self._stamp()
        reading = self._normaliser.reading(sample, time_us)
        if reading is not None:
            by_record = sample.device_time_us is not None or self._records.hold(reading)
            past = sample.history or (by_record and self._records.is_past(reading, time_us, self._now_s()))
            self._take_reading(reading, by_record=by_record, history=past)
        if sample.cursor is not None:
            self._take_cursor(device, sample.cursor)

    async def stamped_reading(self, reading: Reading) -> None:
        """Take a reading that a camera stamped with the machine's own clock."""
        await self._room.wait()
        age_us = self._clock.age_us(reading.observed_at_us)
        self._take_reading(self._normaliser.later(reading, self._stamp() - age_us))

    def event(self, event: Event, pictures: Sequence[Evidence] = ()) -> None:
        """Take an event with its pictures."""
        self._stamp()
        self._stretches[-1].pictures.extend(pictures)
        self._take_events([event])

    def pictures(self, pictures: Sequence[Evidence]) -> None:
        """Take pictures of events that were taken before."""
        self._stamp()
        self._stretches[-1].pictures.extend(pictures)
        self._wake.set()

    def restate(self) -> None:
        """State active conditions once more."""
        self._restate = True
        self._wake.set()

    def describe(self) -> None:
        """Send places, things and datastreams once more."""
        self._describe = True
        self._wake.set()

    def heed(self, order: int, doubts: Sequence[Doubt]) -> None:
        """Learn from the cloud the highest order of an epoch that it knows, and on which conditions it differs."""
        # Beyond half of what there is, it is no gateway's order but somebody's joke.
        self._order_known = order if order < SEQ_MAX // 2 else 0
        self._doubts = doubts
        if doubts or self._order_known > self._outbox.epoch.order:
            self._wake.set()

    async def drain(self) -> None:
        """Commit everything that was taken."""
        async with self._turn:
            await self._flush(everything=True)

    def _stamp(self) -> int:
        time_us = self._clock.stamp()
        if self._clock.generation != self._stretches[-1].generation:
            _log.warning("the machine's clock was set back; a new epoch begins")
            self._normaliser.begin_epoch()
            self._stretches.append(_Stretch(self._clock.generation))
            self._wake.set()
        return time_us

    def _take_reading(self, reading: Reading, *, by_record: bool = False, history: bool = False) -> None:
        now_s = self._now_s()
        for each in (reading, *self._chain.observe(reading, now_s, by_record=by_record, history=history)):
            self._rings.take(each)
            travelling = self._chain.travelling(each)
            if travelling is not None:
                self._put(travelling)
            if not history:
                self._take_events(self._engine.observe(each, now_s))

    def _take_cursor(self, device: str, cursor: str) -> None:
        if type(cursor) is not str or len(cursor) > _CURSOR_CHARACTERS_MAX or not is_utf8(cursor):
            self._normaliser.counters["cursors_malformed"] += 1
            return
        self._begun().cursors[device] = cursor

    def _begun(self) -> _Stretch:
        """Return the newest stretch, which is committed ``seal_s`` from its first reading on at the latest."""
        stretch = self._stretches[-1]
        if not stretch.readings and not stretch.cursors:
            stretch.due_s = self._now_s() + self._seal_s
            # The loop sleeps until the next tick at most, which is as long as a seal may take.
            self._wake.set()
        return stretch

    def _put(self, reading: Reading) -> None:
        stretch = self._begun()
        stretch.readings.append(reading)
        stretch.values += len(reading.values)
        if stretch.values >= _VALUES_A_PARCEL:
            stretch.due_s = self._now_s()
            self._wake.set()
            if stretch.values >= _VALUES_MAX:
                self._room.clear()

    def _take_events(self, events: Sequence[Event]) -> None:
        if events:
            self._stretches[-1].events.extend(events)
            self._rings.heed(events)
            self._wake.set()

    async def _flush(self, *, everything: bool) -> None:
        while True:
            stretch = self._stretches[0]
            last = len(self._stretches) == 1
            due = everything or not last or self._now_s() >= stretch.due_s
            await self._commit_stretch(stretch, readings_too=due)
            if last:
                return
            self._stretches.pop(0)
            await self._outbox.new_epoch(self._clock.now_us())
            await self._commit(self._description_drafts)

    async def _commit_stretch(self, stretch: _Stretch, *, readings_too: bool) -> None:
        events, stretch.events = stretch.events, []
        pictures, stretch.pictures = stretch.pictures, []
        readings: list[Reading] = []
        cursors: dict[str, str] = {}
        if readings_too:
            readings, stretch.readings, stretch.values = stretch.readings, [], 0
            cursors, stretch.cursors = stretch.cursors, {}
            stretch.due_s = float("inf")
        self._room.set()

        def drafts(epoch: Epoch, quality: ClockQuality) -> list[Draft]:
            return [
                *self._builder.events(events, epoch, quality),
                *self._builder.observations(readings, epoch, quality),
                *self._builder.evidence(pictures, epoch, quality),
            ]

        stated = tuple(event for event in events if event.condition)
        await self._commit(drafts, stated, cursors=tuple(cursors.items()))
        self._cursors.update(cursors)

    async def _commit_losses(self) -> None:
        records = await self._outbox.losses()
        await self._commit(
            lambda epoch, quality: self._builder.losses(records, epoch, quality),
            losses_told=tuple(record.id for record in records),
        )

    async def _commit(
        self,
        make: Drafts,
        stated: tuple[Event, ...] = (),
        losses_told: tuple[str, ...] = (),
        cursors: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Commit what ``make`` writes for the epoch; once more when a new one began meanwhile."""
        while (drafts := make(self._outbox.epoch, self._clock.quality)) or stated or cursors:
            try:
                await self._outbox.commit(Batch(tuple(drafts), stated, losses_told, cursors), self._clock.now_us())
            except OutboxMoved:
                if make != self._description_drafts:
                    await self._commit(self._description_drafts)
            else:
                self._on_commit()
                return

    def _description_drafts(self, epoch: Epoch, quality: ClockQuality) -> list[Draft]:
        known = self._descriptions
        return self._builder.descriptions(known.places, known.things, known.datastreams, epoch, quality)
