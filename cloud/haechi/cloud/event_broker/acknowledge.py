"""Acknowledgements to gateways: gathered while the link is busy, one message a gateway, never ahead of the commit.

Losing one is harmless (the gateway sends again, or asks), so nothing here is kept on disk; memory is bounded by the
number of gateways.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping

from haechi.cloud.event_broker.apply import ANSWER_RANGES_MAX, Gateway
from haechi.cloud.state.ranges import EpochName
from haechi.contract.codec import VERSIONS_READ
from haechi.contract.control import ACK_RANGES_MAX, EPOCHS_MAX, Acknowledgement, SettledRanges, encode_control
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import DOWN_ACK, topic

Publish = Callable[[str, bytes], Awaitable[None]]
"""Topic and payload; returns when the link has taken it, or drops it when there is no link."""

_ANSWERS_MAX = 20_000


class Acknowledger:
    """Sends what the intake says is settled; answers to questions first."""

    def __init__(self, publish: Publish, clock_us: Callable[[], int]) -> None:
        self._publish = publish
        self._clock_us = clock_us
        self._settled: dict[Gateway, dict[bytes, RangeSet]] = {}
        self._answers: deque[tuple[Gateway, Acknowledgement]] = deque(maxlen=_ANSWERS_MAX)
        self._some = asyncio.Event()

    def settled(self, settled: Mapping[EpochName, RangeSet]) -> None:
        """Acknowledge in passing; call after the commit, on the event loop."""
        for name, numbers in settled.items():
            epochs = self._settled.setdefault((name.tenant, name.gateway), {})
            epochs[name.epoch] = epochs.get(name.epoch, RangeSet()) | numbers
            self._some.set()

    def answer(self, gateway: Gateway, answer: Acknowledgement) -> None:
        """Answer a question; call after the commit, on the event loop."""
        self._answers.append((gateway, answer))
        self._some.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._answers or self._settled:
                if self._answers:
                    await self._send(*self._answers.popleft())
                    continue
                gateway = next(iter(self._settled))
                for message in self._in_passing(self._settled.pop(gateway)):
                    await self._send(gateway, message)

    async def _send(self, gateway: Gateway, message: Acknowledgement) -> None:
        await self._publish(topic(*gateway, DOWN_ACK), encode_control(message))

    def _in_passing(self, epochs: Mapping[bytes, RangeSet]) -> Iterator[Acknowledgement]:
        """Split what is settled into messages that keep the contract's limits."""
        parts = [
            SettledRanges(epoch=epoch.hex(), settled=numbers.ranges[start : start + ACK_RANGES_MAX])
            for epoch, numbers in epochs.items()
            for start in range(0, len(numbers.ranges), ACK_RANGES_MAX)
        ]
        at_us = self._clock_us()
        message: list[SettledRanges] = []
        for part in parts:
            full = sum(len(one.settled) for one in message) + len(part.settled) > ANSWER_RANGES_MAX
            if message and (full or len(message) == EPOCHS_MAX):
                yield Acknowledgement(at_us=at_us, epochs=tuple(message), reads=VERSIONS_READ)
                message = []
            message.append(part)
        if message:
            yield Acknowledgement(at_us=at_us, epochs=tuple(message), reads=VERSIONS_READ)
