"""The clock: times only rise within a generation, whatever the machine's clock does."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.contract.parcel import ClockQuality
from haechi.edge.clock import BUILD_US, STEP_BACK_US, WallClock

NOW_US = BUILD_US + 10**12


class Machine:
    def __init__(self, now_us: int = NOW_US, synchronised: bool = False) -> None:
        self.now_us, self.synchronised = now_us, synchronised

    def clock(self, newest_us: int = 0) -> WallClock:
        return WallClock(newest_us, lambda: self.now_us, lambda: self.synchronised)


@given(st.lists(st.integers(-10 * STEP_BACK_US, 10 * STEP_BACK_US), max_size=50))
def test_times_rise_within_a_generation(steps_us: list[int]) -> None:
    machine = Machine()
    clock = machine.clock()
    before = (clock.generation, clock.stamp())
    for step_us in steps_us:
        machine.now_us += step_us
        time_us = clock.stamp()
        if clock.generation == before[0]:
            assert time_us > before[1]
        else:
            assert clock.generation == before[0] + 1
            assert time_us < before[1] - STEP_BACK_US
        before = (clock.generation, time_us)


def test_a_small_step_back_is_waited_out() -> None:
    machine = Machine()
    clock = machine.clock()
    first_us = clock.stamp()
    machine.now_us -= STEP_BACK_US
    assert clock.stamp() == first_us + 1
    assert clock.generation == 0


def test_a_clock_in_1970_is_lifted_to_the_newest_time_known() -> None:
    machine = Machine(now_us=5_000_000)
    clock = machine.clock(newest_us=NOW_US)
    assert clock.stamp() == NOW_US
    machine.now_us += 1_000_000
    assert clock.stamp() == NOW_US + 1_000_000
    assert clock.quality is ClockQuality.LIFTED


def test_a_lifted_clock_takes_the_true_time_when_it_comes() -> None:
    machine = Machine(now_us=0)
    clock = machine.clock(newest_us=NOW_US)
    clock.stamp()
    machine.now_us = NOW_US + 10**9
    assert clock.stamp() == NOW_US + 10**9
    assert clock.quality is ClockQuality.FREE


def test_a_synchronised_clock_is_believed_over_a_time_from_the_future() -> None:
    clock = Machine(synchronised=True).clock(newest_us=NOW_US + 10**15)
    assert clock.stamp() == NOW_US
    assert clock.quality is ClockQuality.SYNCHRONISED


def test_a_clock_that_falls_below_the_floor_is_lifted_without_going_back() -> None:
    machine = Machine()
    clock = machine.clock()
    before_us = clock.stamp()
    machine.now_us = 0
    assert clock.stamp() > before_us
    assert clock.generation == 0
