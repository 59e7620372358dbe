"""However late a device answers, in order, no answer is taken for another read's: a simulated bus, many schedules."""

from collections import deque
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from haechi.sdk.transports.modbus_fence import Fence
from haechi.sdk.transports.modbus_frames import Read, Table

BLOCKS = [Read(Table.HOLDING, 100 * number, 5) for number in range(3)] + [Read(Table.HOLDING, 900, 2)]
REFUSED = 100
"""Whatever begins here is answered with an exception."""


class Bus:
    """A device that answers in order but whenever it likes, and a master that waits for a while.

    ``windows`` says for every time that the master listens how many of the owed answers arrive.
    """

    def __init__(self, windows: list[int]) -> None:
        self.windows = deque(windows)
        self.owed: deque[Read] = deque()

    def listen(self) -> list[Read]:
        count = self.windows.popleft() if self.windows else len(self.owed)
        return [self.owed.popleft() for _answer in range(min(count, len(self.owed)))]

    def exchange(self, request: Read, *, may_refuse: bool = True) -> Read | None:
        """Return the answer that the master takes for its own: the first that looks like it."""
        self.owed.append(request)
        for answer in self.listen():
            if may_refuse if answer.address == REFUSED else answer.data_bytes == request.data_bytes:
                return answer
        return None


@settings(max_examples=500, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=60))
@example([0, 1, 0, 0, 0, 1, 0, 1, 1, 1])
def test_no_answer_is_taken_for_another(windows: list[int]) -> None:
    bus, fence = Bus(windows), Fence()
    fence.expect(BLOCKS)
    for turn in range(40):
        request = replace(BLOCKS[turn % len(BLOCKS)])  # a copy: not even an older answer to the same read will do
        if fence.is_needed:
            bus.listen()  # the drain
            read = fence.next(request)
            if read is None:
                rest(bus, fence)
                continue
            answer = bus.exchange(read, may_refuse=not fence.is_readable)
            if answer is None:
                continue
            if answer.address == REFUSED:
                if not fence.is_first:
                    rest(bus, fence)
                    continue
                bus.owed.clear()  # before it has given data, it is late by one more time-out at most
            else:
                assert answer is read
                fence.answered(read)
            fence.passed()
        fence.is_needed = True
        answer = bus.exchange(request)
        if answer is not None:
            assert answer is request
            fence.is_needed = False
            if answer.address == REFUSED:
                fence.refused(request)
            else:
                fence.answered(request)


def rest(bus: Bus, fence: Fence) -> None:
    """Leave the device alone until all that it owes has come."""
    bus.owed.clear()
    fence.rested()


def test_a_fence_looks_like_no_read_and_lies_in_what_can_be_read() -> None:
    fence = Fence()
    fence.expect(BLOCKS)
    fence.answered(BLOCKS[1])
    sent = [fence.next(BLOCKS[3]) for _time in range(3)]
    assert None not in sent
    assert len({read.count for read in sent if read}) == 3
    for read in sent:
        assert read is not None
        assert read.count not in (2, 5)
        assert BLOCKS[1].address <= read.address
        assert read.address + read.count <= BLOCKS[1].address + BLOCKS[1].count
    assert fence.next(BLOCKS[3]) is None


def test_a_single_register_is_fenced_by_two() -> None:
    fence = Fence()
    only = Read(Table.INPUT, 65535, 1)
    fence.expect([only])
    assert fence.next(only) == Read(Table.INPUT, 65534, 2)


def test_bits_are_fenced_by_another_number_of_bytes() -> None:
    fence = Fence()
    only = Read(Table.COIL, 0, 12)
    fence.expect([only])
    read = fence.next(only)
    assert read is not None
    assert read.data_bytes == 1


def test_what_is_refused_later_is_no_place_for_a_fence() -> None:
    fence = Fence()
    fence.expect(BLOCKS)
    fence.answered(BLOCKS[0])
    fence.refused(BLOCKS[0])
    read = fence.next(BLOCKS[1])
    assert read is not None
    assert read.address == BLOCKS[1].address


def test_a_fence_that_reaches_beyond_what_was_read_may_be_refused() -> None:
    single, pair = Read(Table.HOLDING, 10, 1), Read(Table.HOLDING, 10, 2)
    fence = Fence()
    fence.expect([single])
    fence.answered(single)
    beyond = fence.next(single)
    assert beyond is not None
    assert beyond.count > single.count
    assert not fence.is_readable, "a device with a single register refuses it, and that is an answer"
    fence = Fence()
    fence.expect([pair])
    fence.answered(pair)
    assert fence.next(pair) == single
    assert fence.is_readable
