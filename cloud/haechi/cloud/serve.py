"""The composition root of the cloud: the only place where its parts are made and put together.

One process, one event loop; the state has a writing thread, the points have another. A signal ends it in order; a
``kill -9`` at any moment loses nothing, for nothing is acknowledged before it is durable.
"""

import asyncio
import contextlib
import gc
import json
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import uvicorn
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from sqlalchemy import Connection

from haechi.cloud import command_keys
from haechi.cloud.addresses import broker_address, open_points
from haechi.cloud.clock import now_us
from haechi.cloud.config import CloudConfig
from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.event_broker.apply import Gateway
from haechi.cloud.event_broker.arrivals import Arrival
from haechi.cloud.event_broker.credentials import CLOUD, GATEWAY
from haechi.cloud.event_broker.embedded import EmbeddedBroker
from haechi.cloud.event_broker.intake import Intake
from haechi.cloud.event_broker.link import BrokerAddress, BrokerLink
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.event_broker.store_watch import StoreWatch
from haechi.cloud.event_handler import handler, seen
from haechi.cloud.objects import FolderObjects, ObjectUnavailable
from haechi.cloud.services import PartHealth, Services
from haechi.cloud.state import changes, commands, fence, retention
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.engine import UNREADABLE, open_apart, open_state, reading, reason
from haechi.cloud.state.writer import StateUnavailable, StateWriter, Turn
from haechi.command import UsageError
from haechi.contract.control import Command, encode_control
from haechi.contract.topics import DOWN_COMMAND, ROOT, topic
from haechi.text import _

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

URGENT_WINDOW, STATUS_WINDOW, BULK_WINDOW = 128, 128, 512
"""Messages that may be unacknowledged on each connection; bounds the memory of the intake."""
SWEEP_S, HOUSE_S = 1.0, 60.0
GRACE_S = 2
_APART = 4
"""Connections to the state for what must not wait for people: the writer, the points, the watch on them, the fence."""
COLLECT_EVERY = 50_000
"""Objects made between two looks for circles among them. Observations arrive as many thousands of short lists that are
in no circle; looking through them as often as Python does by itself took a tenth of the intake's speed."""


def serve(config: CloudConfig) -> int:
    """Run the cloud until SIGTERM or SIGINT; return the exit code.

    Raises:
        UsageError: it cannot start as it was told to.
    """
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # pictures of people are in there
    except OSError as error:
        raise UsageError(_("data_dir: {reason}").format(reason=error)) from error
    gc.set_threshold(COLLECT_EVERY)
    with contextlib.closing(_bind(*config.listens_at)) as listener:
        asyncio.run(Cloud(config, listener).run())
    return 0


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            _("listen = {host}:{port}: {reason}; choose another with --listen").format(
                host=host, port=port, reason=error.strerror
            )
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Leaves the signals to the composition root."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Cloud:
    """All parts of one cloud."""

    def __init__(self, config: CloudConfig, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._tasks: list[asyncio.Task[None]] = []
        self._unused: list[str] = []

    async def run(self) -> None:
        """Start every part, serve, and end them in order."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        config = self._config
        self._points = open_points(config.store_url, now_us, config.retention_days)
        self._state = open_state(config.state_url)
        self._apart = open_apart(config.state_url, _APART)
        self._writer = StateWriter(self._apart)
        self._bell = ChangeBell()
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._meters = Meters(registry)
        self._objects = FolderObjects(config.objects_dir)
        try:
            services = Services(
                state=self._state,
                points=self._points,
                objects=self._objects,
                bell=self._bell,
                health=self._health,
                tenant=config.tenants[0],
                tenants=config.tenants,
                metrics=registry,
                clock_us=now_us,
                command=partial(self._command, asyncio.get_running_loop()),
                basemap=config.basemap,
                command_keys=command_keys.load(config.command_keys),
            )
            making_app = asyncio.create_task(asyncio.to_thread(_make_app, services))
            address = await self._find_broker()
            self._acknowledger = Acknowledger(self._publish, now_us)
            self._intake = Intake(
                tenants=config.tenants,
                home=config.tenants[0],
                state=self._apart,
                writer=self._writer,
                points=self._points,
                objects=self._objects,
                bell=self._bell,
                acknowledger=self._acknowledger,
                meters=self._meters,
                clock_us=now_us,
            )
            self._store_watch = StoreWatch(
                self._points, self._apart, self._writer, self._meters, now_us, config.retention_days
            )
            self._links = [
                self._link("urgent", address, ["up/urgent"], URGENT_WINDOW),
                self._link("status", address, ["up/status"], STATUS_WINDOW),
                self._link("bulk", address, ["up/live", "up/backlog"], BULK_WINDOW),
            ]
            if config.share is not None:
                self._links.append(self._link_for_retained(address))
            await self._serve(making_app, address, stop)
        finally:
            await self._end()

    async def _find_broker(self) -> BrokerAddress:
        self._embedded: EmbeddedBroker | None = None
        if self._config.broker != "embedded":
            return broker_address(self._config.broker)
        embedded = EmbeddedBroker(self._config.data_dir, self._config.broker_port)
        try:
            await embedded.start()
        except OSError as error:
            await embedded.stop()
            raise UsageError(
                _(
                    "the embedded broker cannot start on 127.0.0.1:{port}: {reason}; choose another with --broker-port"
                ).format(port=embedded.port, reason=error.strerror or error)
            ) from error
        self._embedded = embedded
        return BrokerAddress("127.0.0.1", embedded.port, username=CLOUD, password=embedded.credentials.cloud)

    def _link(self, lane: str, address: BrokerAddress, channels: list[str], window: int) -> BrokerLink:
        shared = "" if self._config.share is None else f"$share/{self._config.share}/"
        return BrokerLink(
            lane,
            address,
            [f"{shared}{ROOT}/+/+/{channel}" for channel in channels],
            lambda arrival: self._intake.take(lane, arrival),
            window,
            now_us,
            self._connected,
            self._passed_over,
        )

    def _link_for_retained(self, address: BrokerAddress) -> BrokerLink:
        """Make a link for retained statuses, which a shared subscription never gets (MQTT 5.0, section 4.8.2)."""

        async def take(arrival: Arrival) -> None:
            if arrival.retained:
                await self._intake.take("status", arrival)

        return BrokerLink("retained", address, [f"{ROOT}/+/+/up/status"], take, STATUS_WINDOW, now_us, self._connected)

    def _connected(self, link: str) -> None:
        self._meters.connections.labels(link).inc()

    def _passed_over(self, link: str) -> None:
        self._meters.passed_over.labels(link).inc()

    async def _serve(self, making_app: "asyncio.Task[FastAPI]", address: BrokerAddress, stop: asyncio.Event) -> None:
        loops = [
            self._intake.run(),
            self._acknowledger.run(),
            self._sweep(),
            self._keep_house(),
            self._store_watch.run(),
            *(link.run() for link in self._links),
        ]
        if self._embedded is not None:
            loops.append(self._embedded.run())
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        app = await making_app
        server = _Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=GRACE_S,
                server_header=False,
            )
        )
        self._announce(address)
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        stopping = asyncio.create_task(stop.wait())
        done, _pending = await asyncio.wait({serving, stopping, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        app.state.feed.close()
        server.should_exit = True
        await serving
        for task in done - {serving, stopping}:
            task.result()  # a part that ended by itself has failed: say why, with a code that restarts us

    def _announce(self, address: BrokerAddress) -> None:
        host, port = self._listener.getsockname()[:2]
        http = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        where = {"http": http, "broker": str(address)}
        _write_whole(self._config.data_dir / "addresses.json", json.dumps(where) + "\n")
        log.warning("serving %s at %s, gateways at %s", ", ".join(self._config.tenants), http, address)
        if self._embedded is not None:
            log.warning("gateways enter as user %s with the password in %s", GATEWAY, self._embedded.credentials.file)

    async def _publish(self, topic: str, payload: bytes) -> None:
        """Send by the first connection that is up: all reach the same broker."""
        for link in self._links:
            if link.trouble is None:
                await link.publish(topic, payload)
                return

    def _command(self, loop: asyncio.AbstractEventLoop, tenant: str, gateway: str, command: Command) -> None:
        """Send a command from whatever thread; one that finds no connection is lost, and expires anyway."""
        where = topic(tenant, gateway, DOWN_COMMAND)
        asyncio.run_coroutine_threadsafe(self._publish(where, encode_control(command)), loop)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._quietly(self._sweep_once)

    def _sweep_once(self, connection: Connection) -> bool:
        at_us = now_us()
        given_up = commands.give_up(connection, at_us)
        swept = [*handler.sweep(connection, at_us), *seen.watch(connection, at_us), *given_up]
        changes.append_all(connection, swept, at_us)
        return bool(swept)

    async def _keep_house(self) -> None:
        while True:
            for chore in retention.CHORES:
                await self._do(chore)
            await self._inspect()
            while self._unused:
                try:
                    await asyncio.to_thread(self._objects.discard, self._unused[-1])
                    self._unused.pop()
                except ObjectUnavailable as error:
                    log.warning("objects: %s; put off", error)
                    break
            await asyncio.sleep(HOUSE_S)

    async def _do(self, chore: retention.Chore) -> None:
        """Do a chore; what it leaves unused may be discarded once that is committed, and not before."""
        unused: list[str] = []

        def work(connection: Connection) -> bool:
            unused[:] = chore(connection, now_us())
            return True

        if await self._quietly(work):
            self._unused.extend(unused)

    async def _inspect(self) -> None:
        """Fence off who is out of bounds, and nobody else any more."""

        def look() -> Mapping[Gateway, str]:
            with reading(self._apart) as connection:
                return fence.inspect(connection, now_us())

        def stand(connection: Connection) -> bool:
            changed = fence.stand(connection, reasons)
            changes.append_all(connection, changed, now_us())
            return bool(changed)

        try:
            reasons = await asyncio.to_thread(look)
        except UNREADABLE as error:
            log.warning("state: %s; put off", reason(error))
            return
        await self._quietly(stand)

    async def _quietly(self, work: Callable[[Connection], bool]) -> bool:
        """Run something that can as well be done later; ring when it changed something. False when it was put off."""
        try:
            if await self._writer.run(Turn.KEEPING, work):
                self._bell.ring()
        except StateUnavailable as error:
            log.warning("state: %s; put off", error)
            return False
        return True

    def _health(self) -> list[PartHealth]:
        parts = []
        broken = [f"{link.name}: {link.trouble}" for link in self._links if link.trouble is not None]
        if self._embedded is not None and self._embedded.trouble is not None:
            broken.insert(0, self._embedded.trouble)
        refused = [link.refusal for link in self._links if link.refusal is not None]
        state: Literal["ok", "degraded", "down"] = "down" if broken else "degraded" if refused else "ok"
        parts.append(PartHealth("broker", state, (broken + refused + [""])[0]))
        trouble = self._intake.trouble.get("points") or self._store_watch.trouble
        notice = self._store_watch.notice
        parts.append(
            PartHealth("points", "down" if trouble else "degraded" if notice else "ok", trouble or notice or "")
        )
        trouble = self._intake.trouble.get("state")
        parts.append(PartHealth("state", "down" if trouble else "ok", trouble or ""))
        return parts

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._writer.close)
        self._apart.dispose()
        self._state.dispose()
        self._points.close()


def _make_app(services: Services) -> "FastAPI":
    """Make what people see. Its import takes longer than all the rest: gateways are served meanwhile."""
    from haechi.cloud.event_monitor.app import create_app

    return create_app(services)


def _write_whole(path: Path, content: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(content, encoding="utf-8")
    new.rename(path)
