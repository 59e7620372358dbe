"""An operator's screen in a real browser: a flood appears, worsens, is seen and clears; the screen never lies."""

import asyncio
from typing import Any

import cv2
import numpy as np
import pytest
from e2e.conftest import PATIENCE_MS, Server, axe
from playwright.async_api import Page, Route, ViewportSize, expect

from haechi.cloud.event_monitor import feed as feed_module
from haechi.cloud.state import schema
from haechi.cloud.state.engine import writing
from haechi.cloud.store import Row
from haechi.contract.control import ComponentStatus
from haechi.contract.events import Phase, Severity
from support.browser import browser, watched_page
from support.city import GATEWAY, LEVEL, TENANT, City

pytestmark = pytest.mark.browser

RED, ORANGE = (0xFF, 0x5F, 0x57), (0xFF, 0x9F, 0x3D)
JPEG = cv2.imencode(".jpg", np.full((360, 640, 3), 90, np.uint8))[1].tobytes()


def describe(city: City) -> None:
    """A bridge with a gauge and a camera, and an underpass."""
    city.place("bridge", "Gapcheon Bridge", 36.3652, 127.3861)
    city.place("underpass", "Wolpyeong Underpass", 36.3589, 127.3668)
    city.thing("river-gauge", "river_gauge", "bridge", (36.3652, 127.3861))
    city.thing("camera-1", "camera", "bridge", (36.3652, 127.3861))
    city.datastream(LEVEL, "m")
    city.gateway(
        components=[
            ComponentStatus(id="river-gauge", kind="modbus", state="running"),
            ComponentStatus(id="camera-1", kind="camera", state="retrying", detail="camera-1 does not answer"),
        ]
    )


def flood(city: City, severity: Severity, level_m: float, number: int) -> None:
    """The river stands at a level; its situation follows."""
    where: dict[str, Any] = {
        "place": "bridge",
        "place_name": "Gapcheon Bridge",
        "latitude": 36.3652,
        "longitude": 127.3861,
    }
    city.observe(LEVEL, level_m)
    city.situation("flood-1", severity, severity_max=str(severity), event_count=number, **where)
    data = {"value": level_m, "threshold": level_m - 0.01, "unit": "m"}
    city.event(f"flood-event-{number}", "flood-1", severity=severity, data=data, evidence=(f"picture-{number}",))


async def pixels(page: Page, colour: tuple[int, int, int]) -> int:
    """Count the map's pixels that have about this colour."""
    shot = await page.locator("haechi-map").screenshot()
    picture = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    far = np.abs(picture[:, :, ::-1].astype(int) - np.array(colour)).max(axis=2)
    return int((far < 12).sum())


async def shown_on_map(page: Page, colour: tuple[int, int, int]) -> None:
    """Wait until the map shows a colour."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await pixels(page, colour) < 200:
            await page.wait_for_timeout(100)


async def test_a_flood_from_its_first_sign_to_its_end(city: City, server: Server) -> None:
    describe(city)
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.goto(server.url)
        await expect(page.get_by_text("All calm")).to_be_visible()
        await expect(page.get_by_text("Last data from the city")).to_be_visible()
        await expect(page.locator("haechi-topbar .connection")).to_have_text("Live")
        assert await axe(page) == []

        city.situation(
            "jam-1", Severity.SEVERE, matter="traffic", headline="traffic.wrong_way", place_name="Crossing 7"
        )
        rows = page.locator("haechi-queue li")
        await expect(rows).to_have_count(1)
        await expect(page.get_by_text("All calm")).to_have_count(0)

        flood(city, Severity.MODERATE, 2.02, 1)
        await expect(rows).to_have_count(2)
        await expect(rows.nth(1)).to_contain_text("High water level")
        await expect(rows.nth(1)).to_contain_text("Gapcheon Bridge")
        await expect(page.locator("haechi-console .said")).to_contain_text("New situation, Moderate: High water level")
        await shown_on_map(page, ORANGE)
        assert await pixels(page, RED) == 0

        flood(city, Severity.EXTREME, 3.02, 2)
        await expect(rows.nth(0)).to_contain_text("High water level")
        await expect(page.locator("haechi-console .said")).to_contain_text("Worse, Extreme")
        await shown_on_map(page, RED)

        # By keyboard alone: to the queue, to the row, open it.
        await rows.nth(1).locator("button").focus()
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        detail = page.locator("haechi-detail")
        await expect(detail.get_by_role("heading", name="High water level")).to_be_visible()
        await expect(detail.locator("ol li")).to_have_count(2)
        await expect(detail.locator("haechi-chart .now")).to_have_text("3.02 m")
        await expect(detail.locator("haechi-chart canvas")).to_be_visible()

        city.observe(LEVEL, 3.34)
        await expect(detail.locator("haechi-chart .now")).to_have_text("3.34 m")
        city.evidence("picture-2", "flood-event-2", JPEG, "image/jpeg")
        picture = detail.locator(".pictures img")
        await expect(picture).to_have_js_property("naturalWidth", 640)
        assert await axe(page) == []

        await picture.click()
        await expect(detail.locator("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(detail.locator("dialog")).to_have_count(0)

        await detail.get_by_role("button", name="Acknowledge", exact=True).click()
        await expect(detail.get_by_role("button", name="Acknowledged")).to_be_disabled()
        await expect(rows.nth(0)).to_contain_text("Acknowledged")

        city.event("flood-event-3", "flood-1", phase=Phase.CLEARED, data={"value": 1.4, "unit": "m"})
        city.clear("flood-1")
        await expect(page.locator("haechi-queue li.over")).to_contain_text("High water level")
        await expect(detail.locator("header dd").first).to_have_text("Cleared")
        await page.keyboard.press("Escape")
        await expect(detail).to_have_count(0)
        city.clear("jam-1")
        await expect(page.get_by_text("All calm")).to_be_visible()
        await expect(page.locator("haechi-queue")).to_contain_text("Cleared, not acknowledged")
        assert watched.foreign == []
        assert watched.errors == []


async def test_a_screen_that_hears_nothing_says_so_and_catches_up(city: City, server: Server) -> None:
    describe(city)
    async with browser() as running, watched_page(running) as watched:
        page = watched.page
        connection = page.locator("haechi-topbar .connection")
        async with server.running():
            await page.goto(server.url)
            await expect(connection).to_have_text("Live")
        await expect(connection).to_contain_text("Stale since")
        await expect(page.locator("haechi-topbar [role=alert]")).to_contain_text("may be out of date")
        await expect(page.get_by_text("All calm")).to_have_count(0)
        flood(city, Severity.EXTREME, 3.0, 1)
        async with server.running():
            await expect(page.locator("haechi-queue li")).to_contain_text("High water level")
            await expect(connection).to_have_text("Live")
        assert watched.foreign == []


async def test_an_older_answer_that_comes_last_takes_nothing_off_the_screen(city: City, server: Server) -> None:
    describe(city)
    flood(city, Severity.SEVERE, 2.5, 1)
    async with browser() as running, watched_page(running) as watched:
        page = watched.page
        old_answer, may_go = asyncio.Event(), asyncio.Event()

        async def hold_the_second(route: Route) -> None:
            answer = await route.fetch()
            if held:
                held.pop()
                old_answer.set()
                await may_go.wait()
            await route.fulfill(response=answer)

        held: list[bool] = []
        await page.route("**/situations?state=open*", hold_the_second)
        async with server.running():
            await page.goto(server.url)
            await page.locator("haechi-queue li button").click()
            timeline = page.locator("haechi-detail section").filter(has_text="Timeline").locator("li")
            await expect(timeline).to_have_count(1)
        held.append(True)
        flood(city, Severity.EXTREME, 3.0, 2)
        with writing(city.state) as connection:
            connection.execute(schema.changes.delete())  # the feed cannot tell what was missed
        async with server.running():
            await old_answer.wait()
        # While that answer hangs, something opens, and the feed is lost once more.
        city.situation("jam-1", Severity.SEVERE, place="crossing", place_name="Crossing 7", datastream="")
        with writing(city.state) as connection:
            connection.execute(schema.changes.delete())
        async with server.running():
            rows = page.locator("haechi-queue li")
            await expect(rows).to_have_count(2)
            await expect(page.locator("haechi-console .said")).to_contain_text("New situation")
            await expect(timeline).to_have_count(2)
            may_go.set()
            city.situation("jam-2", Severity.SEVERE, place="crossing-2", place_name="Crossing 8", datastream="")
            await expect(rows).to_have_count(3)
            await expect(page.locator("haechi-topbar .connection")).to_have_text("Live")


async def test_a_value_that_is_old_or_bad_is_not_shown_as_now(city: City, server: Server) -> None:
    describe(city)
    flood(city, Severity.SEVERE, 2.5, 1)
    rows = city.points.rows[TENANT, GATEWAY, LEVEL]
    rows[:] = [Row(city.now_us - 600_000_000, 2.5, 0), Row(city.now_us - 500_000_000, 99.0, 2)]
    async with server.running(), browser() as running, watched_page(running) as watched:
        await watched.page.goto(server.url)
        await watched.page.locator("haechi-queue li button").click()
        head = watched.page.locator("haechi-chart .head")
        await expect(head.locator(".now.old")).to_have_text("2.50 m")
        await expect(head).to_contain_text("No value since")
        city.observe(LEVEL, 2.61)
        await expect(head.locator(".now")).to_have_text("2.61 m")
        await expect(head.locator(".old")).to_have_count(0)


async def test_what_was_refused_stays_with_its_situation_and_everything_can_be_closed(
    city: City, server: Server
) -> None:
    describe(city)
    flood(city, Severity.SEVERE, 2.5, 1)
    city.situation("jam-1", Severity.MINOR, place="crossing", place_name="Crossing 7", datastream="")
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.route("**/acknowledge", lambda route: route.abort())
        await page.route("**/situations/jam-1", lambda route: route.abort())
        await page.goto(server.url)
        rows = page.locator("haechi-queue li button")
        await rows.nth(0).click()
        detail = page.locator("haechi-detail")
        await detail.get_by_role("button", name="Acknowledge", exact=True).click()
        await expect(detail.get_by_role("alert")).to_contain_text("It could not be acknowledged")
        await rows.nth(1).click()
        await expect(detail).not_to_contain_text("It could not be acknowledged")
        await expect(detail.get_by_role("alert")).to_contain_text("It could not be loaded")
        await detail.get_by_role("button", name="Close").click()
        await expect(detail).to_have_count(0)


async def test_a_link_that_freezes_without_closing_is_noticed(
    city: City, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(city)
    async with server.running(), browser() as running, watched_page(running) as watched:
        await watched.page.clock.install()
        await watched.page.goto(server.url)
        await expect(watched.page.locator("haechi-topbar .connection")).to_have_text("Live")
        monkeypatch.setattr(feed_module, "HEARTBEAT_S", 3_600.0)
        await watched.page.clock.fast_forward(14_000)
        await expect(watched.page.locator("haechi-topbar .connection")).to_contain_text("Stale since")


async def test_silent_gateways_are_not_taken_for_a_calm_city(city: City, server: Server) -> None:
    city.now_us -= 600_000_000
    describe(city)
    city.real_time = True
    async with server.running(), browser() as running, watched_page(running) as watched:
        await watched.page.goto(server.url)
        alert = watched.page.locator("haechi-topbar [role=alert]")
        await expect(alert).to_contain_text("no gateway has sent anything since")


async def test_three_hundred_situations_in_korean(city: City, server: Server) -> None:
    describe(city)
    city.loss()
    for number in range(300):
        severity = list(Severity)[number % 5]
        where: dict[str, Any] = {"latitude": 36.30 + number % 20 * 0.006, "longitude": 127.30 + number // 20 * 0.01}
        city.situation(f"many-{number}", severity, place_name=f"교차로 {number}", acknowledged=number % 2 == 0, **where)
    async with server.running(), browser() as running, watched_page(running, locale="ko-KR") as watched:
        page = watched.page
        await page.goto(server.url)
        await expect(page.locator("haechi-queue li")).to_have_count(300)
        await expect(page.locator("haechi-topbar .counts li").first).to_contain_text("심각 60")
        await shown_on_map(page, RED)
        assert await axe(page) == []
        await page.get_by_role("tab", name="장비").click()
        await expect(page.locator("haechi-devices")).to_contain_text("camera-1 does not answer")
        await expect(page.locator("haechi-devices")).to_contain_text("보고된 유실: 1건")
        assert await axe(page) == []
        await page.locator("haechi-topbar select").select_option("en")
        await expect(page.get_by_role("tab", name="Devices")).to_be_visible()
        assert await page.evaluate("document.documentElement.lang") == "en"
        assert watched.foreign == []
        assert watched.errors == []


async def test_what_could_not_be_stored_is_counted_as_it_comes(city: City, server: Server) -> None:
    city.dead_letter(b"first")
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.goto(server.url)
        await page.get_by_role("tab", name="Devices").click()
        devices = page.locator("haechi-devices")
        await expect(devices).to_contain_text("Could not be read or stored, kept aside: 1")
        await expect(devices).to_contain_text("No gateway is known yet")
        city.dead_letter(b"second")
        await expect(devices).to_contain_text("kept aside: 2")
        await expect(devices).to_contain_text("gw-dunsan: no envelope")
        assert await axe(page) == []
        assert watched.errors == []


async def test_each_city_that_is_served_is_one_choice_away(city: City, server: Server) -> None:
    server.tenants = (TENANT, "sejong")
    describe(city)
    city.tenant = "sejong"
    describe(city)
    flood(city, Severity.EXTREME, 3.0, 1)
    city.evidence("picture-1", "flood-event-1", JPEG, "image/jpeg")
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.goto(server.url)
        await expect(page.get_by_text("All calm")).to_be_visible()
        await page.get_by_role("combobox", name="City").select_option("sejong")
        rows = page.locator("haechi-queue li")
        await expect(rows).to_have_count(1)
        await rows.locator("button").click()
        await expect(page.locator("haechi-detail .pictures img")).to_have_js_property("naturalWidth", 640)
        await page.get_by_role("button", name="Acknowledge", exact=True).click()
        await expect(rows.nth(0)).to_contain_text("Acknowledged")
        city.situation("flood-2", Severity.SEVERE, place="underpass", place_name="Underpass")
        await expect(rows).to_have_count(2)
        await expect(page.get_by_role("combobox", name="City")).to_have_value("sejong")
        assert await axe(page) == []
        assert watched.errors == []


async def test_a_city_that_is_not_served_is_said(city: City, server: Server) -> None:
    async with server.running(), browser() as running, watched_page(running) as watched:
        await watched.page.goto(f"{server.url}?tenant=busan")
        alert = watched.page.locator("haechi-topbar [role=alert]")
        await expect(alert).to_contain_text("there is no tenant 'busan' here")


async def test_a_telephone_shows_one_thing_at_a_time(city: City, server: Server) -> None:
    describe(city)
    flood(city, Severity.EXTREME, 3.0, 1)
    size: ViewportSize = {"width": 420, "height": 860}
    async with server.running(), browser() as running, watched_page(running, size) as watched:
        page = watched.page
        await page.goto(server.url)
        await page.locator("haechi-queue li button").click()
        detail = page.locator("haechi-detail")
        await expect(detail.locator("haechi-chart canvas")).to_be_visible()
        box = await detail.bounding_box()
        assert box is not None
        assert box["width"] >= 415
        assert await axe(page) == []
        await detail.get_by_role("button", name="Show on map").click()
        await expect(detail).to_have_count(0)
        await shown_on_map(page, RED)
