"""The demo, put together: starts a city, tells its story, counts at the end.

Every part runs in a process of its own under a :class:`Keeper`, so any of them may be killed while it runs.
"""

import asyncio
import contextlib
import shutil
import signal
import socket
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from haechi.command import UsageError
from haechi.demo import basemap, city, clip, report, story
from haechi.demo.keeper import Keeper, python
from haechi.demo.watch import Watch
from haechi.edge.outbox import OutboxFailed
from haechi.edge.outbox.figures import look
from haechi.text import _

HTTP_PORT = 8080
CAMERA = "camera-1"
_UP_S = 60.0
_DRAIN_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for."""

    run_s: float | None
    """None: until interrupted."""
    speed: float | None
    """None: as fast as it must be for the whole story to fit."""
    camera: str
    """``clip``, ``none``, a file, an address, ``usb:N``."""
    port: int
    headless: bool
    folder: Path | None
    """None: a scratch folder that goes with the run."""


class Demo:
    """One run."""

    def __init__(self, options: Options, folder: Path, say: Say) -> None:
        self._options = options
        self._folder = folder
        self._say = say
        self._speed = options.speed or 1.0
        self._ports = Ports(
            http=_free_port(options.port, taken_is_fine=options.headless, say=say),
            broker=_free_port(),
            modbus=_free_port(),
            rtsp=_free_port(),
        )
        self._url = f"http://127.0.0.1:{self._ports.http}"
        self._stopping = asyncio.Event()
        self._restarts: dict[str, int] = {}
        self._keepers: dict[str, Keeper] = {}
        self._basemap: Path | None = None
        self._watch = Watch(self._url, CAMERA, say)
        self._started_s = time.time()
        self._story_since_s: float | None = None

    async def run(self) -> report.Report:
        """Run to the end and count."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        self._write_configuration()
        try:
            async with self._background():
                await self._start("cloud", self._cloud_command())
                await self._until_up()
                self._begin_story()
                await self._start("devices", self._devices_command())
                await self._start("gateway", self._gateway_command())
                self._say(_("the city is up: {url}").format(url=self._url))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._left_s())
                self._say(_("the story is over; waiting until everything is stored"))
                await self._drain()
        finally:
            for name in reversed(tuple(self._keepers)):
                await self._stop(name)
        return await asyncio.to_thread(self._count)

    @asynccontextmanager
    async def _background(self) -> AsyncIterator[None]:
        work = {self._watch.run(), self._tell_chapters(), self._prepare_camera()}
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                for error in outcome.exceptions if isinstance(outcome, ExceptionGroup) else [outcome]:
                    if isinstance(error, Exception):
                        raise error

    # What runs

    def _write_configuration(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        url, known_scene = self._camera_url()
        addresses = city.Addresses(
            broker_port=self._ports.broker,
            modbus_port=self._ports.modbus,
            serial_port=str(self._folder / "underpass.tty"),
            camera_url=url,
            clip_scene=known_scene,
        )
        password = self._folder / "cloud" / "broker.password"  # the cloud makes it at its first start
        text = city.gateway_toml(addresses, self._folder / "gateway", password)
        (self._folder / "gateway.toml").write_text(text, encoding="utf-8")
        places = tomllib.loads(text)["place"]
        self._basemap = basemap.obtain(
            basemap.box_around((one["latitude"], one["longitude"]) for one in places), self._say
        )

    def _camera_url(self) -> tuple[str | None, bool]:
        """Return the camera's address and whether its picture is the default clip's."""
        wanted = self._options.camera
        if wanted == "none":
            return None, False
        if "://" in wanted or wanted.startswith(("usb:", "/dev/")):
            return wanted, False
        if wanted != "clip" and not Path(wanted).is_file():
            raise UsageError(
                _("--camera {wanted}: there is no such file; expected a video file, rtsp://…, usb:N or none").format(
                    wanted=wanted
                )
            )
        return f"rtsp://127.0.0.1:{self._ports.rtsp}/camera.mp4?play_count=0", wanted == "clip"

    def _devices_command(self) -> list[str]:
        return python(
            "haechi.demo.devices",
            f"--modbus-port={self._ports.modbus}",
            f"--serial-link={self._folder / 'underpass.tty'}",
            f"--since={self._story_since_s}",
            f"--speed={self._speed}",
        )

    def _cloud_command(self) -> list[str]:
        command = [
            *_haechi("cloud", "run"),
            f"--data-dir={self._folder / 'cloud'}",
            f"--broker-port={self._ports.broker}",
            f"--listen=127.0.0.1:{self._ports.http}",
            f"--tenant={city.TENANT}",
        ]
        if self._basemap is not None:
            command.append(f"--basemap={self._basemap}")
        return command

    def _gateway_command(self) -> list[str]:
        return [*_haechi("edge", "run"), f"--config={self._folder / 'gateway.toml'}"]

    async def _start(self, name: str, command: list[str]) -> None:
        keeper = Keeper(name, command, self._folder / f"{name}.log", on_restart=self._restarted)
        self._keepers[name] = keeper
        await keeper.start()

    async def _stop(self, name: str) -> None:
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            await keeper.stop()

    def _restarted(self, name: str, code: int) -> None:
        self._restarts[name] = self._restarts.get(name, 0) + 1
        self._say(_("  {name} ended with code {code}; starting it again").format(name=name, code=code))
        if code == 2 and self._restarts[name] > 3:
            log = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
            self._say(_("  {name} says: {line}").format(name=name, line=log[-1] if log else ""))

    async def _until_up(self) -> None:
        deadline = time.monotonic() + _UP_S
        async with httpx.AsyncClient(base_url=self._url, timeout=2.0) as client:
            while not self._stopping.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/api/v1/health")).status_code < 500:
                        return
                if time.monotonic() > deadline:
                    raise UsageError(
                        _("the cloud did not come up within {seconds:.0f} s; see {log}").format(
                            seconds=_UP_S, log=self._folder / "cloud.log"
                        )
                    )
                await asyncio.sleep(0.1)

    def _begin_story(self) -> None:
        """The story begins when everybody can see it, and is over before the run is."""
        self._speed = self._options.speed or story.speed_for(self._left_s())
        self._story_since_s = time.time()

    # Beside it

    async def _tell_chapters(self) -> None:
        told = ""
        while True:
            if self._story_since_s is not None and "devices" in self._keepers:
                chapter = story.at((time.time() - self._story_since_s) * self._speed).chapter
                if chapter != told:
                    self._say(chapter)
                    told = chapter
            await asyncio.sleep(0.5)

    async def _prepare_camera(self) -> None:
        """Obtain clip and model while the sensors are already at work; the camera joins when both are there."""
        if self._options.camera == "none":
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(self._serve_clip())
            both.create_task(self._fetch_model())

    async def _serve_clip(self) -> None:
        if self._camera_url()[0] == self._options.camera:
            return  # the person's own camera serves itself
        target = self._folder / "clips" / "camera.mp4"
        target.parent.mkdir(exist_ok=True)
        try:
            await asyncio.to_thread(self._make_clip, target)
        except UsageError as error:
            self._say(str(error))
            if self._options.camera != "clip":
                self._stopping.set()
                raise
            return
        await self._start("camera", python("haechi.demo.camera", str(target.parent), str(self._ports.rtsp)))

    async def _fetch_model(self) -> None:
        fetching = await asyncio.create_subprocess_exec(
            *_haechi("models", "fetch"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            if fetching.stdout is not None:
                async for line in fetching.stdout:
                    self._say(_("camera: {line}").format(line=line.decode(errors="replace").strip()))
            if await fetching.wait():
                self._say(_("camera: no model, so no camera in this run; the sensors go on"))
        finally:
            if fetching.returncode is None:
                fetching.terminate()
                await fetching.wait()

    def _make_clip(self, target: Path) -> None:
        if self._options.camera == "clip":
            shutil.copyfile(clip.obtain(self._say), target)  # the RTSP server follows no links out of its folder
        else:
            self._say(_("camera: converting {file} to H.264").format(file=self._options.camera))
            clip.to_h264(Path(self._options.camera), target)

    # The end

    def _left_s(self) -> float | None:
        if self._options.run_s is None:
            return None
        return max(0.0, self._options.run_s - (time.time() - self._started_s))

    async def _drain(self) -> None:
        """Let the devices fall silent, and wait until the cloud has settled all that the gateway has committed."""
        for name in ("devices", "camera"):
            await self._stop(name)
        deadline = time.monotonic() + _DRAIN_S
        while True:
            await self._until_settled(deadline)
            await self._stop("gateway")
            if not self._unsettled() or time.monotonic() > deadline:
                return
            await self._start("gateway", self._gateway_command())

    async def _until_settled(self, deadline: float) -> None:
        while self._unsettled() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(0.2)

    def _unsettled(self) -> int:
        try:
            return look(self._folder / "gateway", 1).parcels
        except OutboxFailed:
            return 0

    def _count(self) -> report.Report:
        watch = self._watch
        return report.count(
            outbox=self._folder / "gateway",
            state_url=f"sqlite:///{self._folder / 'cloud' / 'state.db'}",
            store_url=f"sqlite:///{self._folder / 'cloud' / 'points.db'}",
            tenant=city.TENANT,
            gateway=city.GATEWAY,
            camera=CAMERA,
            frames_analysed=watch.frames_analysed,
            latency=report.Latency(
                report.Quantiles.of(tuple(watch.to_store_s)), report.Quantiles.of(tuple(watch.to_screen_s))
            ),
            restarts=dict(self._restarts),
        )


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on loopback."""

    http: int
    broker: int
    modbus: int
    rtsp: int


def run(options: Options, say: Say) -> report.Report:
    """Run the demo and return its report. Blocks until it is over."""
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haechi-demo-")))
        return asyncio.run(_run(options, folder.absolute(), say))


async def _run(options: Options, folder: Path, say: Say) -> report.Report:
    return await Demo(options, folder, say).run()


def _haechi(*words: str) -> list[str]:
    return python("haechi.command", *words)


def _free_port(wanted: int = 0, *, taken_is_fine: bool = True, say: Say | None = None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            port = _free_port()
            if say and not taken_is_fine:
                say(_("port {wanted} is taken here; using {port}").format(wanted=wanted, port=port))
            return port
        return int(probe.getsockname()[1])
