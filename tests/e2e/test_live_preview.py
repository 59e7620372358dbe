"""The live preview in a real browser: a real command, a clip as camera."""

import asyncio
import signal
from pathlib import Path

import cv2
import numpy as np
from playwright.async_api import expect

from haechi.edge.vision.models import cache, obtain, prepare
from haechi.edge.vision.models.card import card
from support.browser import browser, watched_page
from support.cameras import GATEWAY
from support.gateway import HAECHI

CAMERA = """
[[camera]]
id = "cam-1"
name = "Bridge, west side"
url = "clip.avi"
place = "bridge"
lines = [{ name = "footpath", a = [0.3, 0.2], b = [0.3, 1.0] }]
zones = [{ name = "bank", kind = "intrusion", polygon = [[0.5, 0.5], [0.95, 0.5], [0.95, 0.95], [0.5, 0.95]] }]
masks = [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2], [0.0, 0.2]]]
"""


async def test_the_scene_is_shown_and_moves(tmp_path: Path) -> None:
    prepare.prepare(card("nanodet-g"), cache.root(), obtain.from_registry, lambda _step, _share: None)
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 360))
    for number in range(50):
        picture = np.full((360, 640, 3), 90, np.uint8)
        picture[150:220, 10 * number : 10 * number + 60] = 200
        writer.write(picture)
    writer.release()
    (tmp_path / "gateway.toml").write_text(GATEWAY + CAMERA, encoding="utf-8")
    words = (*HAECHI, "camera", "preview", "--live", "--config", str(tmp_path / "gateway.toml"))
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        address = line.split()[1]
        assert address.startswith("http://127.0.0.1:")
        async with browser() as running, watched_page(running) as watched:
            page = watched.page
            await page.goto(address)
            await expect(page).to_have_title("Bridge, west side")
            image = page.locator("img")
            await expect(image).to_have_js_property("naturalWidth", 640)
            await expect(page.get_by_role("status")).to_contain_text("live;")
            before = await image.screenshot()
            async with asyncio.timeout(20):
                while await image.screenshot() == before:
                    await page.wait_for_timeout(200)
            assert watched.errors == []
            assert watched.foreign == []
            await page.reload()
            await expect(image).to_have_js_property("naturalWidth", 640)
    finally:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
