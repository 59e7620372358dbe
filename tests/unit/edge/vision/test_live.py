"""The live page: for whoever has the key, once, from this machine, and for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from haechi.edge.vision import live
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.live import LivePage
from haechi.edge.vision.source import CannotOpen


class Scene:
    """A scene whose picture is a few bytes, or that is lost."""

    lost = ""

    def picture(self) -> bytes:
        if self.lost:
            raise CannotOpen(self.lost)
        return b"jpeg"

    def close(self) -> None:
        pass


class Page:
    """A page that is served, and requests to it."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.address = asyncio.get_running_loop().create_future()
        self.page = LivePage(self.scene, "West <side>")  # type: ignore[arg-type]  # as much of one as it needs

    async def get(
        self, path: str, *, host: str = "127.0.0.1", cookie: str = "", method: str = "GET"
    ) -> tuple[str, str]:
        """Head and body of an answer."""
        port = int((await self.address).split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        head, _blank, body = answer.partition("\r\n\r\n")
        return head, body

    async def session(self) -> str:
        """The cookie that the key gives."""
        head, _body = await self.get("/?" + (await self.address).partition("?")[2])
        return head.partition("Set-Cookie: ")[2].partition(";")[0]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    made = Page()
    serving = asyncio.create_task(made.page.serve(0, made.address.set_result))
    yield made
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_the_key_opens_it_once(page: Page) -> None:
    key = (await page.address).partition("?")[2]
    first, _body = await page.get(f"/?{key}")
    assert first.startswith("HTTP/1.1 303")
    assert "HttpOnly; SameSite=Strict" in first
    again, _body = await page.get(f"/?{key}")
    assert again.startswith("HTTP/1.1 403")


async def test_whoever_opened_it_sees_the_scene(page: Page) -> None:
    cookie = await page.session()
    head, body = await page.get("/", cookie=cookie)
    assert "default-src 'none'" in head
    assert "West &lt;side&gt;" in body
    assert (await page.get("/picture", cookie=cookie))[1] == "jpeg"
    assert (await page.get("/nothing", cookie=cookie))[0].startswith("HTTP/1.1 404")


@pytest.mark.parametrize("path", ["/", "/picture", "/live.js", "/?key=", "/?key=wrong", "//", "/%2e%2e"])
async def test_nobody_else_does(page: Page, path: str) -> None:
    for cookie in ("", "haechi_preview=", "haechi_preview=wrong", "\x01="):
        assert (await page.get(path, cookie=cookie))[0].startswith("HTTP/1.1 403")


async def test_a_rebound_name_or_another_method_is_refused(page: Page) -> None:
    cookie = await page.session()
    assert (await page.get("/", cookie=cookie, host="evil.example"))[0].startswith("HTTP/1.1 421")
    assert (await page.get("/", cookie=cookie, host="127.0.0.1.evil.example"))[0].startswith("HTTP/1.1 421")
    assert (await page.get("/", cookie=cookie, method="POST"))[0].startswith("HTTP/1.1 405")


async def test_a_lost_camera_is_said(page: Page) -> None:
    cookie = await page.session()
    page.scene.lost = "rtsp://***@cam/1: gives no pictures"
    head, body = await page.get("/picture", cookie=cookie)
    assert head.startswith("HTTP/1.1 503")
    assert body == "rtsp://***@cam/1: gives no pictures"


def test_a_camera_that_refuses_is_asked_again_when_its_login_is_another(tmp_path: Path) -> None:
    """Cameras lock out who comes with a wrong password five times or so, and a page asks every second or two."""
    secret = tmp_path / "secret"
    secret.write_text("user:wrong")
    opened: list[str] = []
    now_s = 0.0

    class NoDetector:
        input_px = None

        def look(self, _picture: object) -> list[Detection]:
            return []

    class Refusing:
        opened = True
        ended = False

        def __init__(self, _config: CameraConfig, *, clock_us: Callable[[], int]) -> None:
            opened.append(secret.read_text())

        def newest(self, _timeout_s: float) -> None:
            raise CannotOpen("refused", is_refused=True)

        def close(self) -> None: ...

    config = CameraConfig.model_validate(
        {"id": "c", "place": "p", "url": "rtsp://cam/1", "credentials_file": secret, "detector": {"model": "none"}}
    )
    opens: Any = Refusing
    scene = live.Scene(config, NoDetector(), clock_us=lambda: 0, clock_s=lambda: now_s, open_capture=opens)
    for _ in range(900):
        now_s += 1
        with pytest.raises(CannotOpen, match="refused"):
            scene.picture()
    assert len(opened) <= 4
    secret.write_text("user:right")
    with pytest.raises(CannotOpen):
        scene.picture()
    assert opened[-1] == "user:right"
