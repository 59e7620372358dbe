"""A car park behind a real mosquitto: what was parked while the gateway was away is known afterwards, once."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import paho.mqtt.publish
import pytest

from haechi.adapters.lorawan.adapter import Lorawan
from haechi.adapters.lorawan.simulator import LorawanSimulator
from haechi.sdk import Host
from support.mosquitto import Mosquitto

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("server", ["chirpstack", "the_things_stack"])
async def test_what_came_while_the_gateway_was_away(
    tmp_path: Path, server: Literal["chirpstack", "the_things_stack"]
) -> None:
    device = LorawanSimulator(server)

    async def park(broker: Mosquitto, *, taken: bool, times: int = 1) -> None:
        uplink = device.uplink(1, bytes((taken,)))
        for _time in range(times):
            await asyncio.to_thread(
                paho.mqtt.publish.single, device.topic, uplink, qos=1, hostname="127.0.0.1", port=broker.port
            )

    async with Mosquitto(tmp_path / "broker") as broker, asyncio.timeout(20):
        config = {
            "broker_url": broker.url,
            "client_id": "haechi-car-park",
            "network_server": server,
            "application": device.application,
            "end_device": [{"dev_eui": device.dev_eui, "name": "bay-1", "payload": "bosch_tps110"}],
            "retry_s": 0.1,
        }
        adapter = Lorawan("park", Lorawan.load_config(config), Host())
        async with aclosing(adapter.samples()) as samples:
            waiting = asyncio.ensure_future(anext(samples))
            while "SUBSCRIBE" not in broker.log:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.01)
            await park(broker, taken=True)
            assert (await waiting).values == (True,)
        await park(broker, taken=False, times=2)
        await park(broker, taken=True)
        async with aclosing(adapter.samples()) as samples:
            assert [(await anext(samples)).values for _number in range(2)] == [(False,), (True,)]
        # The one that was in use when the gateway went away came again, and so did the doubled one.
        assert adapter.host.counters["frames_repeated"] == 2
