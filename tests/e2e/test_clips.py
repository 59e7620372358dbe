"""A clip in the console: its pieces come one by one, then it plays."""

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import expect

from haechi.cloud.state import commands, schema
from haechi.cloud.state.changes import append
from haechi.cloud.state.engine import writing
from haechi.contract.control import MissedClip
from haechi.contract.events import Severity
from haechi.edge.vision import clips
from haechi.edge.vision.config import ClipConfig
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.masking import Masks
from support.browser import browser, watched_page
from support.city import GATEWAY, TENANT, City
from support.clips import HEIGHT_PX, WIDTH_PX, filmed

from .conftest import Server

PIECES = 4


def clip() -> bytes:
    def paint(number: int) -> NDArray[np.uint8]:
        picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 60, np.uint8)
        picture[60:120, 4 * number : 4 * number + 40] = (40, 200, 250)
        return picture

    def nobody(picture: NDArray[np.uint8]) -> list[Box]:
        return []

    stretch = filmed(paint, frames=50).between(0.0, 5.0)
    assert stretch is not None
    return clips.make(stretch, 0.0, ClipConfig(), Masks([]), nobody).mp4


async def test_a_clip_is_asked_for_comes_in_pieces_and_plays(city: City, server: Server) -> None:
    mp4 = clip()
    size = -(-len(mp4) // PIECES)
    parts = [mp4[start : start + size] for start in range(0, len(mp4), size)]
    city.gateway()
    city.thing("camera-1", "camera", "place-1", (36.35, 127.38))
    city.situation("intruder-1", Severity.SEVERE, matter="security", headline="security.intrusion", place_name="Bank")
    city.event("intruder-01", "intruder-1", type="security.intrusion", source="camera-1")
    async with server.running(), browser() as running, watched_page(running) as watched:
        page = watched.page
        await page.goto(server.url)
        await page.locator("haechi-queue li button").first.click()
        detail = page.locator("haechi-detail")
        await detail.get_by_role("button", name="Ask for a clip").click()
        await expect(detail.get_by_role("status")).to_contain_text("A clip was asked for")
        assert [(command.name, command.event) for _tenant, _gateway, command in city.commands] == [
            ("clip", "intruder-01")
        ]

        asked = city.commands[0][2].id
        gone = "it was 95 s ago; the camera remembers 30 s (clips.ring_s)"
        with writing(city.state) as connection:
            missed = [MissedClip(event="intruder-01", at_us=city.now_us, reason=gone)]
            news = commands.clips_missed(connection, TENANT, GATEWAY, missed, city.now_us)
            append(connection, TENANT, news, city.now_us)
        city.bell.ring()
        assert ("command", asked) in news
        await expect(detail.get_by_role("status")).to_have_text(f"No clip comes: {gone}")

        for number in range(1, PIECES):
            city.clip_piece("clip-0001", "intruder-01", parts[number - 1], number, PIECES)
        tile = detail.locator(".pictures button")
        await expect(tile).to_contain_text("Clip is coming: 3 of 4 parts")
        await expect(tile).to_be_disabled()
        # What the gateway holds by now is younger than what is lacking: the rest was lost on the way.
        with writing(city.state) as connection:
            stored = schema.evidence.c.stored_at_us
            connection.execute(schema.evidence.update().values(stored_at_us=stored - 90_000_000))
        city.change(("evidence", "clip-0001"), ("gateway", GATEWAY))
        await expect(tile).to_contain_text("Incomplete for good: 3 of 4 parts")
        city.clip_piece("clip-0001", "intruder-01", parts[-1], PIECES, PIECES)
        await detail.get_by_role("button", name="Play the clip of camera-1").click()
        video = detail.locator("dialog video")
        await expect(video).to_have_js_property("videoWidth", WIDTH_PX)
        await page.wait_for_function(
            """() => {
                const find = (root) => root.querySelector("video") ??
                    [...root.querySelectorAll("*")].map((one) => one.shadowRoot && find(one.shadowRoot)).find(Boolean);
                const video = find(document);
                return video && video.currentTime > 0.5 && video.duration > 4 && video.duration < 6;
            }"""
        )
        assert watched.errors == []
        assert watched.foreign == []
