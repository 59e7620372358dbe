"""A metered link: the day's bytes hold, alarms always go."""

import random

from haechi.contract.parcel import ParcelName
from haechi.edge.outbox import Held, Rank
from haechi.edge.uplink.budget import MESSAGE_BYTES, Budget
from haechi.edge.uplink.schedule import LOOK_AHEAD, Schedule

DAY_US = 86_400_000_000
PER_DAY = 10_000_000
START_US = 20_000 * DAY_US


def test_a_day_of_backlog_keeps_the_budget_and_is_spread() -> None:
    budget = Budget(PER_DAY)
    noise = random.Random(1)
    spent_by_hour = []
    for minute in range(24 * 60):
        now_us = START_US + minute * 60_000_000
        while budget.allows(size := noise.randrange(100, 60_000), now_us):
            budget.spend(size, now_us)
        if minute % 60 == 59:
            spent_by_hour.append(budget.bytes_today)
    assert PER_DAY * 0.85 < budget.bytes_today <= PER_DAY * 0.9
    hours = [later - earlier for earlier, later in zip([0, *spent_by_hour], spent_by_hour, strict=False)]
    assert max(hours) < PER_DAY / 10


def test_a_new_day_begins_with_nothing_spent() -> None:
    budget = Budget(PER_DAY)
    budget.spend(PER_DAY, START_US)
    assert not budget.allows(1, START_US + DAY_US - 1)
    assert budget.waits == 1
    assert budget.allows(1, START_US + DAY_US)
    assert budget.bytes_today == 0


def test_without_a_budget_everything_goes_and_is_counted() -> None:
    budget = Budget(None)
    budget.spend(10**12, START_US)
    assert budget.allows(10**12, START_US)
    assert budget.bytes_today == 10**12 + MESSAGE_BYTES


def test_what_was_spent_before_a_restart_counts() -> None:
    budget = Budget(PER_DAY)
    budget.remember(START_US // DAY_US, PER_DAY)
    assert not budget.allows(1, START_US)


def test_alarms_go_whatever_was_spent_and_values_wait_for_room() -> None:
    budget = Budget(PER_DAY)
    budget.spend(PER_DAY, START_US)
    schedule = Schedule(64 * 1024, budget)
    schedule.connected(0.0, 20, 64 * 1024)
    rows = {
        rank: Held(number, ParcelName(bytes(16), number), rank, 1000, START_US)
        for number, rank in enumerate(Rank, start=1)
    }
    schedule.answered(0.0)

    def sent(now_us: int) -> list[Rank]:
        ranks = []
        for request in schedule.wanted():
            row = rows[request.rank]
            schedule.offer(request, [row][:LOOK_AHEAD] if request.after < row.id else [])
        while (send := schedule.next(0.0, now_us)) is not None:
            schedule.sent(send.held, 0.0)
            ranks.append(send.held.rank)
        return ranks

    assert sent(START_US) == [Rank.URGENT]
    assert sent(START_US + DAY_US) == [Rank.LIVE, Rank.EVIDENCE, Rank.CLIP]
