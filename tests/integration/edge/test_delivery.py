"""The promise, with real processes: what was committed arrives exactly once by name, whoever is killed or frozen."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import pytest

from haechi.contract.events import Event, Phase
from haechi.contract.parcel import LossCause, ParcelName
from support.fault_proxy import FaultProxy
from support.gateway import GatewayProcess, River
from support.little_cloud import LittleCloud
from support.mosquitto import Mosquitto

pytestmark = pytest.mark.servers
NewGateway = Callable[..., GatewayProcess]


def events(cloud: LittleCloud) -> list[Event]:
    return [event for parcel in cloud.parcels.values() for event in parcel.events]


def assert_without_holes(names: set[ParcelName]) -> None:
    seqs: dict[bytes, set[int]] = defaultdict(set)
    for name in names:
        seqs[name.epoch].add(name.seq)
    for found in seqs.values():
        assert found == set(range(1, max(found) + 1))


async def test_values_and_events_reach_the_cloud(broker: Mosquitto, river: River, new_gateway: NewGateway) -> None:
    gateway = new_gateway(broker.url)
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        await cloud.until(lambda: cloud.observations >= 10)
        river.is_high()
        await cloud.until(lambda: any(event.phase is Phase.RAISED for event in events(cloud)))
        river.is_low()
        await cloud.until(lambda: any(event.phase is Phase.CLEARED for event in events(cloud)))
        assert await gateway.stop() == 0
        await cloud.until(lambda: cloud.status is not None and cloud.status.state == "offline")

    committed = await gateway.outbox()
    assert committed["observations_committed"] == cloud.observations
    assert committed["events_committed"] == len(events(cloud)) == 2
    assert committed["parcels"] == 0
    first = min(cloud.parcels)
    assert [stream.id for stream in cloud.parcels[first].datastreams] == ["river-1.distance", "river-1.level"]
    points = [
        (observation.datastream, observation.observed_at_us)
        for parcel in cloud.parcels.values()
        for table in parcel.tables
        for reading in table.readings()
        for observation in reading.observations()
    ]
    assert len(points) == len(set(points))
    assert {value for parcel in cloud.parcels.values() for table in parcel.tables for value in table.columns[1]} <= {
        1.0,
        3.8,
    }
    alarm = next(event for event in events(cloud) if event.phase is Phase.RAISED)
    assert (alarm.condition, alarm.place_name, alarm.data["value"]) == ("river-1.level.alarm", "Gapcheon bridge", 3.8)


def is_settled(cloud: LittleCloud, epoch: bytes) -> bool:
    """Whether a later epoch is the current one, and nothing of this one is waited for any more."""
    *finished, current = cloud.status.epochs if cloud.status and cloud.status.epochs else (None,)
    return current is not None and current.epoch != epoch.hex() and all(one.lowest == one.next for one in finished)


async def test_a_killed_gateway_sends_what_it_had_committed_under_its_old_names(
    broker: Mosquitto, river: River, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url)
    river.is_high()
    async with LittleCloud(broker.port) as cloud:
        cloud.silent = True
        await gateway.start()
        await cloud.until(lambda: any(status.epochs and status.epochs[-1].next > 4 for status in cloud.statuses))
        await gateway.kill()
        before = await gateway.outbox()
        old_epoch = bytes.fromhex(next(status for status in cloud.statuses if status.epochs).epochs[-1].epoch)

        cloud.silent = False
        await gateway.start()
        await cloud.until(lambda: cloud.observations > 0 and is_settled(cloud, old_epoch))
        assert await gateway.stop() == 0
        await cloud.until(lambda: cloud.status is not None and cloud.status.state == "offline")

    old = [parcel for name, parcel in cloud.parcels.items() if name.epoch == old_epoch]
    assert sum(parcel.observation_count for parcel in old) == before["observations_committed"]
    assert_without_holes(set(cloud.parcels))
    assert (await gateway.outbox())["observations_committed"] == cloud.observations
    losses = [loss for parcel in cloud.parcels.values() for loss in parcel.losses]
    assert [loss.cause for loss in losses] == [LossCause.UNCLEAN_STOP]
    again = [event for event in events(cloud) if event.restated]
    assert [(event.condition, event.phase) for event in again] == [("river-1.level.alarm", Phase.RAISED)]
    assert len({event.id for event in events(cloud)}) == len(events(cloud))


async def test_gateway_and_cloud_outlive_a_killed_broker(
    broker: Mosquitto, river: River, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url)
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        await cloud.until(lambda: cloud.observations >= 10)
        broker.kill()
        await gateway.says("trying again")
        river.is_high()
        await broker.start()
        await cloud.until(lambda: any(event.type == "flood.level_high" for event in events(cloud)))
        assert await gateway.stop() == 0
        await cloud.until(lambda: cloud.status is not None and cloud.status.state == "offline")
    assert (await gateway.outbox())["observations_committed"] == cloud.observations
    assert_without_holes(set(cloud.parcels))


async def test_an_outage_says_each_of_its_faults_once(broker: Mosquitto, river: River, new_gateway: NewGateway) -> None:
    async with FaultProxy(broker.port) as link:
        link.be("cut")
        gateway = new_gateway(f"mqtt://127.0.0.1:{link.port}")
        await gateway.start()
        await gateway.says("trying again")
        seen = link.connections
        async with asyncio.timeout(30):
            while link.connections < seen + 6:  # noqa: ASYNC110 - the gateway is another process
                await asyncio.sleep(0.05)
        said = [line.partition("WARNING ")[2] for line in gateway.log.splitlines() if "trying again" in line]
        assert len(said) == len(set(said))
        link.be("pass")
        await gateway.says("connected to")


async def test_a_frozen_broker_is_noticed_and_nothing_is_lost(
    broker: Mosquitto, river: River, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url, uplink=("freeze_s = 1",))
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        await cloud.until(lambda: cloud.observations >= 10)
        broker.freeze()
        await gateway.says("frozen")
        river.is_high()
        broker.thaw()
        await cloud.until(lambda: any(event.type == "flood.level_high" for event in events(cloud)))
        assert await gateway.stop() == 0
        await cloud.until(lambda: cloud.status is not None and cloud.status.state == "offline")
    assert (await gateway.outbox())["observations_committed"] == cloud.observations
    assert_without_holes(set(cloud.parcels))


async def test_a_disk_that_refuses_stops_neither_values_nor_alarms(
    broker: Mosquitto, river: River, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url)
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        await cloud.until(lambda: cloud.observations >= 40)
        gateway.limit_files(64 * 1024)
        await gateway.says("is in memory")
        river.is_high()
        await cloud.until(
            lambda: (
                any(event.phase is Phase.RAISED for event in events(cloud))
                and cloud.status is not None
                and any("in memory" in line for line in cloud.status.problems)
            )
        )
        gateway.limit_files(None)
        await gateway.says("the disk takes the outbox again")
        river.is_low()
        await cloud.until(lambda: any(event.phase is Phase.CLEARED for event in events(cloud)))
        assert await gateway.stop() == 0
        await cloud.until(lambda: cloud.status is not None and cloud.status.state == "offline")
    assert cloud.status is not None
    assert cloud.status.problems == ()
    committed = await gateway.outbox()
    assert committed["observations_committed"] == cloud.observations
    assert committed["parcels"] == 0
    assert_without_holes(set(cloud.parcels))
    assert gateway.log.count("connected to") == 1


async def test_an_alarm_overtakes_everything_that_waits(
    broker: Mosquitto, river: River, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(broker.url)
    broker.kill()
    await gateway.start()
    await gateway.says("cannot be reached")
    river.is_high()
    while not (await gateway.outbox())["events_committed"]:
        pass
    await broker.start()
    async with LittleCloud(broker.port, client_id="cloud", persistent=True) as cloud:
        await cloud.until(lambda: cloud.observations > 0)
    order = [cloud.parcels[name] for _channel, name in cloud.arrivals]
    alarm = next(index for index, parcel in enumerate(order) if parcel.events)
    values = next(index for index, parcel in enumerate(order) if parcel.tables)
    assert alarm < values
    assert cloud.arrivals[alarm][0] == "up/urgent"
