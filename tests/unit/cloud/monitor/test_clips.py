"""Clips: whole only when every piece is here, and in the parts that a player asks for."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.cloud.monitor.conftest import OTHER

from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Report
from haechi.cloud.event_monitor.clips import Unsatisfiable, asked_for
from haechi.cloud.state.engine import writing
from haechi.cloud.state.retention import EVENTS_US_MAX
from haechi.contract.control import GatewayStatus, MissedClip
from haechi.contract.seals import is_sealed
from haechi.contract.topics import UP_STATUS, Address
from support.city import GATEWAY, TENANT, City
from support.state import keep_house

CLIP = bytes(range(256)) * 3
PIECES = (CLIP[:300], CLIP[300:600], CLIP[600:])
URL = "/api/v1/evidence/clip-0001/clip"


def bring(city: City, *numbers: int) -> None:
    for number in numbers:
        city.clip_piece("clip-0001", "event-0001", PIECES[number - 1], number, len(PIECES))


async def test_pieces_come_in_any_order_and_twice(city: City, client: httpx.AsyncClient) -> None:
    city.event("event-0001", "s-1")
    bring(city, 3, 1)
    (shown,) = (await client.get("/api/v1/events/event-0001/evidence")).json()["items"]
    assert (shown["media_type"], shown["pieces"], shown["pieces_here"], shown["url"]) == (
        "video/mp4",
        3,
        2,
        f"{URL}?tenant={TENANT}",
    )
    early = await client.get(URL)
    assert (early.status_code, early.json()["detail"]) == (
        404,
        "clip clip-0001: 2 of its 3 pieces have come; try again later",
    )
    bring(city, 1, 2)
    whole = await client.get(URL)
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", CLIP)
    assert whole.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "status", "content", "said"),
    [
        ("bytes=0-", 206, CLIP, "bytes 0-767/768"),
        ("bytes=299-300", 206, CLIP[299:301], "bytes 299-300/768"),
        ("bytes=250-650", 206, CLIP[250:651], "bytes 250-650/768"),
        ("bytes=-10", 206, CLIP[-10:], "bytes 758-767/768"),
        ("bytes=700-9999", 206, CLIP[700:], "bytes 700-767/768"),
        ("bytes=768-", 416, b"", "bytes */768"),
        ("bytes=-0", 416, b"", "bytes */768"),
        ("bytes=5-3", 200, CLIP, None),
        ("bytes=0-1,4-5", 200, CLIP, None),
        ("pages=1-2", 200, CLIP, None),
    ],
)
async def test_a_player_gets_the_part_that_it_asks_for(
    city: City, client: httpx.AsyncClient, wanted: str, status: int, content: bytes, said: str | None
) -> None:
    bring(city, 1, 2, 3)
    answer = await client.get(URL, headers={"Range": wanted})
    assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, content, said)


async def test_a_part_of_another_version_is_the_whole(city: City, client: httpx.AsyncClient) -> None:
    bring(city, 1, 2, 3)
    same = await client.get(URL, headers={"Range": "bytes=0-1", "If-Range": '"clip-0001"'})
    other = await client.get(URL, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_a_piece_that_contradicts_the_others_changes_nothing(city: City, client: httpx.AsyncClient) -> None:
    bring(city, 1, 2)
    city.clip_piece("clip-0001", "event-0001", b"of a clip of two", 2, 2)
    city.clip_piece("clip-0001", "event-0001", b"beyond the last", 9, 3)
    assert (await client.get(URL)).status_code == 404
    bring(city, 3)
    assert (await client.get(URL)).content == CLIP


async def test_a_picture_is_no_clip(city: City, client: httpx.AsyncClient) -> None:
    city.evidence("picture-01", "event-0001")
    assert (await client.get("/api/v1/evidence/picture-01/clip")).status_code == 404


@pytest.mark.parametrize("tenant", [TENANT, OTHER])
async def test_a_clip_is_asked_of_the_camera_that_told_of_the_event(
    city: City, client: httpx.AsyncClient, tenant: str
) -> None:
    city.tenant = tenant
    city.gateway()
    city.thing("camera-1", "camera", "place-1", (36.3, 127.3))
    city.event("event-0001", "s-1", source="camera-1")
    city.event("event-0002", "s-1")
    asked = await client.post("/api/v1/events/event-0001/clip", params={"tenant": tenant})
    assert (asked.status_code, asked.json()["device"]) == (202, "camera-1")
    ((to, gateway, command),) = city.commands
    assert (to, gateway, command.name, command.thing, command.event) == (
        tenant,
        GATEWAY,
        "clip",
        "camera-1",
        "event-0001",
    )
    assert command.expires_us > city.now_us
    assert (await client.post("/api/v1/events/event-0002/clip", params={"tenant": tenant})).status_code == 409
    assert (await client.post("/api/v1/events/event-9999/clip")).status_code == 404


async def test_what_asked_for_a_clip_is_followed_until_all_of_it_is_here(city: City, client: httpx.AsyncClient) -> None:
    city.gateway()
    city.command_keys[TENANT, GATEWAY] = b"k" * 32
    city.thing("camera-1", "camera", "place-1", (36.3, 127.3))
    city.event("event-0001", "s-1", source="camera-1")
    asked = (await client.post("/api/v1/events/event-0001/clip")).json()
    ((_tenant, _gateway, sent),) = city.commands
    assert is_sealed(sent, b"k" * 32, TENANT, GATEWAY)

    async def state() -> str:
        (deed,) = (await client.get("/api/v1/audit", params={"key": "event-0001"})).json()["items"]
        assert (deed["action"], deed["command"]) == ("clip", asked["id"])
        return str(deed["outcome"])

    bring(city, 1, 2)
    assert await state() == "sent"
    bring(city, 3)
    assert await state() == "done"
    city.gateway(online=False)
    offline = await client.post("/api/v1/events/event-0001/clip")
    assert (offline.status_code, "is offline" in offline.json()["detail"]) == (409, True)


async def test_a_clip_that_is_not_to_come_says_why(city: City, client: httpx.AsyncClient) -> None:
    city.gateway()
    city.thing("camera-1", "camera", "place-1", (36.3, 127.3))
    city.event("event-0001", "s-1", source="camera-1")
    city.now_us += 60_000_000
    before = MissedClip(event="event-0001", at_us=city.now_us - 30_000_000, reason="the clip of the rule")
    say(city, before)
    asked = (await client.post("/api/v1/events/event-0001/clip")).json()

    async def stands() -> tuple[str, str]:
        shown = (await client.get(f"/api/v1/gateways/{GATEWAY}/commands/{asked['id']}")).json()
        return shown["state"], shown["detail"]

    say(city, before)
    assert await stands() == ("sent", ""), "what was missed before is not its end"
    reason = "it was 95 s ago; the camera remembers 30 s (clips.ring_s)"
    say(city, before, MissedClip(event="event-0001", at_us=city.now_us, reason=reason))
    assert await stands() == ("refused", reason)
    assert (await client.get("/api/v1/events/event-0001")).json()["clip_missed"] == reason
    bring(city, 1, 2, 3)
    assert await stands() == ("done", ""), "it has come all the same"


def say(city: City, *missed: MissedClip) -> None:
    """Let the gateway say which clips are not to come."""
    status = GatewayStatus(state="online", at_us=city.now_us, missed_clips=missed)
    report = Report(Address(TENANT, GATEWAY, UP_STATUS), status, Arrival("", b"", city.now_us))
    with writing(city.state) as connection:
        apply(connection, [], [], [], city.now_us, [report])


def test_its_pieces_go_with_it(city: City) -> None:
    bring(city, 1, 2, 3)
    unused = keep_house(city.state, city.now_us + EVENTS_US_MAX + 1)
    assert len(unused) == 3
    with city.state.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM evidence_pieces").scalar() == 0


@given(st.text(max_size=20), st.integers(1, 10**6))
def test_no_header_asks_for_what_is_not_there(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            part = asked_for(text, size)
        except Unsatisfiable:
            continue
        assert part is None or 0 <= part[0] < part[1] <= size
