"""The whole cloud behind a real mosquitto: what gateways send well and badly, and what it survives."""

import asyncio
import contextlib
import json
import random
import resource
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from haechi.cloud.serve import BULK_WINDOW
from haechi.contract import codec, envelope
from haechi.contract.events import Evidence, Phase
from haechi.contract.parcel import Parcel, ParcelName
from support.certificates import make_certificates
from support.cloud import CloudProcess
from support.influx import DATABASE, InfluxServer
from support.mosquitto import Mosquitto
from support.sender import EPOCH, Sender, alarm, flood, level, now_us, table

pytestmark = pytest.mark.servers


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture
async def cloud(tmp_path: Path, broker: Mosquitto) -> AsyncIterator[CloudProcess]:
    async with CloudProcess(tmp_path / "cloud", "--broker", broker.url) as cloud:
        yield cloud


async def stored(cloud: CloudProcess, gateway: str = "cabinet-1") -> int:
    gateways = await cloud.get("/api/v1/gateways")
    return sum(one["observations"] for one in gateways["items"] if one["id"] == gateway)


async def test_parcels_repeated_and_reordered_are_stored_once(cloud: CloudProcess, broker: Mosquitto) -> None:
    start_us = now_us() - 3_000_000_000
    numbers = list(range(1, 201)) * 2
    random.Random(1).shuffle(numbers)
    async with Sender(broker.port) as sender:
        for seq in numbers:
            sender.send(seq, level(start_us + seq * 10_000_000, *(float(seq + n) for n in range(5))))
        await sender.until_settled(*range(1, 201))
        assert sender.settled().ranges == ((1, 200),)
    assert await stored(cloud) == 1000
    series = await cloud.get("/api/v1/observations", gateway="cabinet-1", datastream="river-1.level", points=2000)
    assert len(series["items"]) == 1000


async def test_garbage_stops_nothing_and_is_kept(cloud: CloudProcess, broker: Mosquitto) -> None:
    async with Sender(broker.port) as sender:
        sender.send_raw(b"")
        sender.send_raw(b"garbage")
        sender.send_raw(b"HAEC" + bytes(100_000))
        sender.send_raw(envelope.wrap(ParcelName(EPOCH, 1), 9, b"from the future"))
        sender.send_raw(envelope.wrap(ParcelName(EPOCH, 2), 1, b"unreadable"))
        sender.send_raw(b"garbage", "urgent")
        sender.publish("haechi/v1/elsewhere/cabinet-1/up/live", b"for another city")
        sender.publish("haechi/v1/city/cabinet-1/up/status", b"{")
        sender.publish("haechi/v1/city/UPPER/up/live", b"x")
        sender.send(3, level(now_us(), 1.0))
        sender.send(4, alarm(flood("event-0001")), "urgent")
        await sender.until_settled(1, 2, 3, 4)
        assert sender.settled().ranges == ((1, 4),), "what has a name is settled, so that nobody sends it for ever"
        letters = await cloud.until("/api/v1/dead-letters", lambda answer: len(answer["items"]) == 8)
    assert {(one["kind"], one["times"]) for one in letters["items"]} >= {("control", 1), ("parcel", 1)}
    assert sum(one["times"] for one in letters["items"]) == 9
    assert next(one["bytes"] for one in letters["items"] if "cut" in one["reason"]) == 100_004


async def test_a_poisonous_parcel_is_isolated(cloud: CloudProcess, broker: Mosquitto) -> None:
    async with Sender(broker.port) as sender:
        sender.send(1, alarm(flood("event-0001")), "urgent")
        sender.send(2, alarm(flood("event-0002", time_us=2**63 + 5)), "urgent")
        sender.send(3, alarm(flood("event-0003", Phase.CLEARED)), "urgent")
        await sender.until_settled(1, 2, 3)
    letters = await cloud.get("/api/v1/dead-letters")
    assert [one["seq"] for one in letters["items"]] == [2]
    assert len((await cloud.get("/api/v1/events"))["items"]) == 2


async def test_a_poisonous_status_is_isolated(cloud: CloudProcess, broker: Mosquitto) -> None:
    sound = {"epoch": "00" * 16, "order": 1, "lowest": 1, "next": 2}
    async with Sender(broker.port) as sender:
        for at_us, epochs in ((2**70, [sound]), (1, [{**sound, "order": 2**80}]), (1, [sound] * 64)):
            said = {"state": "online", "at_us": at_us, "epochs": epochs}
            sender.publish("haechi/v1/city/cabinet-1/up/status", json.dumps(said).encode())
        sender.ask("still there?", 1, 1)
        await sender.answer_to("still there?")
    letters = (await cloud.get("/api/v1/dead-letters"))["items"]
    assert [(one["kind"], "does not decode" in one["reason"]) for one in letters] == [("control", True)] * 2


async def test_points_that_can_never_be_written_go_to_the_dead_letters(cloud: CloudProcess, broker: Mosquitto) -> None:
    tables = [
        table(["river-1.level"], [now_us()], [[1.0]]),
        table(["river-1.level"], [now_us() + 40 * 86_400_000_000], [[2.0]]),
    ]
    async with Sender(broker.port) as sender:
        sender.send(1, Parcel(epoch_order=1, epoch_number=1, tables=tables))
        await sender.until_settled(1)
    assert await stored(cloud) == 1
    letters = await cloud.get("/api/v1/dead-letters")
    assert [(one["kind"], "ahead" in one["reason"]) for one in letters["items"]] == [("point", True)]


async def test_evidence_is_kept_with_its_event(cloud: CloudProcess, broker: Mosquitto) -> None:
    picture = Evidence(
        id="picture-1", event="event-0001", source="cam-1", time_us=now_us(), width_px=4, height_px=4, content=b"jpeg"
    )
    async with Sender(broker.port) as sender:
        sender.send(1, alarm(flood("event-0001", evidence=("picture-1",))), "urgent")
        sender.send(2, Parcel(epoch_order=1, epoch_number=1, evidence=[picture]))
        await sender.until_settled(1, 2)
    objects = [path for path in (cloud.folder / "data" / "objects").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in objects] == [b"jpeg"]


async def test_killed_in_the_middle_each_observation_is_stored_once(cloud: CloudProcess, broker: Mosquitto) -> None:
    start_us = now_us() - 3_600_000_000
    parcels = {seq: level(start_us + seq * 3_000_000, 1.0, 2.0, 3.0) for seq in range(1, 301)}
    async with Sender(broker.port) as sender:
        for _ in range(3):
            for seq in set(parcels) - set(sender.settled()):
                sender.send(seq, parcels[seq])
            await asyncio.sleep(0.15)  # in the middle of the work, wherever that is
            cloud.kill()
            await cloud.start()
        sender.ask("after", 1, 301)
        answer = await sender.answer_to("after")
        known = answer.epochs[0].range_set()
        for seq in set(parcels) - set(known):
            sender.send(seq, parcels[seq])
        await sender.until_settled(*(set(parcels) - set(known)))
    assert await stored(cloud) == 900
    with contextlib.closing(sqlite3.connect(cloud.folder / "data" / "points.db")) as points:
        assert points.execute("SELECT count(*) FROM points").fetchone() == (900,)


async def test_a_retained_status_is_answered_when_the_cloud_comes_back(cloud: CloudProcess, broker: Mosquitto) -> None:
    async with Sender(broker.port) as sender:
        sender.send(1, level(now_us(), 1.0))
        await sender.until_settled(1)
        sender.ask("first", 1, 2)
        await sender.answer_to("first")
        sender.acknowledgements.clear()
        assert cloud.stop() == 0
        await cloud.start()
        answer = await sender.answer_to("first")
    assert answer.epochs[0].settled == ((1, 1),)


async def test_a_broker_that_dies_or_freezes_is_found_again(cloud: CloudProcess, broker: Mosquitto) -> None:
    broker.kill()
    await cloud.until("/api/v1/health", lambda answer: answer["state"] != "ok")
    await broker.start()
    await cloud.until("/api/v1/health", lambda answer: answer["state"] == "ok")
    broker.freeze()
    await cloud.until("/api/v1/health", lambda answer: answer["state"] != "ok", timeout_s=20)
    broker.thaw()
    await cloud.until("/api/v1/health", lambda answer: answer["state"] == "ok")
    async with Sender(broker.port) as sender:
        sender.send(1, level(now_us(), 1.0))
        await sender.until_settled(1)


async def test_with_the_time_series_store_frozen_an_alarm_gets_through(tmp_path: Path, broker: Mosquitto) -> None:
    with InfluxServer(tmp_path) as influx:
        options = ("--broker", broker.url, "--store", f"influxdb://127.0.0.1:{influx.port}/{DATABASE}")
        async with CloudProcess(tmp_path / "cloud", *options) as cloud, Sender(broker.port) as sender:
            sender.send(1, level(now_us(), 1.0))
            await sender.until_settled(1)
            influx.freeze()
            for seq in range(2, 40):
                sender.send(seq, level(now_us() + seq * 1_000_000, 1.0))
            sender.send(40, alarm(flood("event-0001")), "urgent")
            await sender.until_settled(40, timeout_s=5)
            assert [one["open"] for one in (await cloud.get("/api/v1/situations"))["items"]] == [True]
            sender.ask("while frozen", 1, 41)
            assert (await sender.answer_to("while frozen")).epochs[0].settled == ((1, 1), (40, 40))
            influx.kill()
            influx.start()
            await sender.until_settled(*range(2, 40), timeout_s=40)
            assert '"count"' in influx.ask("SELECT count(q) FROM observation")
            assert await stored(cloud) == 39


async def test_with_the_time_series_store_down_memory_stays_and_alarms_come(tmp_path: Path, broker: Mosquitto) -> None:
    with InfluxServer(tmp_path) as influx:
        options = ("--broker", broker.url, "--store", f"influxdb://127.0.0.1:{influx.port}/{DATABASE}")
        async with CloudProcess(tmp_path / "cloud", *options) as cloud, Sender(broker.port) as sender:
            sender.send(1, level(now_us(), 1.0))
            await sender.until_settled(1)
            influx.kill()
            start_us = now_us() - 3_600_000_000
            bulky = codec.encode(ParcelName(EPOCH, 2), level(start_us, *(index / 7 for index in range(6_000))))
            held: list[int] = []
            while len(held) <= AT_REST or held[-1] - held[-1 - AT_REST] > 20_000_000:
                assert len(held) < 40, "whatever more comes stays with the broker, and memory comes to rest"
                for _ in range(500):  # the same again, 48 kB each, as a gateway does that hears nothing
                    sender.send_raw(bulky)
                seq = 3 + len(held)
                sender.send(seq, alarm(flood(f"event-{seq:04d}")), "urgent")
                await sender.until_settled(seq, timeout_s=10)
                held.append(rss_bytes(cloud.pid))
                assert await waiting(cloud) <= BULK_WINDOW
            assert len((await cloud.get("/api/v1/events"))["items"]) == len(held)


AT_REST = 5
"""Rounds in which 120 MB were offered."""


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def waiting(cloud: CloudProcess) -> float:
    """How many messages wait for the stores."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"{cloud.http}/metrics")).text
    return next(
        float(line.split()[1]) for line in page.splitlines() if line.startswith('haechi_intake_waiting{lane="bulk"}')
    )


async def test_password_tls_and_refusals(tmp_path: Path) -> None:
    files = make_certificates(tmp_path / "certificates")
    async with Mosquitto(
        tmp_path / "mosquitto",
        passwords={"cloud": "right", "cabinet-1": "gate"},
        certificate=files.server_cert,
        key=files.server_key,
    ) as broker:
        secret = tmp_path / "password"
        secret.write_text("right\n")
        options = f"password_file={secret}&ca_file={files.ca}"
        url = f"mqtts://cloud@localhost:{broker.port}?{options}"
        async with CloudProcess(tmp_path / "cloud", "--broker", url) as cloud:
            async with Sender(broker.port, username="cabinet-1", password="gate", tls_ca=str(files.ca)) as sender:
                sender.send(1, level(now_us(), 1.0))
                await sender.until_settled(1)
            secret.write_text("wrong\n")
            broker.kill()
            await broker.start()
            health = await cloud.until(
                "/api/v1/health", lambda answer: any("refuses" in part["detail"] for part in answer["parts"])
            )
            assert "wrong" not in str(health)
            secret.write_text("right\n")
            await cloud.until("/api/v1/health", lambda answer: answer["state"] == "ok")
            assert "wrong" not in cloud.log
            assert "Traceback" not in cloud.log


async def test_observations_on_the_urgent_channel_hold_up_no_alarm(tmp_path: Path, broker: Mosquitto) -> None:
    with InfluxServer(tmp_path) as influx:
        options = ("--broker", broker.url, "--store", f"influxdb://127.0.0.1:{influx.port}/{DATABASE}")
        async with CloudProcess(tmp_path / "cloud", *options) as cloud, Sender(broker.port) as sender:
            influx.kill()
            for seq in range(1, 201):
                sender.send(seq, level(now_us() + seq * 1_000_000, 1.0), "urgent")
            sender.send(201, alarm(flood("event-0001")), "urgent")
            await sender.until_settled(201, timeout_s=5)
            assert cloud.stop() == 0, "it stops in order even with a store that is down"
            assert "Traceback" not in cloud.log


async def test_acknowledgements_that_the_broker_refuses_are_seen_in_health(tmp_path: Path) -> None:
    async with Mosquitto(
        tmp_path / "guarded",
        passwords={"cloud": "right", "cabinet-1": "gate"},
        access=["user cloud", "topic read haechi/v1/+/+/up/#", "user cabinet-1", "topic readwrite haechi/v1/#"],
    ) as broker:
        secret = tmp_path / "password"
        secret.write_text("right\n")
        url = f"mqtt://cloud@127.0.0.1:{broker.port}?password_file={secret}"
        async with CloudProcess(tmp_path / "cloud", "--broker", url) as cloud:
            async with Sender(broker.port, username="cabinet-1", password="gate") as sender:
                sender.send(1, level(now_us(), 1.0))
                health = await cloud.until("/api/v1/health", lambda answer: answer["state"] != "ok")
            (part,) = (part for part in health["parts"] if part["name"] == "broker")
            assert (part["state"], "down/#" in part["detail"]) == ("degraded", True)
