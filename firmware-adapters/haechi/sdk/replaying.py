"""Plays a recording to the adapter that ships: what it makes of bytes that came from a device, without the device."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from haechi.contract.observations import Value
from haechi.sdk.adapter import Adapter
from haechi.sdk.capture import Player
from haechi.sdk.clock import ScaledClock
from haechi.sdk.errors import NotConnected
from haechi.sdk.host import Host
from haechi.sdk.recording import Passage
from haechi.sdk.wire import attached

_DEVICE = "device-1"
_REST_S = 1.0
"""How long the adapter may take for the last bytes."""


async def replayed(
    adapter: type[Adapter[Any]], written: Mapping[str, Any], passages: Sequence[Passage], speed: float
) -> list[tuple[str, Value]]:
    """Return property and value of everything that the adapter emits while ``passages`` pass its wire, in order.

    Raises:
        ConfigError: the adapter refuses ``written``.
    """
    made = adapter(_DEVICE, adapter.load_config(written), Host(clock=ScaledClock(speed)))
    player = Player(passages, speed=speed)
    values: list[tuple[str, Value]] = []

    async def read() -> None:
        try:
            async with aclosing(made.samples()) as samples:
                async for sample in samples:
                    names = (name.partition(".")[2] for name in sample.datastreams)
                    values.extend(zip(names, sample.values, strict=True))
        except NotConnected:
            pass  # the recording is over, or the device had fallen silent

    try:
        with attached(player):
            reading = asyncio.create_task(read())
            ended = asyncio.create_task(player.ended.wait())
            await asyncio.wait((reading, ended), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((reading,), timeout=_REST_S)
            for task in (reading, ended):
                task.cancel()
            results = await asyncio.gather(reading, ended, return_exceptions=True)
    finally:
        player.close()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return values
