"""What programs and the console read from the monitor."""

import base64
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from unit.cloud.monitor.conftest import OTHER

from haechi.cloud.event_monitor import situations
from haechi.cloud.event_monitor.app import create_app
from haechi.cloud.services import PartHealth
from haechi.cloud.state.postgresql import engine_of
from haechi.contract.control import ComponentStatus
from haechi.contract.events import Phase, Severity
from support.city import GATEWAY, LEVEL, PICTURE, START_US, TENANT, City

MINUTE_US = 60_000_000


async def get(client: httpx.AsyncClient, path: str, **parameters: str) -> dict[str, object]:
    response = await client.get(f"/api/v1/{path}", params=parameters)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


async def ids(client: httpx.AsyncClient, path: str, **parameters: str) -> list[str]:
    items = (await get(client, path, **parameters))["items"]
    assert isinstance(items, list)
    return [item["id"] for item in items]


async def walked(client: httpx.AsyncClient, path: str, cursor: str, **parameters: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the items of a long list, page by page."""
    following: dict[str, str] = {}
    while True:
        page = await get(client, path, **parameters, **following)
        assert isinstance(page["items"], list)
        for item in page["items"]:
            yield item
        if page["next"] is None:
            return
        following = {cursor: str(page["next"])}


def rfc3339(time_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).isoformat()


async def test_gateway_says_how_it_is_doing(city: City, client: httpx.AsyncClient) -> None:
    broken = ComponentStatus(id="camera-1", kind="camera", state="retrying", detail="does not answer")
    city.gateway(
        components=[broken], problems=["disk is full"], outbox_parcels=3, outbox_bytes=900, oldest_us=START_US - 1
    )
    shown = await get(client, f"gateways/{GATEWAY}")
    assert shown["online"] is True
    assert shown["outbox"] == {"parcels": 3, "bytes": 900, "bytes_max": 0, "oldest_at": "2026-05-28T20:26:39.999999Z"}
    assert shown["components"] == [
        {"id": "camera-1", "kind": "camera", "state": "retrying", "detail": "does not answer", "counters": {}}
    ]
    assert shown["problems"] == ["disk is full"]
    assert shown["last_seen_at"] == "2026-05-28T20:26:40Z"


async def test_gateways_are_walked_by_name(city: City, client: httpx.AsyncClient) -> None:
    for name in ("c", "a", "b"):
        city.gateway(name, online=name != "b")
    first = await get(client, "gateways", limit="2")
    assert first["next"] == "b"
    assert await ids(client, "gateways", limit="2", after="b") == ["c"]


async def test_newest_value_comes_with_its_datastream(city: City, client: httpx.AsyncClient) -> None:
    city.datastream(LEVEL, "m")
    city.datastream("rain-gauge.rain_intensity", "mm/h")
    city.observe(LEVEL, 2.25)
    items = (await get(client, "datastreams"))["items"]
    assert isinstance(items, list)
    shown = {item["id"]: (item["unit"], item["latest"]) for item in items}
    assert shown == {
        LEVEL: ("m", {"time": "2026-05-28T20:26:40Z", "value": 2.25, "quality": "good"}),
        "rain-gauge.rain_intensity": ("mm/h", None),
    }
    assert await ids(client, "datastreams", after=f"{GATEWAY}/rain-gauge.rain_intensity") == [LEVEL]


@pytest.mark.parametrize("path", ["things", "datastreams"])
async def test_what_hangs_on_gateways_is_walked_without_gap_or_repeat(
    city: City, client: httpx.AsyncClient, path: str
) -> None:
    names = [(gateway, f"thing-{number}") for gateway in ("gw-1", "gw-2") for number in range(3)]
    for gateway, thing in reversed(names):
        city.thing(thing, "camera", "bridge", (36.3, 127.3), gateway)
        city.datastream(f"{thing}.level", "m", gateway)
    seen = [(item["gateway"], item["id"].partition(".")[0]) async for item in walked(client, path, "after", limit="2")]
    assert seen == names


async def test_what_has_an_impossible_time_is_walked_as_well(city: City, client: httpx.AsyncClient) -> None:
    """A gateway may say any time that fits into 64 bits; the cursor names it."""
    times_us = [2**63 - 1, START_US, -1, -(2**63) + 1]
    for number, time_us in enumerate(times_us):
        city.event(f"event-{number:04}", time_us=time_us)
    seen = [item["id"] async for item in walked(client, "events", "cursor", limit="1")]
    assert seen == [f"event-{number:04}" for number in range(4)]
    too_far = base64.urlsafe_b64encode(f"{2**63}/x".encode()).decode().rstrip("=")
    assert (await client.get("/api/v1/events", params={"cursor": too_far})).status_code == 422


async def test_observations_of_a_stretch_of_time(city: City, client: httpx.AsyncClient) -> None:
    city.datastream(LEVEL, "m")
    for second in range(100):
        city.observe(LEVEL, float(second), at_us=START_US + second * 1_000_000)
    stretch = {"from": rfc3339(START_US + 10_000_000), "to": rfc3339(START_US + 20_000_000)}
    answer = await get(client, "observations", gateway=GATEWAY, datastream=LEVEL, **stretch)
    assert answer["unit"] == "m"
    assert answer["from"] == "2026-05-28T20:26:50Z"
    assert isinstance(answer["items"], list)
    assert [item["value"] for item in answer["items"]] == [float(second) for second in range(10, 20)]
    thin = await get(client, "observations", gateway=GATEWAY, datastream=LEVEL, points="10")
    assert isinstance(thin["items"], list)
    assert 0 < len(thin["items"]) <= 10


async def test_events_are_walked_newest_first_without_gap_or_repeat(city: City, client: httpx.AsyncClient) -> None:
    for number in range(25):
        city.now_us = START_US + number // 2 * 1_000_000  # pairs share a time
        city.event(f"event-{number:04}")
    seen: list[str] = []
    async for item in walked(client, "events", "cursor", limit="4"):
        seen.append(item["id"])
        city.now_us += 1_000_000
        city.event(f"later-{len(seen):04}")  # what comes meanwhile must not push anything out of sight
    assert sorted(seen) == [f"event-{number:04}" for number in range(25)]


async def test_events_are_found_by_what_they_are(city: City, client: httpx.AsyncClient) -> None:
    city.event("flood-0001", situation="s-1", severity=Severity.EXTREME)
    city.now_us += MINUTE_US
    city.event("crowd-0001", type="security.crowding", severity=Severity.MINOR, phase=Phase.OCCURRED, condition="")
    city.event("flood-0002", severity=Severity.MODERATE, late=True, subject="place-2")
    assert set(await ids(client, "events", type="flood")) == {"flood-0001", "flood-0002"}
    assert await ids(client, "events", type="flood.level_hig") == []
    assert await ids(client, "events", severity_min="severe") == ["flood-0001"]
    assert await ids(client, "events", late="true") == ["flood-0002"]
    assert await ids(client, "events", place="place-2") == ["flood-0002"]
    assert await ids(client, "events", situation="s-1") == ["flood-0001"]
    assert await ids(client, "events", to=rfc3339(START_US + 1)) == ["flood-0001"]


async def test_an_event_of_a_newer_version_is_still_shown(city: City, client: httpx.AsyncClient) -> None:
    city.event("event-0001", data={"value": 3.0})
    with city.state.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET body = ?", (b'{"something": "new"}',))
    shown = await get(client, "events/event-0001")
    assert (shown["type"], shown["severity"], shown["data"]) == ("flood.level_high", "severe", {})


async def test_situation_with_its_events_and_pictures(city: City, client: httpx.AsyncClient) -> None:
    city.situation("s-1")
    city.event("event-0001", "s-1", data={"value": 3.1, "threshold": 3.0, "unit": "m"}, evidence=("picture-01",))
    city.evidence("picture-01", "event-0001")
    city.event("event-0002", "another")
    detail = await get(client, "situations/s-1")
    assert isinstance(detail["events"], list)
    assert isinstance(detail["evidence"], list)
    assert [event["data"] for event in detail["events"]] == [{"value": 3.1, "threshold": 3.0, "unit": "m"}]
    (picture,) = detail["evidence"]
    assert picture["situation"] == "s-1"
    shown = await client.get(picture["url"])
    assert (shown.headers["content-type"], shown.content) == ("image/png", PICTURE)


async def test_situations_are_found_by_state_and_weight(city: City, client: httpx.AsyncClient) -> None:
    city.situation("s-1", Severity.MINOR, acknowledged=True)
    city.situation("s-2", Severity.EXTREME, opened_us=START_US + 1)
    city.situation("s-3", Severity.SEVERE, opened_us=START_US + 2)
    city.clear("s-3")
    assert await ids(client, "situations") == ["s-2", "s-1"]
    assert await ids(client, "situations", state="closed") == ["s-3"]
    assert await ids(client, "situations", state="all", severity_min="severe") == ["s-3", "s-2"]
    assert await ids(client, "situations", acknowledged="true") == ["s-1"]
    page = await get(client, "situations", state="all", limit="1")
    assert await ids(client, "situations", state="all", cursor=str(page["next"])) == ["s-2", "s-1"]


async def test_acknowledging_is_said_once_and_told_to_everybody(city: City, client: httpx.AsyncClient) -> None:
    city.situation("s-1")
    with city.state.connect() as connection:
        before = connection.exec_driver_sql("SELECT max(id) FROM changes").scalar()
    city.now_us += MINUTE_US
    first = await client.post("/api/v1/situations/s-1/acknowledge")
    again = await client.post("/api/v1/situations/s-1/acknowledge")
    assert first.json() == again.json()
    assert (first.json()["acknowledged"], first.json()["open"]) == (True, True)
    with city.state.connect() as connection:
        told = connection.exec_driver_sql("SELECT kind, key FROM changes WHERE id > ?", (before,)).all()
    assert [tuple(row) for row in told] == [("situation", "s-1"), ("audit", "1")]


async def test_what_could_not_be_stored_is_in_sight(city: City, client: httpx.AsyncClient) -> None:
    city.loss()
    city.dead_letter(b"first")
    city.dead_letter(b"second")
    losses = (await get(client, "losses"))["items"]
    assert isinstance(losses, list)
    assert losses[0]["ranges"] == [{"epoch": "ab" * 16, "first": 3, "last": 9}]
    letters = await get(client, "dead-letters", limit="1")
    assert isinstance(letters["items"], list)
    assert letters["items"][0]["reason"] == "no envelope"
    content = await client.get(f"/api/v1/dead-letters/{letters['items'][0]['id']}/content")
    assert content.content == b"second"
    assert content.headers["content-disposition"].startswith("attachment")
    assert len((await get(client, "dead-letters", before=str(letters["next"])))["items"]) == 1  # type: ignore[arg-type]


async def test_health_is_that_of_the_worst_part(city: City, client: httpx.AsyncClient) -> None:
    assert (await get(client, "health"))["state"] == "ok"
    city.parts.append(PartHealth("points", "down", "the store does not answer; alarms go on"))
    shown = await get(client, "health")
    assert shown["state"] == "down"
    assert isinstance(shown["parts"], list)
    assert shown["parts"][-1] == {
        "name": "points",
        "state": "down",
        "detail": "the store does not answer; alarms go on",
    }


async def test_a_store_that_is_down_is_said_without_its_secrets(city: City, client: httpx.AsyncClient) -> None:
    city.points.down = True
    response = await client.get("/api/v1/observations", params={"gateway": GATEWAY, "datastream": LEVEL})
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert "try again" in response.json()["detail"]


async def test_a_city_of_another_tenant_is_not_shown(city: City, client: httpx.AsyncClient) -> None:
    city.situation("s-1")
    city.event("event-0001", "s-1")
    with city.state.begin() as connection:
        for table in ("situations", "events"):
            connection.exec_driver_sql(f"UPDATE {table} SET tenant = 'elsewhere'")  # noqa: S608
    assert await ids(client, "situations", state="all") == []
    assert (await client.get("/api/v1/situations/s-1")).status_code == 404
    assert (await client.post("/api/v1/situations/s-1/acknowledge")).status_code == 404
    assert (await client.get("/api/v1/events/event-0001")).status_code == 404


async def test_every_city_that_is_served_is_shown_where_it_is_asked_for(city: City, client: httpx.AsyncClient) -> None:
    city.tenant = OTHER
    city.gateway()
    city.thing("river-gauge", "river_gauge", "bridge", (36.3, 127.3))
    city.place("bridge", "Bridge", 36.3, 127.3)
    city.datastream(LEVEL, "m")
    city.observe(LEVEL, 2.0)
    city.situation("s-1")
    city.event("event-0001", "s-1", evidence=("picture-01",))
    city.evidence("picture-01", "event-0001")
    city.loss()
    city.dead_letter()
    for path in ("gateways", "things", "places", "datastreams", "situations", "events", "losses", "dead-letters"):
        assert len(await ids(client, path, tenant=OTHER)) == 1, path
        assert await ids(client, path) == [], path
        assert await ids(client, path, tenant=TENANT) == [], path
    stretch = {"gateway": GATEWAY, "datastream": LEVEL, "from": rfc3339(START_US), "to": rfc3339(START_US + 1)}
    assert len((await get(client, "observations", tenant=OTHER, **stretch))["items"]) == 1  # type: ignore[arg-type]
    pictures = (await get(client, "situations/s-1", tenant=OTHER))["evidence"]
    assert isinstance(pictures, list)
    assert (await client.get(pictures[0]["url"])).content == PICTURE
    said = await client.post("/api/v1/situations/s-1/acknowledge", params={"tenant": OTHER})
    assert said.json()["acknowledged"] is True
    health = await get(client, "health", tenant=OTHER)
    assert (health["tenant"], health["tenants"]) == (OTHER, [TENANT, OTHER])


@pytest.mark.parametrize("path", ["situations", "changes", "health"])
async def test_a_city_that_is_not_served_is_said(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"/api/v1/{path}", params={"tenant": "busan"})
    assert (response.status_code, response.json()["detail"]) == (404, "there is no tenant 'busan' here")


async def test_openapi_describes_every_answer(app: FastAPI, client: httpx.AsyncClient) -> None:
    described = (await client.get("/api/v1/openapi.json")).json()
    assert len(described["paths"]) >= 18
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} is not described"
            answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert answers, f"{method} {path} has no answer"
            assert all("content" in answer for answer in answers), f"{method} {path} has no typed answer"


async def test_page_says_how_to_build_it_when_it_is_missing(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 503
    assert "npm ci" in response.text


@pytest.mark.parametrize(("name", "kind"), [("base.geojson", "geojson"), ("base.tif", "plain")])
async def test_base_map_is_served_where_there_is_one(city: City, name: str, kind: str) -> None:
    path = city.folder / name
    path.write_text('{"type": "FeatureCollection", "features": []}')
    transport = httpx.ASGITransport(create_app(city.services(basemap=path), console=city.folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await get(client, "basemap"))["kind"] == kind
        file = await client.get("/api/v1/basemap/file")
    assert file.status_code == (200 if kind == "geojson" else 404)


async def test_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")


async def test_a_state_database_that_is_gone_is_said_in_one_line(city: City) -> None:
    """PostgreSQL's driver tells a refused connection by another error than SQLite."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        state = engine_of(f"postgresql://haechi@127.0.0.1:{nobody.getsockname()[1]}/haechi")
        app = create_app(replace(city.services(), state=state), console=city.folder)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            responses = [await client.get("/api/v1/situations"), await client.get("/api/v1/changes")]
    for response in responses:
        assert response.status_code == 503
        assert response.json()["detail"] == "the state database does not answer now; try again shortly"


@pytest.mark.parametrize(("invalidated", "status"), [(True, 503), (False, 500)])
async def test_a_connection_that_breaks_is_no_fault_of_the_question(
    city: City, monkeypatch: pytest.MonkeyPatch, invalidated: bool, status: int
) -> None:
    def broken(*_: object, **_given: object) -> None:
        raise DBAPIError("SELECT", {}, Exception("server closed the connection"), connection_invalidated=invalidated)

    monkeypatch.setattr(situations, "newest_first", broken)
    monkeypatch.setattr(situations, "wanted", broken)
    app = create_app(city.services(), console=city.folder)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/api/v1/situations")).status_code == status


async def test_a_state_database_that_fails_is_said_in_one_line(city: City, client: httpx.AsyncClient) -> None:
    with city.state.begin() as connection:
        connection.exec_driver_sql("DROP TABLE situations")
    response = await client.get("/api/v1/situations")
    assert response.status_code == 503
    assert response.json()["detail"] == "the state database does not answer now; try again shortly"
