"""The gateway agent: the only place where its parts are wired together.

Promise: it runs until it is told to stop (SIGTERM, SIGINT), then commits what was read, says that it goes offline and
leaves a clean outbox. ``kill -9`` at any moment loses nothing that was committed. A failing disk does not end it:
memory stands in for it, which the status says; a file that looks damaged is closed, checked and opened again.
"""

import asyncio
import contextlib
import importlib.metadata
import logging
import random
import signal
import time
import uuid
from collections import Counter
from typing import Any

from haechi.contract.control import Command
from haechi.contract.parcel import PARCEL_BYTES_MAX
from haechi.contract.seals import is_sealed
from haechi.edge import metrics
from haechi.edge.builder import Builder
from haechi.edge.cameras import CameraDesk, let_originals_go, originals_of
from haechi.edge.clips import ClipOrders, MissedClips
from haechi.edge.clock import WallClock
from haechi.edge.commands.desk import Clocks, CommandDesk
from haechi.edge.commands.journal import Journal
from haechi.edge.config import GatewayConfig
from haechi.edge.derivations.chain import Chain
from haechi.edge.devices import Device, Site
from haechi.edge.health import Health
from haechi.edge.normalise import Normaliser
from haechi.edge.outbox import Opened, OutboxDamaged, OutboxFailed
from haechi.edge.outbox.queue import Outbox
from haechi.edge.outbox.salvage import Salvage
from haechi.edge.recorder import Recorder
from haechi.edge.rings import Rings
from haechi.edge.rules.engine import Engine
from haechi.edge.supervisor import Supervised
from haechi.edge.tasks import cancelled, first_end, started
from haechi.edge.uplink.link import Broker
from haechi.edge.uplink.security import password, tls_context
from haechi.edge.uplink.session import Face
from haechi.edge.uplink.uplink import Uplink
from haechi.edge.vision.config import CameraConfig
from haechi.edge.watching import Found, conditions, watch
from haechi.sdk.switchboard import Switchboard
from haechi.sdk.wire import attached
from haechi.text import _

_log = logging.getLogger("haechi.edge.agent")
_PARCEL_BYTES_MIN = 2048
_FINISH_S = 3.0
_TRY_SALVAGE_S = 60.0


def broker_of(config: GatewayConfig) -> Broker:
    """Return the broker with its secrets.

    Raises:
        UplinkSettingsError: a password or certificate file is unusable.
    """
    settings = config.uplink
    return Broker(
        host=settings.host,
        port=settings.port,
        client_id=f"haechi.{config.gateway.tenant}.{config.gateway.id}",
        keepalive_s=settings.keepalive_s,
        username=settings.username,
        password=password(settings),
        tls=tls_context(settings),
    )


async def run(config: GatewayConfig, site: Site, broker: Broker) -> None:
    """Run the gateway until SIGTERM or SIGINT.

    Raises:
        OutboxLocked: another agent runs on the same folder.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    suspect = False
    while not stop.is_set():
        try:
            await _Agent(config, site, broker).run(stop, suspect=suspect)
        except OutboxFailed as error:
            _log.error("%s; opening the outbox again", error)
            suspect = isinstance(error, OutboxDamaged)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await stop.wait()


class _Agent:
    """One opening of the outbox, and everything around it."""

    def __init__(self, config: GatewayConfig, site: Site, broker: Broker) -> None:
        self._config, self._site, self._broker = config, site, broker
        self._clock = WallClock()
        self._health = Health()
        # Opening the outbox puts another clock in the place of this one.
        self._missed = MissedClips(lambda: self._clock.now_us())
        self._clips = ClipOrders(config.camera, lambda: self._clock.now_us(), self._missed)
        self._found = Found(config.camera)
        self._rings = Rings(site.rings, time.monotonic)

    async def run(self, stop: asyncio.Event, *, suspect: bool) -> None:
        """Open, run, close."""
        outbox = await Outbox.open(
            self._config.gateway.data_dir,
            self._config.outbox.bytes_max,
            self._set_clock,
            suspect=suspect,
        )
        self._tell_opened(outbox.opened)
        recorder, uplink = self._wire(outbox)
        sources: list[asyncio.Task[None]] = []
        carriers: list[asyncio.Task[None]] = []
        obeying: list[asyncio.Task[None]] = []
        stopping = asyncio.create_task(stop.wait())
        clean = False
        wires = contextlib.AsyncExitStack()
        try:
            await self._open_wires(wires)
            # What an earlier opening had handed out may not have become durable.
            self._site.cursors.clear()
            self._site.cursors.update(await outbox.cursors())
            await recorder.begin(conditions(self._config.camera))
            carriers = started(
                recorder.run(),
                self._supervised("uplink", "mqtt", None).keep(uplink.run),
                self._salvage(outbox, uplink),
                self._show_metrics(outbox, uplink),
                self._rings.run(self._config.gateway.data_dir / "rings"),
                let_originals_go(self._config, self._clock),
            )
            obeying = started(*([self._obey()] if self._site.actuators else []))
            sources = started(
                *(self._read(device, recorder) for device in self._site.devices),
                *(self._watch(camera, recorder) for camera in self._config.camera),
            )
            await first_end(stopping, carriers + sources + obeying)
            await cancelled(sources + obeying)
            await self._desk.finish()
            recorder.finish()
            await carriers[0]
            clean = True
            _log.info("stopping: everything that was read is committed")
            await uplink.finish(_FINISH_S)
        finally:
            stopping.cancel()
            await cancelled(sources + obeying)
            await self._desk.finish()
            await cancelled(carriers)
            await wires.aclose()
            await outbox.close(clean=clean)

    async def _obey(self) -> None:
        """Carry out commands to devices."""
        supervised = self._supervised("commands", "desk", self._desk.counters)
        await supervised.keep(lambda: self._desk.run(supervised.running))

    async def _open_wires(self, stack: contextlib.AsyncExitStack) -> None:
        """Let this user's ``haechi adapter record --beside`` hear what passes between devices and adapters."""
        try:
            board = await stack.enter_async_context(Switchboard(self._config.gateway.data_dir / "wire.sock"))
        except OSError as error:
            _log.warning("the wires of devices cannot be listened to: %s", error)
        else:
            stack.enter_context(attached(board))

    async def _show_metrics(self, outbox: Outbox, uplink: Uplink) -> None:
        address = self._config.metrics.address
        if address is None:
            return

        async def read() -> str:
            return metrics.page(
                software=_software(),
                figures=await outbox.figures(),
                components=self._health.components,
                retries=self._health.retries,
                problems=len(self._health.problems),
                in_memory=bool(outbox.trouble),
                connected=uplink.is_up,
                in_flight=uplink.in_flight,
                now_us=self._clock.now_us(),
            )

        supervised = self._supervised("metrics", "http", None)

        def listening(port: int) -> None:
            _log.info("metrics are at http://%s:%d/metrics", address[0], port)
            supervised.running()

        await supervised.keep(lambda: metrics.serve(*address, read, listening))

    async def _salvage(self, outbox: Outbox, uplink: Uplink) -> None:
        """Bring home what damaged files still hold."""
        folder = self._config.gateway.data_dir
        salvage = Salvage(outbox, folder, lambda: self._clock.now_us(), uplink.look_again)
        while True:
            try:
                await salvage.run()
                break
            except OutboxDamaged:
                raise
            except (OutboxFailed, OSError) as error:
                _log.warning("a damaged outbox is not emptied yet: %s", error)
                await asyncio.sleep(_TRY_SALVAGE_S)
        if salvage.parcels_saved:
            _log.info("%d parcels of a damaged outbox were saved", salvage.parcels_saved)

    def _set_clock(self, newest_us: int) -> int:
        self._clock = WallClock(newest_us)
        return self._clock.now_us()

    def _tell_opened(self, opened: Opened) -> None:
        if opened.unclean is not None:
            _log.warning("the agent did not stop cleanly last time; the gap is reported as a loss record")
        if opened.set_aside:
            line = _("the outbox was damaged and set aside as {name}").format(name=opened.set_aside)
            _log.error("%s", line)
            self._health.problem("set_aside", line)
        self._tell_trouble(opened.in_memory)

    def _tell_trouble(self, reason: str) -> None:
        line = _("the outbox cannot write its disk and is in memory: {reason}").format(reason=reason) if reason else ""
        if line:
            _log.error("%s", line)
        self._health.problem("disk", line)

    def _wire(self, outbox: Outbox) -> tuple[Recorder, Uplink]:
        config, site = self._config, self._site
        counters: Counter[str] = Counter()
        records = {stream.id: stream for stream in site.descriptions.datastreams if stream.device_time}
        builder = Builder(site.steps, counters=counters, records=records)
        engine = Engine(site.rules, time.monotonic(), _new_id)
        normaliser = Normaliser(site.measured, site.ranges, site.derivations, counters)

        def obey(command: Command) -> None:
            if command.name in ("actuate", "clip"):
                self._desk.give(command)
                return
            (recorder.restate if command.name == "restate" else recorder.describe)()

        def take_parcel_bytes_max(size: int) -> None:
            before, builder.bytes_max = builder.bytes_max, min(PARCEL_BYTES_MAX, max(_PARCEL_BYTES_MIN, size))
            limited = builder.bytes_max < PARCEL_BYTES_MAX
            line = _("the broker takes packets of {size} bytes at most; parcels made larger before wait for another")
            self._health.problem("packet_limit", line.format(size=size) if limited else "")
            if builder.bytes_max < before:
                # The descriptions of this epoch were made larger and may be among those that wait.
                recorder.describe()

        face = Face(
            tenant=config.gateway.tenant,
            gateway=config.gateway.id,
            software=_software(),
            now_us=lambda: self._clock.now_us(),
            clock_quality=lambda: self._clock.quality,
            new_id=_new_id,
            obey=obey,
            heed=lambda order, doubts: recorder.heed(order, doubts),
            parcel_bytes_max=take_parcel_bytes_max,
            commanded=lambda: self._desk.results,
            actuators=lambda: self._desk.actuators,
            missed_clips=lambda: self._missed.newest,
        )
        uplink = Uplink(
            self._broker,
            face,
            outbox,
            self._health,
            window_bytes=config.uplink.window_bytes,
            bytes_per_day=config.uplink.budget_bytes_per_day,
            status_s=config.uplink.status_s,
            freeze_s=config.uplink.freeze_s,
        )
        recorder = Recorder(
            outbox,
            builder,
            normaliser,
            engine,
            self._clock,
            site.descriptions,
            now_s=time.monotonic,
            seal_s=config.outbox.seal_s,
            link_is_up=lambda: uplink.is_up,
            on_commit=uplink.wake,
            on_found=self._found.tell,
            chain=Chain(site.links, site.rings, site.ranges, counters),
            rings=self._rings,
            cursors=site.cursors,
        )

        def moved() -> None:
            self._tell_trouble(outbox.trouble)
            counters["moves_to_memory"] += bool(outbox.trouble)
            if not outbox.trouble:
                _log.info("the disk takes the outbox again")
            uplink.moved()

        lost = outbox.opened.set_aside or outbox.opened.in_memory
        self._desk = CommandDesk(
            site.actuators,
            Journal(outbox),
            Clocks(lambda: self._clock.now_us(), lambda: self._clock.quality, time.monotonic),
            self._health,
            uplink.report,
            self._is_ours,
            order_clip=self._clips.take,
            journal_lost=bool(lost),
        )
        outbox.on_move = moved
        self._health.on_change = self._missed.on_change = uplink.report
        self._health.component("gateway", "agent", "running", "", counters)
        return recorder, uplink

    async def _read(self, device: Device, recorder: Recorder) -> None:
        supervised = self._supervised(device.config.id, device.config.adapter, device.host.counters)

        async def work() -> None:
            samples = device.adapter.samples()
            async with contextlib.aclosing(samples):
                async for sample in samples:
                    if not supervised.is_running:
                        supervised.running()
                    await recorder.sample(sample, device.config.id)

        await supervised.keep(work)

    async def _watch(self, camera: CameraConfig, recorder: Recorder) -> None:
        desk = CameraDesk(recorder, self._clock, self._health, originals_of(self._config, camera), self._missed)
        place = self._site.places[camera.place]
        memory = self._config.gateway.data_dir / "cameras"

        async def work() -> None:
            orders = self._clips.of(camera)
            await watch(camera, place, desk, recorder, orders=orders, memory=memory, found=self._found)

        await self._supervised(camera.id, "camera", None).keep(work)

    def _is_ours(self, command: Command) -> bool:
        """Tell whether somebody gave it who may; without a key nobody commands devices, and anybody asks for clips."""
        key, gateway = self._site.command_key, self._config.gateway
        if not key and command.name == "clip":
            return True
        return is_sealed(command, key, gateway.tenant, gateway.id)

    def _supervised(self, name: str, kind: str, counters: Any) -> Supervised:
        return Supervised(name, kind, self._health, counters, now_s=time.monotonic, chance=random.random)


def _software() -> str:
    return f"haechi {importlib.metadata.version('haechi')}"


def _new_id() -> str:
    return uuid.uuid4().hex
