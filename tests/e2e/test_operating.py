"""The control room in a real browser: what sounds, what is shelved, what was taken back, what is closed."""

import pytest
from playwright.async_api import Page, expect

from haechi.cloud.event_handler import handler
from haechi.cloud.event_handler.situations import Word
from haechi.cloud.state.changes import append
from haechi.cloud.state.engine import writing
from haechi.contract.events import RETRACTS, Event, Phase, Severity
from support.browser import browser, watched_page
from support.city import GATEWAY, TENANT, City

from .conftest import Server, axe

pytestmark = pytest.mark.browser

LISTEN = """
    window.notes = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { window.notes += 1; return start.apply(this, when); };
"""


def happens(
    city: City, number: int, phase: Phase, severity: Severity = Severity.SEVERE, *, takes_back: str = ""
) -> None:
    """Let the event handler take what camera-1 says of the bank's zone."""
    event = Event(
        id=f"event-{number:04}",
        type="security.intrusion",
        source="camera-1",
        subject="bank",
        place_name="Bank",
        latitude=36.36,
        longitude=127.38,
        time_us=city.now_us,
        phase=phase,
        condition="camera-1.zone",
        severity=severity,
        data={RETRACTS: takes_back} if takes_back else {},
    )
    with writing(city.state) as connection:
        word = Word(TENANT, GATEWAY, event, (1, number), city.now_us)
        append(connection, TENANT, handler.handle(connection, word, late=False) or [], city.now_us)
    city.bell.ring()


async def sounds(page: Page) -> None:
    """Wait until it is heard again."""
    await page.evaluate("window.notes = 0")
    await page.wait_for_function("() => window.notes > 0")


async def test_what_is_severe_is_heard_until_somebody_says_something(city: City, server: Server) -> None:
    city.gateway()
    happens(city, 1, Phase.RAISED)
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.add_init_script(LISTEN)
        await page.goto(server.url)
        sound = page.locator("haechi-topbar .sound")
        await expect(sound).to_have_text("No sound yet: click anywhere")
        await page.locator("haechi-queue li button").click()
        await expect(sound).to_have_text("Alarm: mute 5 min")
        await sounds(page)
        assert await axe(page) == []
        await sound.click()
        await expect(sound).to_contain_text("Muted until")

        # Something new that is severe breaks the silence; what is only moderate does not.
        city.situation("jam-1", Severity.MODERATE, place="crossing", place_name="Crossing 7", datastream="")
        await expect(page.locator("haechi-queue li")).to_have_count(2)
        await expect(sound).to_contain_text("Muted until")
        happens(city, 2, Phase.UPDATED, Severity.EXTREME)
        await sounds(page)

        detail = page.locator("haechi-detail")
        await detail.get_by_role("button", name="Shelve …").click()
        dialog = detail.get_by_role("dialog")
        await detail.get_by_label("For how long?").select_option("60")
        await dialog.get_by_label("Why?").fill("The guard is testing")
        assert await axe(page) == []
        await dialog.get_by_role("button", name="Shelve").click()
        await expect(detail).to_contain_text("Shelved until")
        await expect(sound).to_have_count(0)
        await expect(page.locator("haechi-queue h2").filter(has_text="Shelved")).to_be_visible()
        deeds = detail.locator("ol.deeds")
        await expect(deeds).to_contain_text("shelved")
        await expect(deeds).to_contain_text("The guard is testing")
        await detail.get_by_role("button", name="Unshelve").click()
        await sounds(page)

        await detail.get_by_role("button", name="Acknowledge", exact=True).click()
        await expect(sound).to_have_count(0)
        assert watched.errors == []
        assert watched.foreign == []


async def test_an_alarm_that_was_taken_back_says_so_and_can_be_closed(city: City, server: Server) -> None:
    city.gateway()
    city.thing("camera-1", "camera", "bank", (36.36, 127.38))
    happens(city, 1, Phase.RAISED)
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.goto(server.url)
        await page.locator("haechi-queue li button").click()
        detail = page.locator("haechi-detail")
        await expect(detail.get_by_role("button", name="Close situation")).to_have_count(0)
        await detail.get_by_role("button", name="Acknowledge", exact=True).click()
        await expect(detail.get_by_role("button", name="Acknowledged")).to_be_disabled()
        happens(city, 2, Phase.CLEARED, takes_back="event-0001")
        await expect(detail.locator(".notice")).to_contain_text("by camera-1: what it told at")
        await expect(detail.locator(".notice")).to_contain_text("It stays open because it was acknowledged.")
        await expect(page.locator("haechi-queue li")).to_contain_text("Taken back")
        timeline = detail.locator("section").filter(has_text="Timeline").locator("li")
        await expect(timeline.nth(0)).to_contain_text("taken back")
        await expect(timeline.nth(0)).to_contain_text("takes back what it told at")
        await expect(timeline.nth(1)).to_contain_text("taken back at")
        await expect(detail).not_to_contain_text("event-0001")
        assert await axe(page) == []
        await detail.get_by_role("button", name="Close situation …").click()
        dialog = detail.get_by_role("dialog")
        await dialog.get_by_label("Why?").fill("It was a cat")
        await dialog.get_by_role("button", name="Close situation").click()
        await expect(page.locator("haechi-queue li.over")).to_have_count(1)
        await expect(detail.locator("ol.deeds")).to_contain_text("It was a cat")
        assert watched.errors == []
