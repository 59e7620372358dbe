"""What goes next: a seeded simulation of outbox, wire, forgetful broker and cloud, and the rules one by one."""

import random
from dataclasses import dataclass, field

import pytest

from haechi.contract.parcel import ParcelName
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import Priority
from haechi.edge.outbox import Held, Rank
from haechi.edge.uplink.schedule import LIVE_AGE_S, LOOK_AHEAD, RESYNC_WAIT_S, Schedule, Send

EPOCH = bytes(16)
WINDOW = 64 * 1024


@dataclass
class World:
    """An outbox in memory and a schedule; the wire is what the test makes of it."""

    window: int = WINDOW
    now_s: float = 1000.0
    parcels: dict[int, Held] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.window)

    @property
    def now_us(self) -> int:
        return int(self.now_s * 1e6)

    def commit(self, rank: Rank, size: int = 1000) -> Held:
        number = len(self.parcels) + 1
        self.parcels[number] = Held(number, ParcelName(EPOCH, number), rank, size, self.now_us)
        self.schedule.committed()
        return self.parcels[number]

    def connect(self, slots: int = 20) -> None:
        self.schedule.connected(self.now_s, slots, 64 * 1024)
        self.look_at_age()

    def look_at_age(self) -> None:
        young = [
            number for number, held in self.parcels.items() if held.committed_at_us >= self.now_us - LIVE_AGE_S * 1e6
        ]
        self.schedule.live_from(min(young, default=len(self.parcels) + 1), self.schedule.moves)

    def next(self) -> Send | None:
        for request in self.schedule.wanted():
            rows = [
                held
                for number, held in self.parcels.items()
                if held.rank is request.rank
                and number not in self.settled
                and request.after < number < (request.before or 10**9)
            ]
            self.schedule.offer(request, rows[:LOOK_AHEAD])
        return self.schedule.next(self.now_s, self.now_us)

    def send_all(self) -> list[Send]:
        sends = []
        while (send := self.next()) is not None:
            self.schedule.sent(send.held, self.now_s)
            sends.append(send)
        return sends

    def acknowledge(self, *numbers: int) -> None:
        self.settled.update(numbers)
        self.schedule.acknowledged(EPOCH, RangeSet((number, number) for number in numbers), self.now_s)

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self.look_at_age()


def ids(sends: list[Send]) -> list[int]:
    return [send.held.id for send in sends]


def test_urgent_before_live_before_evidence_before_backlog() -> None:
    world = World()
    world.commit(Rank.LIVE)
    world.now_s += 100
    for rank in (Rank.EVIDENCE, Rank.LIVE, Rank.URGENT):
        world.commit(rank)
    world.connect()
    assert ids(world.send_all()) == [4, 3, 2]
    world.pass_time(RESYNC_WAIT_S)
    (backlog,) = world.send_all()
    assert (backlog.held.id, backlog.priority) == (1, Priority.BACKLOG)


def test_backlog_goes_as_soon_as_the_cloud_has_answered() -> None:
    world = World()
    world.commit(Rank.LIVE)
    world.now_s += 100
    world.connect()
    assert world.send_all() == []
    world.schedule.answered(world.now_s)
    assert ids(world.send_all()) == [1]


def test_the_window_leaves_room_for_live_values_and_never_holds_up_an_alarm() -> None:
    world = World()
    for _ in range(200):
        world.commit(Rank.LIVE)
    world.now_s += 100
    world.connect(slots=1000)
    world.schedule.answered(world.now_s)
    backlog = world.send_all()
    assert sum(send.held.size for send in backlog) <= WINDOW // 2
    for _ in range(200):
        world.commit(Rank.LIVE)
    live = world.send_all()
    assert {send.priority for send in live} == {Priority.LIVE}
    assert sum(send.held.size for send in backlog + live) <= WINDOW
    alarm = world.commit(Rank.URGENT)
    assert ids(world.send_all()) == [alarm.id]


def test_the_brokers_limit_on_confirmations_is_kept_with_room_for_alarms() -> None:
    world = World()
    world.connect(slots=10)
    for _ in range(30):
        world.commit(Rank.LIVE)
    assert len(world.send_all()) == 8
    for _ in range(5):
        world.commit(Rank.URGENT)
    assert len(world.send_all()) == 2
    world.schedule.taken(world.parcels[1].name)
    assert len(world.send_all()) == 1


def test_a_parcel_that_was_read_while_the_outbox_moved_is_sent_once_more() -> None:
    world = World()
    held = world.commit(Rank.URGENT)
    world.connect()
    send = world.next()
    assert send is not None
    world.schedule.moved()
    world.schedule.sent(send.held, world.now_s)
    assert ids(world.send_all()) == [held.id]


def test_what_is_committed_while_the_outbox_is_asked_is_asked_for_again() -> None:
    world = World()
    world.connect()
    (request,) = (one for one in world.schedule.wanted() if one.rank is Rank.URGENT)
    held = world.commit(Rank.URGENT)
    world.schedule.offer(request, [])
    assert ids(world.send_all()) == [held.id]


def test_what_was_asked_before_the_outbox_moved_means_nothing() -> None:
    world = World()
    world.connect()
    (request,) = (one for one in world.schedule.wanted() if one.rank is Rank.URGENT)
    moves = world.schedule.moves
    world.schedule.moved()
    held = world.commit(Rank.URGENT)
    observed = world.commit(Rank.LIVE)
    elsewhere = Held(2**50, ParcelName(EPOCH, 99), Rank.URGENT, 1000, world.now_us)
    world.schedule.offer(request, [elsewhere])
    world.schedule.live_from(2**50, moves)
    assert ids(world.send_all()) == [held.id, observed.id]


def test_a_receive_maximum_of_one_still_sends_everything() -> None:
    world = World()
    for rank in Rank:
        world.commit(rank)
    world.connect(slots=1)
    seen = []
    while (sends := world.send_all()) != []:
        (send,) = sends
        seen.append(send.held.id)
        world.schedule.taken(send.held.name)
        world.acknowledge(send.held.id)
    assert seen == [1, 2, 3, 4]


def test_what_the_broker_never_confirmed_goes_again_on_a_new_connection() -> None:
    world = World()
    world.connect()
    confirmed, unconfirmed = world.commit(Rank.URGENT), world.commit(Rank.URGENT)
    world.send_all()
    world.schedule.taken(confirmed.name)
    world.connect()
    assert ids(world.send_all()) == [unconfirmed.id]


def test_an_answer_makes_due_what_it_leaves_out() -> None:
    world = World()
    world.connect()
    for _ in range(3):
        world.schedule.taken(world.commit(Rank.LIVE).name)
    for send in world.send_all():
        world.schedule.taken(send.held.name)
    world.now_s += 0.5
    world.connect()
    world.acknowledge(2)
    world.schedule.answered(world.now_s)
    assert ids(world.send_all()) == [1, 3]


def test_what_nobody_heard_goes_as_soon_as_the_cloud_is_there() -> None:
    world = World()
    world.connect()
    for _ in range(10):
        world.commit(Rank.LIVE)
    for send in world.send_all():
        world.schedule.refused(send.held.name, unheard=True)
    assert world.send_all() == []
    world.schedule.answered(world.now_s)
    assert len(world.send_all()) == 10


def test_what_the_access_list_refuses_is_not_hammered() -> None:
    world = World()
    world.connect()
    refused, taken = world.commit(Rank.URGENT), world.commit(Rank.LIVE)
    world.send_all()
    world.schedule.refused(refused.name)
    world.schedule.taken(taken.name)
    world.acknowledge(taken.id)
    world.schedule.answered(world.now_s)
    assert world.send_all() == []


def test_an_answer_leaves_alone_what_is_still_on_its_way() -> None:
    world = World()
    world.connect()
    world.commit(Rank.LIVE)
    (send,) = world.send_all()
    world.schedule.taken(send.held.name)
    world.now_s += 0.1
    world.schedule.answered(world.now_s)
    assert world.send_all() == []


def test_a_silent_cloud_is_tried_with_one_parcel_at_a_time_and_ever_more_rarely() -> None:
    world = World(window=16 * 1024 * 1024)
    world.connect(slots=1000)
    world.schedule.answered(world.now_s)
    for _ in range(300):
        world.commit(Rank.LIVE)
    for send in world.send_all():
        world.schedule.taken(send.held.name)
    tries = []
    for _ in range(600):
        world.now_s += 1.0
        sends = world.send_all()
        for send in sends:
            world.schedule.taken(send.held.name)
        assert len(sends) <= 1
        tries += [world.now_s] * len(sends)
    assert 5 <= len(tries) <= 30
    assert tries[-1] - tries[-2] >= 30


def test_after_its_return_everything_goes_at_once() -> None:
    world = World(window=16 * 1024 * 1024)
    world.connect(slots=1000)
    for _ in range(50):
        world.commit(Rank.LIVE)
    for send in world.send_all():
        world.schedule.taken(send.held.name)
    world.pass_time(600)
    world.schedule.answered(world.now_s)
    assert len(world.send_all()) == 50


def test_a_parcel_too_large_for_this_broker_holds_up_nothing_and_goes_to_the_next() -> None:
    world = World()
    world.schedule.connected(world.now_s, 20, 2000)
    large, small = world.commit(Rank.URGENT, 50_000), world.commit(Rank.URGENT, 500)
    assert ids(world.send_all()) == [small.id]
    world.connect()
    assert large.id in ids(world.send_all())


def test_what_is_gone_from_the_outbox_is_forgotten() -> None:
    world = World()
    world.connect()
    world.commit(Rank.URGENT)
    send = world.next()
    assert send is not None
    world.schedule.gone(send.held)
    assert world.next() is None
    assert world.schedule.in_flight == 0


def test_a_sleeper_is_woken_when_something_becomes_due() -> None:
    world = World()
    world.connect()
    world.schedule.answered(world.now_s)
    world.commit(Rank.LIVE)
    (send,) = world.send_all()
    assert world.schedule.wake_at_s() == float("inf")
    world.schedule.taken(send.held.name)
    world.now_s = world.schedule.wake_at_s()
    assert ids(world.send_all()) == [1]


@pytest.mark.parametrize("seed", range(20))
def test_everything_arrives_whatever_the_link_does(seed: int) -> None:
    """Loss, repetition, disorder, broken links, a forgetful broker, a cloud that sleeps: in the end all is settled."""
    chance = random.Random(seed)
    world = World(window=chance.choice([8_000, 64_000, 512_000]))
    stored: set[int] = set()
    total = chance.randrange(20, 150)
    loss = chance.choice([0.0, 0.1, 0.5])
    at_broker: list[Send] = []
    asked: list[float] = []
    connected = False
    for turn in range(4000):
        calm = turn > 2000
        if len(world.parcels) < total and chance.random() < 0.3:
            world.commit(chance.choice(list(Rank)), chance.randrange(100, 4000))
        if not connected and chance.random() < 0.3:
            world.connect(slots=chance.choice([1, 5, 20]))
            connected, asked = True, [world.now_s]
        elif connected and not calm and chance.random() < 0.02:
            connected = False
            if chance.random() < 0.5:
                at_broker.clear()
        if connected:
            for send in world.send_all():
                if calm or chance.random() >= loss:
                    at_broker += [send] * chance.choice([1, 1, 1, 2])
                    world.schedule.taken(send.held.name)
                else:
                    world.schedule.refused(send.held.name, unheard=chance.random() < 0.5)
        cloud_awake = calm or (turn // 100) % 3 != 1
        chance.shuffle(at_broker)
        while cloud_awake and at_broker and chance.random() < 0.8:
            stored.add(at_broker.pop().held.id)
        if connected and cloud_awake and chance.random() < 0.3 and stored:
            world.acknowledge(*stored)
        if connected and cloud_awake and chance.random() < 0.1:
            asked.append(world.now_s)
            world.acknowledge(*stored)
            world.schedule.answered(asked[-1])
        world.pass_time(chance.choice([0.01, 0.1, 1.0]))
        if calm and len(world.parcels) == total and world.settled == set(world.parcels):
            break
    assert world.settled == set(world.parcels) == stored
    assert world.schedule.in_flight == 0
