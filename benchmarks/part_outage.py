"""The cloud while its time-series store is down: what it holds in memory, and how soon an alarm is on the screen.

Ten gateways go on sending. What the broker's window holds back stays with the broker and, as nobody acknowledges it, in
the outboxes; the gateways here keep none, so what counts is memory and alarms.
"""

import asyncio
import time
from collections.abc import Sequence

import httpx

from benchmarks.bench import Bench
from benchmarks.figures import Figure, percentile
from benchmarks.processes import rss_mb
from benchmarks.simulated import TENANT, parcels
from support.cloud import CloudProcess
from support.influx import DATABASE, InfluxServer
from support.mosquitto import Mosquitto
from support.sender import Sender, alarm, flood, now_us

_GATEWAYS, _DATASTREAMS = 10, 1_000
_ALARM_S_MAX, _ALARMS_MAX = 1.0, 200
_SETTLES_IN_S, _LOOKS_APART_S = 15.0, 0.01


async def measure(bench: Bench) -> Sequence[Figure]:
    """Take the store away, raise alarms, look at the memory."""
    down_s = bench.hours * 3600 or bench.choose(20, 120)
    every_s = max(2.0, down_s / _ALARMS_MAX)
    with InfluxServer(bench.folder) as influx:
        store = ("--store", f"influxdb://127.0.0.1:{influx.port}/{DATABASE}")
        async with (
            Mosquitto(bench.folder) as broker,
            CloudProcess(bench.folder / "cloud", "--broker", broker.url, *store) as cloud,
            Sender(broker.port, tenant=TENANT) as sender,
            httpx.AsyncClient(base_url=cloud.http) as screen,
        ):
            sender.send(1, alarm(flood("flood-00000001")), "urgent")
            await sender.until_settled(1)
            influx.kill()
            feeding = asyncio.create_task(_feed(sender, down_s))
            bench.say(f"store down for {down_s:,.0f} s, {_GATEWAYS * _DATASTREAMS:,} values/s")
            await asyncio.sleep(min(_SETTLES_IN_S, down_s / 4))
            first_mb = told_mb = most_mb = rss_mb(cloud.pid)
            latencies_s: list[float] = []
            while not feeding.done():
                latencies_s.append(await _alarm(sender, screen, 2 + len(latencies_s)))
                most_mb = max(most_mb, rss_mb(cloud.pid))
                if most_mb > told_mb + 5:
                    told_mb = most_mb
                    bench.say(f"{most_mb:.0f} MB after {len(latencies_s)} alarms")
                await asyncio.sleep(every_s)
            await feeding
            influx.start()
            begun_s = time.monotonic()
            await _until_stored(screen)
    return [
        Figure("outage.seconds", down_s, "s"),
        Figure("outage.cloud_rss_at_first", first_mb, "MB"),
        Figure("outage.cloud_rss_most", most_mb, "MB"),
        Figure("outage.alarms", len(latencies_s), "alarms"),
        Figure("outage.alarm_to_screen_p50", percentile(latencies_s, 0.5), "s"),
        Figure("outage.alarm_to_screen_worst", max(latencies_s), "s", _ALARM_S_MAX),
        Figure("outage.stores_again_after", time.monotonic() - begun_s, "s"),
    ]


async def _feed(sender: Sender, down_s: float) -> None:
    """Publish what ten gateways would, a parcel a second each."""
    begun_s = time.monotonic()
    streams = [
        parcels(f"gateway-{number}", round(down_s), _DATASTREAMS, 1, now_us() - 3_600_000_000)
        for number in range(_GATEWAYS)
    ]
    for second, messages in enumerate(zip(*streams, strict=True)):
        for message, _tables in messages:
            sender.publish(f"haechi/v1/{TENANT}/{message.gateway}/{message.channel}", message.payload)
        await asyncio.sleep(max(0.0, begun_s + second + 1 - time.monotonic()))


async def _alarm(sender: Sender, screen: httpx.AsyncClient, seq: int) -> float:
    """Raise an alarm at a place of its own; return the seconds until the list of situations shows it."""
    place = f"bridge-{seq}"
    begun_s = time.monotonic()
    sender.send(
        seq, alarm(flood(f"flood-{seq:08d}", subject=place, condition=f"{place}.high", place_name=place)), "urgent"
    )
    while True:
        newest = (await screen.get("/api/v1/situations", params={"limit": 5})).json()["items"]
        if any(one["place"] == place for one in newest):
            return time.monotonic() - begun_s
        if time.monotonic() - begun_s > 10 * _ALARM_S_MAX:
            raise TimeoutError(f"the alarm of {place} is not on the screen")
        await asyncio.sleep(_LOOKS_APART_S)


async def _until_stored(screen: httpx.AsyncClient) -> None:
    """Wait until a gateway's values are counted as stored."""
    async with asyncio.timeout(60):
        while True:
            gateways = (await screen.get("/api/v1/gateways")).json()["items"]
            if any(one["observations"] for one in gateways):
                return
            await asyncio.sleep(_LOOKS_APART_S)
