"""A real browser for the end-to-end tests: Debian's chromium, driven by playwright, held to this machine."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Route, ViewportSize, async_playwright

FLAGS = (
    "--no-sandbox",  # the tests run as root in a container
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESK: ViewportSize = {"width": 1920, "height": 1080}


def chromium() -> str | None:
    """Return where chromium is on this machine, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a browser for as long as the context lasts."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield running
        finally:
            await running.close()


class Watched:
    """A page, with everything that it did wrong: requests that left the machine, errors, console errors."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.foreign: list[str] = []
        self.errors: list[str] = []


@asynccontextmanager
async def watched_page(
    running: Browser, size: ViewportSize = DESK, locale: str = "en-GB", reduced_motion: bool = True
) -> AsyncIterator[Watched]:
    """Open an empty page that may reach nothing but this machine; what it tries is written down."""
    context = await running.new_context(
        viewport=size,
        locale=locale,
        timezone_id="Asia/Seoul",
        reduced_motion="reduce" if reduced_motion else "no-preference",
    )
    watched = Watched(await context.new_page())

    async def check(route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or parts.hostname in ("127.0.0.1", "localhost"):
            await route.continue_()
        else:
            watched.foreign.append(route.request.url)
            await route.abort()

    await context.route("**/*", check)
    watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
    watched.page.on("console", lambda said: watched.errors.append(said.text) if said.type == "error" else None)
    try:
        yield watched
    finally:
        await context.close()
