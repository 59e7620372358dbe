"""A small city of real processes: counting devices, a river gauge, gateway, broker, cloud, InfluxDB, and their links.

::

    devices ── gateway ── link ── mosquitto ── link ── cloud ── InfluxDB
                           (fault proxies)

Promise: every strike takes its target down and puts it up again, whatever the others do meanwhile; what was done to
whom is put down with its time. Devices and proxies live in this process, everything else is a process of its own.
"""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fault.real.plan import Strike

from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.edge.outbox import Figures, OutboxFailed
from haechi.edge.outbox.figures import look
from support.certificates import make_certificates
from support.cloud import CloudProcess
from support.counting import NOISE, CountingDevice
from support.fault_proxy import FaultProxy, Mode
from support.gateway import RIVER, GatewayProcess, River
from support.influx import DATABASE, InfluxServer
from support.mosquitto import Mosquitto
from support.processes import is_alive

GATEWAY, TENANT = "gw-1", "daejeon"
DEVICES, VALUES_A_READ = 4, 20
_COUNTING = """
[[device]]
id = "d{number}"
kind = "traffic_counter"
place = "bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = {port}
period_s = 0.1
timeout_s = 60
[[device.config.registers]]
name = "n{{index:02d}}"
first = 0
count = {values}
type = "uint32"
"""
"""A device waits a minute for its answer: a gateway that was frozen throws none away."""
_NOISE = """
[[device.config.registers]]
name = "x{{index:03d}}"
first = {first}
count = {values}
type = "uint32"
"""
_OUTBOX = "\n[outbox]\nbytes_max = {bytes_max}\n"
_LOOK_S = 0.1
_OLD_S = 3.0


@dataclass
class Diary:
    """What was done, as the clock of this machine says (µs since 1970)."""

    gateway_killed_us: list[int] = field(default_factory=list)
    gateway_stopping_us: list[tuple[int, int]] = field(default_factory=list)
    """Orderly stops, from the signal to the end."""
    struck: Counter[str] = field(default_factory=Counter)


@dataclass
class RealCity:
    """Everything, up and running; :func:`real_city` makes one."""

    folder: Path
    devices: Sequence[CountingDevice]
    river: River
    broker: Mosquitto
    influx: InfluxServer
    gateway: GatewayProcess
    cloud: CloudProcess
    gateway_link: FaultProxy
    cloud_link: FaultProxy
    bytes_max: int
    diary: Diary = field(default_factory=Diary)

    @property
    def data_dir(self) -> Path:
        """The gateway's folder."""
        return self.gateway.config.parent / "data"

    def outbox(self) -> Figures:
        """Look into the outbox from outside."""
        return look(self.data_dir, self.bytes_max)

    async def suffer(self, plan: Sequence[Strike]) -> None:
        """Let every strike begin and end at its time; returns when all is mended."""
        begun_s = time.monotonic()
        # One place is struck once at a time: what is slow to stop or to start makes the next one wait.
        turns = {strike.target: asyncio.Lock() for strike in plan}
        try:
            async with asyncio.TaskGroup() as strikes:
                for strike in plan:
                    strikes.create_task(self._strike(strike, begun_s, turns[strike.target]))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _strike(self, strike: Strike, begun_s: float, turn: asyncio.Lock) -> None:
        await asyncio.sleep(max(0.0, begun_s + strike.at_s - time.monotonic()))
        async with turn:
            await self._strike_now(strike)

    async def _strike_now(self, strike: Strike) -> None:
        self.diary.struck[strike.name] += 1
        for name, process in (("gateway", self.gateway), ("cloud", self.cloud)):
            assert strike.target != name or is_alive(process.pid), (
                f"the {name} has ended by itself: {process.log[-2000:]}"
            )
        blow = getattr(self, f"_{strike.target}_{strike.what}", None)
        if blow is not None:
            async with blow():
                await asyncio.sleep(strike.length_s)
            return
        link: FaultProxy = getattr(self, strike.target)
        mode: Mode = strike.what  # type: ignore[assignment]  # checked by the proxy's own table of modes
        link.be(mode)
        await asyncio.sleep(strike.length_s)
        link.be("pass")

    @contextlib.asynccontextmanager
    async def _gateway_killed(self) -> AsyncIterator[None]:
        await self.gateway.kill()
        self.diary.gateway_killed_us.append(_now_us())
        yield
        await self.gateway.start()

    @contextlib.asynccontextmanager
    async def _gateway_restarted(self) -> AsyncIterator[None]:
        await self.stop_gateway()
        yield
        await self.gateway.start()

    @contextlib.asynccontextmanager
    async def _gateway_frozen(self) -> AsyncIterator[None]:
        os.kill(self.gateway.pid, signal.SIGSTOP)
        yield
        os.kill(self.gateway.pid, signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def _cloud_killed(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.cloud.kill)
        yield
        self.cloud.spawn()

    @contextlib.asynccontextmanager
    async def _cloud_restarted(self) -> AsyncIterator[None]:
        await self.end_cloud()
        yield
        self.cloud.spawn()

    @contextlib.asynccontextmanager
    async def _cloud_frozen(self) -> AsyncIterator[None]:
        os.kill(self.cloud.pid, signal.SIGSTOP)
        yield
        os.kill(self.cloud.pid, signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def _broker_killed(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.broker.kill)
        yield
        await self.broker.start()

    @contextlib.asynccontextmanager
    async def _broker_frozen(self) -> AsyncIterator[None]:
        self.broker.freeze()
        yield
        self.broker.thaw()

    @contextlib.asynccontextmanager
    async def _store_killed(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.influx.kill)
        yield
        await asyncio.to_thread(self.influx.start)

    @contextlib.asynccontextmanager
    async def _store_frozen(self) -> AsyncIterator[None]:
        self.influx.freeze()
        yield
        self.influx.thaw()

    @contextlib.asynccontextmanager
    async def _water_high(self) -> AsyncIterator[None]:
        self.river.is_high()
        yield
        self.river.is_low()

    async def stop_gateway(self) -> None:
        """Stop the gateway in order."""
        asked_us = _now_us()
        code = await self.gateway.stop()
        # Asked before it listens for that, it has opened nothing yet.
        assert code in (0, -signal.SIGTERM), f"the gateway ended with {code}: {self.gateway.log[-2000:]}"
        self.diary.gateway_stopping_us.append((asked_us, _now_us()))

    async def end_cloud(self) -> None:
        """Stop the cloud in order: everything that it has acknowledged is where it belongs."""
        code = await asyncio.to_thread(self.cloud.stop)
        assert code in (0, -signal.SIGTERM), f"the cloud ended with {code}: {self.cloud.log[-2000:]}"

    async def live_again(self, limit_s: float) -> float:
        """Return how long it takes until the store has a value of each device that is read from now on (s)."""
        begun_s, marks = time.monotonic(), [device.handed_out for device in self.devices]

        async def newest(number: int) -> int:
            answer = await asyncio.to_thread(
                self.influx.ask,
                f"SELECT last(v) FROM observation WHERE datastream = 'd{number}.n00'",  # noqa: S608
            )
            series = json.loads(answer)["results"][0].get("series")
            return int(series[0]["values"][0][1]) if series else 0

        async with asyncio.timeout(limit_s):
            for number, mark in enumerate(marks):
                while await newest(number) <= mark:  # noqa: ASYNC110 - another process gives no event
                    await asyncio.sleep(_LOOK_S)
        return time.monotonic() - begun_s

    async def in_step(self, limit_s: float) -> float:
        """Return how long it takes until nothing old waits in the outbox any more (s)."""
        begun_s = time.monotonic()
        async with asyncio.timeout(limit_s):
            while not await asyncio.to_thread(self._is_in_step):  # noqa: ASYNC110 - another process gives no event
                await asyncio.sleep(_LOOK_S)
        return time.monotonic() - begun_s

    async def empty_outbox(self, limit_s: float) -> Figures:
        """Stop the gateway in order and with nothing left to send; return what its outbox says."""
        async with asyncio.timeout(limit_s):
            while True:
                await self.in_step(limit_s)
                await self.stop_gateway()
                figures = self.outbox()
                if not figures.parcels:
                    return figures
                await self.gateway.start()

    def _is_in_step(self) -> bool:
        try:
            oldest_us = self.outbox().oldest_us
        except OutboxFailed:
            return False
        return oldest_us is None or _now_us() - oldest_us < _OLD_S * 1e6


@contextlib.asynccontextmanager
async def real_city(
    folder: Path,
    *,
    tls: bool = False,
    bytes_max: int = 2**28,
    noise: int = 0,
    freeze_s: float = 10.0,
) -> AsyncIterator[RealCity]:
    """Start everything; end everything.

    Args:
        folder: for all files; must be empty.
        tls: whether gateway and cloud speak TLS with the broker.
        bytes_max: of the gateway's outbox.
        noise: how many values of four bytes that nobody can compress each device gives beside those that count.
        freeze_s: after which the gateway gives a silent link up.
    """
    certificates = make_certificates(folder / "certificates")
    secret = {"certificate": certificates.server_cert, "key": certificates.server_key} if tls else {}
    async with contextlib.AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(CountingDevice()) for _ in range(DEVICES)]
        river = River(await stack.enter_async_context(ModbusSimulator()))
        river.is_low()
        broker = await stack.enter_async_context(Mosquitto(folder / "broker", **secret))  # type: ignore[arg-type]
        (folder / "influx").mkdir()
        influx = stack.enter_context(InfluxServer(folder / "influx"))
        gateway_link, cloud_link = [await stack.enter_async_context(FaultProxy(broker.port)) for _ in range(2)]
        scheme = "mqtts" if tls else "mqtt"
        query = f"?ca_file={certificates.ca}" if tls else ""
        cloud = CloudProcess(
            folder / "cloud",
            *("--broker", f"{scheme}://127.0.0.1:{cloud_link.port}{query}", "--tenant", TENANT),
            *("--store", f"influxdb://127.0.0.1:{influx.port}/{DATABASE}"),
        )
        await stack.enter_async_context(cloud)
        parts = [
            _COUNTING.format(number=number, port=device.port, values=VALUES_A_READ)
            + (_NOISE.format(first=NOISE, values=noise) if noise else "")
            for number, device in enumerate(devices)
        ]
        uplink = [f"freeze_s = {freeze_s}", *([f'ca_file = "{certificates.ca}"'] if tls else [])]
        gateway = GatewayProcess(
            folder / "gateway",
            f"{scheme}://127.0.0.1:{gateway_link.port}",
            RIVER.format(port=river.port),
            *parts,
            _OUTBOX.format(bytes_max=bytes_max),
            uplink=uplink,
        )
        await gateway.start()
        stack.push_async_callback(_end, gateway)
        yield RealCity(folder, devices, river, broker, influx, gateway, cloud, gateway_link, cloud_link, bytes_max)


async def _end(gateway: GatewayProcess) -> None:
    if gateway.running:
        await gateway.kill()


def _now_us() -> int:
    return time.time_ns() // 1000
