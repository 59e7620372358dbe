"""Acknowledgements: everything that is settled is said, one message a gateway, within the contract's limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.state.ranges import EpochName
from haechi.contract.control import CONTROL_BYTES_MAX, Acknowledgement, decode_acknowledgement
from haechi.contract.ranges import SEQ_MAX, RangeSet

_sets = st.lists(st.integers(1, 4000), max_size=900).map(lambda some: RangeSet((2 * n, 2 * n) for n in some))


class Wire:
    """Notes what is published; can be held up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.waiting = asyncio.Event()

    async def publish(self, topic: str, payload: bytes) -> None:
        self.waiting.set()
        await self.free.wait()
        self.sent.append((topic, payload))

    def settled(self) -> dict[tuple[str, str], RangeSet]:
        found: dict[tuple[str, str], RangeSet] = {}
        for topic, payload in self.sent:
            for one in decode_acknowledgement(payload).epochs:
                key = (topic, one.epoch)
                found[key] = found.get(key, RangeSet()) | one.range_set()
        return found


@asynccontextmanager
async def running(wire: Wire) -> AsyncIterator[Acknowledger]:
    acknowledger = Acknowledger(wire.publish, lambda: 0)
    task = asyncio.create_task(acknowledger.run())
    yield acknowledger
    task.cancel()


async def drained(wire: Wire) -> None:
    count = -1
    while count != len(wire.sent):
        count = len(wire.sent)
        for _ in range(5):
            await asyncio.sleep(0)


@settings(max_examples=30, deadline=None)
@given(said=st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 70), _sets), max_size=80))
def test_everything_settled_is_said_within_the_limits(said: list[tuple[str, int, RangeSet]]) -> None:
    async def scenario() -> None:
        wire = Wire()
        expected: dict[tuple[str, str], RangeSet] = {}
        async with running(wire) as acknowledger:
            for gateway, number, numbers in said:
                epoch = number.to_bytes(16, "big")
                acknowledger.settled({EpochName("city", gateway, epoch): numbers})
                key = (f"haechi/v1/city/{gateway}/down/ack", epoch.hex())
                expected[key] = expected.get(key, RangeSet()) | numbers
            await drained(wire)
        assert {key: one for key, one in wire.settled().items() if one} == {
            key: one for key, one in expected.items() if one
        }
        assert all(len(payload) <= CONTROL_BYTES_MAX for _topic, payload in wire.sent)

    asyncio.run(scenario())


async def test_the_largest_numbers_stay_within_the_limits() -> None:
    wire = Wire()
    numbers = RangeSet((SEQ_MAX - 4 * n - 1, SEQ_MAX - 4 * n) for n in range(256))
    async with running(wire) as acknowledger:
        acknowledger.settled({EpochName("city", "a", bytes([n]) * 16): numbers for n in range(64)})
        await drained(wire)
    assert all(len(payload) <= CONTROL_BYTES_MAX for _topic, payload in wire.sent)
    assert len(wire.settled()) == 64


async def test_what_is_settled_while_the_link_is_busy_goes_in_one_message_and_answers_go_first() -> None:
    wire = Wire()
    wire.free.clear()
    name = EpochName("city", "a", bytes(16))
    async with running(wire) as acknowledger:
        acknowledger.settled({name: RangeSet([(1, 1)])})
        await wire.waiting.wait()
        for seq in range(2, 50):
            acknowledger.settled({name: RangeSet([(seq, seq)])})
        acknowledger.answer(("city", "a"), Acknowledgement(at_us=0, epochs=(), answers="q"))
        wire.free.set()
        await drained(wire)
    messages = [decode_acknowledgement(payload) for _topic, payload in wire.sent]
    assert [message.answers for message in messages] == [None, "q", None]
    assert messages[2].epochs[0].settled == ((2, 49),)
