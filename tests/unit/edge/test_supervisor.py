"""A task that fails is started again; nothing but an impossible configuration or a failed outbox ends that."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from haechi.edge.health import Health
from haechi.edge.outbox import OutboxFailed
from haechi.edge.supervisor import Supervised
from haechi.sdk.errors import ConfigError, NotConnected


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


def supervised(clock: Clock, health: Health) -> Supervised:
    return Supervised("river-1", "modbus", health, {}, now_s=lambda: clock.now_s, sleep=clock.sleep, chance=lambda: 0.5)


def failing(*errors: Exception) -> Callable[[], Awaitable[None]]:
    left = list(errors)

    async def work() -> None:
        if left:
            raise left.pop(0)
        await asyncio.get_running_loop().create_future()

    return work


async def watched(work: Callable[[], Awaitable[None]]) -> tuple[Clock, Health, "asyncio.Task[None]"]:
    clock, health = Clock(), Health()
    task = asyncio.create_task(supervised(clock, health).keep(work))
    for _ in range(50):
        await asyncio.sleep(0)
    return clock, health, task


async def test_a_device_that_is_away_is_tried_after_the_time_that_it_names() -> None:
    clock, health, task = await watched(failing(NotConnected("10.0.0.7:502 does not answer", 5.0)))
    assert clock.slept == [5.0]
    (part,) = health.components
    assert (part.state, part.detail) == ("retrying", "10.0.0.7:502 does not answer")
    task.cancel()


@pytest.mark.parametrize(
    ("wished_s", "slept_s"), [(0.0, 0.1), (-1.0, 0.1), (1e9, 3600.0), (math.nan, 1.0), (math.inf, 1.0)]
)
async def test_a_time_that_nobody_should_name_is_bounded(wished_s: float, slept_s: float) -> None:
    clock, _, task = await watched(failing(NotConnected("no answer", wished_s)))
    assert clock.slept == [slept_s]
    task.cancel()


async def test_a_partners_bug_is_tried_again_ever_more_rarely() -> None:
    clock, health, task = await watched(failing(*[ZeroDivisionError("division by zero")] * 8))
    assert clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert health.components[0].detail == "ZeroDivisionError: division by zero"
    task.cancel()


async def test_an_impossible_configuration_is_left_to_a_person() -> None:
    clock, health, task = await watched(failing(ConfigError("baud", 7, "a speed")))
    assert task.done()
    assert clock.slept == []
    assert health.components[0].state == "failed"


async def test_a_failed_outbox_is_not_this_tasks_to_mend() -> None:
    _, _, task = await watched(failing(OutboxFailed("disk full")))
    with pytest.raises(OutboxFailed):
        await task


async def test_the_same_line_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    _, _, task = await watched(failing(*[NotConnected("no answer", 1.0)] * 5))
    assert len(caplog.records) == 1
    task.cancel()
