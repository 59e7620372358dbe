"""What to send next, given now. Pure: no clock, no socket, no disk; a simulation drives it as well as the wire does.

A parcel that was sent is *in flight* until the cloud acknowledges it end to end. The window is bytes in flight: urgent
parcels have one of their own, all others share one, of which backlog and evidence may fill half, so that live values
always find room. The broker's PUBACK is flow control only: it limits how many parcels may be on the wire at once.

A flight is sent again when

- the broker never confirmed it and the connection is a new one, or the cloud has answered "what is settled?" without
  it: known to be lost, at once;
- it was not acknowledged in time: by the measured round trip, doubling; while nothing at all is acknowledged (the
  cloud is down) only one parcel is tried at a time, so that its return finds no flood.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from haechi.contract.parcel import ParcelName
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import Priority
from haechi.edge.outbox import Held, Rank
from haechi.edge.uplink import Lane
from haechi.edge.uplink.budget import Budget
from haechi.edge.uplink.roundtrip import MOST_S, RoundTrip

LIVE_AGE_S = 10.0
"""Observations that waited longer than this are backlog."""
RESYNC_WAIT_S = 3.0
"""Backlog waits so long for the answer to "what is settled?", then goes without."""
LOOK_AHEAD = 32
_FLIGHTS_MAX = 1024
_DOUBLINGS_MAX = 6
_RANKS = {
    Lane.URGENT: Rank.URGENT,
    Lane.LIVE: Rank.LIVE,
    Lane.EVIDENCE: Rank.EVIDENCE,
    Lane.BACKLOG: Rank.LIVE,
    Lane.CLIP: Rank.CLIP,
}
_SLOW = (Lane.EVIDENCE, Lane.BACKLOG, Lane.CLIP)


class Request(NamedTuple):
    """A lane whose candidates have run out: the parcels ``after < id < before`` of this rank are wanted."""

    lane: Lane
    rank: Rank
    after: int
    before: int | None
    moves: int
    """``Schedule.moves`` when it was made: ids from before a move mean nothing after it."""
    commits: int
    """How many commits were known when it was made: its answer says nothing about later ones."""


class Send(NamedTuple):
    """What to put on the wire now."""

    held: Held
    priority: Priority


@dataclass
class _Queue:
    """Candidates of one lane, in the order of their ids."""

    after: int = 0
    ready: deque[Held] = field(default_factory=deque)
    empty: bool = False
    """True when the outbox had no more."""


@dataclass
class _Flight:
    held: Held
    lane: Lane
    first_sent_s: float
    sent_s: float
    sends: int = 1
    at_broker: bool = False
    """The broker has confirmed it on the present connection or an earlier one."""
    waits_for_broker: bool = True
    unheard: bool = False
    """The broker has dropped it, as nobody was subscribed: due at once when the cloud is heard of."""
    lost: bool = False
    """Known not to have arrived: due at once."""


class Schedule:
    """Knows what is in flight and decides what goes next."""

    def __init__(self, window_bytes: int, budget: Budget | None = None) -> None:
        """``window_bytes``: what may be in flight without an end-to-end acknowledgement."""
        self._budget = budget or Budget(None)
        self._window_bytes = window_bytes
        self._queues = {lane: _Queue() for lane in Lane}
        self._commits = 0
        self.moves = 0
        """Rises when everything must be looked at anew: what the outbox was asked before that is out of date."""
        self._gaps: list[tuple[int, int]] = []
        """Backlog: ids ``after < id < before`` that live sending has passed over, oldest first."""
        self._flights: dict[ParcelName, _Flight] = {}
        self._bytes = dict.fromkeys(Lane, 0)
        self._on_wire = dict.fromkeys(Lane, 0)
        self._slots = 0
        self._packet_bytes_max = 0
        self._connected_s = 0.0
        self._answered = False
        self._patient_until_s = 0.0
        self._doublings = 0
        self.round_trip = RoundTrip()

    @property
    def in_flight(self) -> int:
        """How many parcels are in flight."""
        return len(self._flights)

    def connected(self, now_s: float, slots: int, packet_bytes_max: int) -> None:
        """Begin on a new connection: ``slots`` PUBACKs may be outstanding, parcels may have ``packet_bytes_max``."""
        if packet_bytes_max > self._packet_bytes_max > 0:
            self.look_again()
        self._slots, self._packet_bytes_max = max(1, slots), packet_bytes_max
        self._connected_s, self._answered = now_s, False
        self._on_wire = dict.fromkeys(Lane, 0)
        self._doublings, self._patient_until_s = 0, now_s
        for flight in self._flights.values():
            flight.waits_for_broker = False
            flight.lost = flight.lost or not flight.at_broker
        self.committed()

    def live_from(self, parcel: int, moves: int) -> None:
        """Declare everything of rank live below this id backlog; live sending goes on from it.

        ``moves``: as it was when the outbox was asked for the id.
        """
        live = self._queues[Lane.LIVE]
        if moves != self.moves:
            return
        if parcel <= live.after + 1 and not (live.ready and live.ready[0].id < parcel):
            return
        start = live.ready[0].id - 1 if live.ready else live.after
        live.ready = deque(held for held in live.ready if held.id >= parcel)
        live.after = max(live.after, parcel - 1)
        self._gaps.append((start, parcel))
        if len(self._gaps) > 1 and self._gaps[-2][1] > start:
            (first, _), (_, last) = self._gaps[-2:]
            self._gaps[-2:] = [(min(first, start), last)]
        self._queues[Lane.BACKLOG].empty = False

    def committed(self) -> None:
        """Learn that the outbox may have more."""
        self._commits += 1
        for lane in (Lane.URGENT, Lane.LIVE, Lane.EVIDENCE, Lane.CLIP):
            self._queues[lane].empty = False

    def wanted(self) -> list[Request]:
        """Return the lanes that need candidates; answer each with :meth:`offer`."""
        requests: list[Request] = []
        for lane in Lane:
            queue = self._queues[lane]
            if queue.ready or queue.empty:
                continue
            if lane is not Lane.BACKLOG:
                requests.append(Request(lane, _RANKS[lane], queue.after, None, self.moves, self._commits))
            elif self._gaps:
                after, before = self._gaps[0]
                requests.append(Request(lane, Rank.LIVE, max(after, queue.after), before, self.moves, self._commits))
        return requests

    def offer(self, request: Request, rows: Sequence[Held]) -> None:
        """Take candidates; fewer than :data:`LOOK_AHEAD` means that there are no more."""
        if request.moves != self.moves:
            return
        queue = self._queues[request.lane]
        queue.ready.extend(held for held in rows if held.name not in self._flights)
        if rows:
            queue.after = rows[-1].id
        if len(rows) < LOOK_AHEAD:
            if request.lane is Lane.BACKLOG:
                self._gaps = [gap for gap in self._gaps if gap[1] != request.before]
                queue.after = 0
                queue.empty = not self._gaps
            else:
                queue.empty = request.commits == self._commits

    def next(self, now_s: float, now_us: int) -> Send | None:
        """Return what must go now; answer with :meth:`sent` or :meth:`gone`. ``now_us`` only tells a parcel's age."""
        for lane in Lane:
            if not self._wire_has_room(lane):
                continue
            flight = self._due(lane, now_s)
            held = self._fresh(lane, now_s) if flight is None else flight.held
            if held is not None and (lane is Lane.URGENT or self._budget.allows(held.size, now_us)):
                return Send(held, _priority(lane, held, now_us))
        return None

    def sent(self, held: Held, now_s: float) -> None:
        """Put a parcel down as on the wire."""
        flight = self._flights.get(held.name)
        if flight is None:
            heads = {lane: queue.ready[0] for lane, queue in self._queues.items() if queue.ready}
            lane = next((lane for lane, head in heads.items() if head is held), None)
            if lane is None:
                return  # the outbox moved while the parcel was read: it is offered and sent once more
            self._queues[lane].ready.popleft()
            self._flights[held.name] = _Flight(held, lane, now_s, now_s)
            self._bytes[lane] += held.size
            self._on_wire[lane] += 1
            return
        if not flight.lost:
            self._doublings = min(self._doublings + 1, _DOUBLINGS_MAX)
            self._patient_until_s = now_s + min(MOST_S, self.round_trip.timeout_s * 2.0**self._doublings)
        if not flight.waits_for_broker:
            self._on_wire[flight.lane] += 1
        flight.waits_for_broker, flight.lost, flight.unheard = True, False, False
        flight.sent_s = now_s
        flight.sends += 1

    def is_flying(self, held: Held) -> bool:
        """Tell whether a parcel was sent before and is still in flight."""
        return held.name in self._flights

    def gone(self, held: Held) -> None:
        """Forget a parcel that the outbox does not hold any more."""
        for queue in self._queues.values():
            if queue.ready and queue.ready[0] is held:
                queue.ready.popleft()
        self._land(held.name)

    def taken(self, name: ParcelName) -> None:
        """Learn that the broker has confirmed a parcel (PUBACK)."""
        flight = self._flights.get(name)
        if flight is not None:
            flight.at_broker = True
            self._leave_wire(flight)

    def refused(self, name: ParcelName, *, unheard: bool = False) -> None:
        """Learn that the broker has dropped a parcel: it is tried again in time.

        ``unheard``: because nobody was subscribed; then a sign of life from the cloud makes it due at once.
        """
        flight = self._flights.get(name)
        if flight is not None:
            flight.at_broker, flight.unheard = False, unheard
            self._leave_wire(flight)

    def acknowledged(self, epoch: bytes, settled: RangeSet, now_s: float) -> int:
        """Take the cloud's word for what is settled; return how many flights that ends."""
        landed = [name for name in self._flights if name.epoch == epoch and name.seq in settled]
        for name in landed:
            flight = self._flights[name]
            if flight.sends == 1:
                self.round_trip.measured(now_s - flight.first_sent_s)
            self._land(name)
        for queue in self._queues.values():
            if any(held.name.epoch == epoch and held.name.seq in settled for held in queue.ready):
                queue.ready = deque(
                    held for held in queue.ready if held.name.epoch != epoch or held.name.seq not in settled
                )
        if landed:
            self._doublings, self._patient_until_s = 0, now_s
            self._retry_unheard()
        return len(landed)

    def answered(self, asked_s: float) -> None:
        """Learn that the cloud has answered the question asked then: what it left out did not arrive.

        What was sent shortly before the question may still have been on its way through the cloud.
        """
        self._answered = True
        self._retry_unheard()
        for flight in self._flights.values():
            if flight.sent_s < self._connected_s or flight.sent_s < asked_s - self.round_trip.timeout_s:
                flight.lost = True

    def wake_at_s(self) -> float:
        """Return when :meth:`next` may have something although nothing happens until then."""
        due_s = min(
            (
                max(self._patient_until_s, flight.sent_s + self._time_limit_s(flight))
                for flight in self._flights.values()
                if not flight.waits_for_broker
            ),
            default=float("inf"),
        )
        # What waits for the answer can go at the end of that wait.
        return due_s if self._answered else min(due_s, self._connected_s + RESYNC_WAIT_S)

    def _retry_unheard(self) -> None:
        for flight in self._flights.values():
            flight.lost = flight.lost or flight.unheard

    def moved(self) -> None:
        """Forget every flight and begin anew: the outbox holds its parcels elsewhere, under the same names."""
        self.moves += 1
        for name in list(self._flights):
            self._land(name)
        self._queues = {lane: _Queue() for lane in Lane}
        self._gaps = []

    def look_again(self) -> None:
        """Look behind where the lanes stand: the outbox may hold something there, or it can be sent only now."""
        self.moves += 1
        live = self._queues[Lane.LIVE]
        start = live.ready[0].id if live.ready else live.after + 1
        self._queues = {lane: live if lane is Lane.LIVE else _Queue() for lane in Lane}
        self._gaps = [(0, start)]

    def _fresh(self, lane: Lane, now_s: float) -> Held | None:
        if lane is Lane.BACKLOG and not self._answered and now_s < self._connected_s + RESYNC_WAIT_S:
            return None
        ready = self._queues[lane].ready
        while ready and (ready[0].name in self._flights or ready[0].size > self._packet_bytes_max):
            # In flight already, or too large for this broker: the outbox keeps it for a broker that takes it.
            ready.popleft()
        if not ready or len(self._flights) >= _FLIGHTS_MAX:
            return None
        held = ready[0]
        return held if self._window_has_room(lane, held.size) else None

    def _due(self, lane: Lane, now_s: float) -> _Flight | None:
        waits_for_answer = lane is not Lane.URGENT and not self._answered and now_s < self._connected_s + RESYNC_WAIT_S
        due: _Flight | None = None
        for flight in self._flights.values():
            if flight.lane is not lane or flight.waits_for_broker or (due is not None and flight.held.id > due.held.id):
                continue
            late = now_s >= self._patient_until_s and now_s - flight.sent_s >= self._time_limit_s(flight)
            if late or (flight.lost and not waits_for_answer):
                due = flight
        return due

    def _time_limit_s(self, flight: _Flight) -> float:
        return min(MOST_S, self.round_trip.timeout_s * 2.0 ** min(flight.sends - 1, _DOUBLINGS_MAX))

    def _wire_has_room(self, lane: Lane) -> bool:
        used = sum(self._on_wire.values())
        if lane is Lane.URGENT:
            return used < self._slots
        if lane is Lane.LIVE:
            return used < max(1, self._slots - 2)
        slow = sum(self._on_wire[one] for one in _SLOW)
        return slow < max(1, self._slots // 2) and used < max(1, self._slots - 4)

    def _window_has_room(self, lane: Lane, size: int) -> bool:
        if lane is Lane.URGENT:
            used, room = self._bytes[lane], self._window_bytes
        elif lane is Lane.LIVE:
            used = sum(self._bytes[other] for other in Lane if other is not Lane.URGENT)
            room = self._window_bytes
        else:
            used, room = sum(self._bytes[one] for one in _SLOW), self._window_bytes // 2
        return not used or used + size <= room

    def _leave_wire(self, flight: _Flight) -> None:
        if flight.waits_for_broker:
            flight.waits_for_broker = False
            self._on_wire[flight.lane] -= 1

    def _land(self, name: ParcelName) -> None:
        flight = self._flights.pop(name, None)
        if flight is not None:
            self._leave_wire(flight)
            self._bytes[flight.lane] -= flight.held.size


def _priority(lane: Lane, held: Held, now_us: int) -> Priority:
    if lane is Lane.URGENT:
        return Priority.URGENT
    aged = now_us - held.committed_at_us > LIVE_AGE_S * 1e6
    return Priority.BACKLOG if lane is Lane.BACKLOG or aged else Priority.LIVE
