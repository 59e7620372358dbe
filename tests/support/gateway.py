"""A real gateway process for tests: started, killed with -9, started again on the same folder."""

import asyncio
import json
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.sdk.transports.modbus_frames import Table

HAECHI = (sys.executable, "-c", "import sys; from haechi.command import main; sys.exit(main())")
"""The command, whatever the PATH is."""

BASE = """
[gateway]
id = "gw-1"
tenant = "daejeon"
data_dir = "data"
{identity}

[uplink]
url = "{url}"
status_s = 2
{uplink}

[[place]]
id = "bridge"
name = "Gapcheon bridge"
latitude = 36.37
longitude = 127.38
"""

RIVER = """
[[device]]
id = "river-1"
kind = "river_gauge"
place = "bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = {port}
unit_id = 1
period_s = 0.1
[[device.config.register]]
name = "distance"
address = 0
scale = 0.001
unit = "m"
observed_property = "distance"

[[derivation]]
id = "river-1.level"
source = "river-1.distance"
offset = 5.0
factor = -1
unit = "m"
observed_property = "water_level"

[[rule]]
id = "river-1.level.alarm"
kind = "threshold"
datastream = "river-1.level"
above = 3.5
hysteresis = 0.2
event = "flood.level_high"
"""


_LOW_MM, _HIGH_MM = 4000, 1200


class River:
    """The water under the gauge: one metre deep, or above its alarm level."""

    def __init__(self, simulator: ModbusSimulator) -> None:
        """Set the registers of ``simulator``."""
        self._simulator = simulator

    @property
    def port(self) -> int:
        """Where the gauge answers."""
        return self._simulator.port

    def is_low(self) -> None:
        """Let the water fall to 1 m."""
        self._simulator.unit.set(Table.HOLDING, 0, _LOW_MM)

    def is_high(self) -> None:
        """Let it rise to 3.8 m."""
        self._simulator.unit.set(Table.HOLDING, 0, _HIGH_MM)


class GatewayProcess:
    """One gateway on one folder."""

    def __init__(
        self,
        folder: Path,
        broker_url: str,
        *parts: str,
        uplink: Sequence[str] = (),
        command_key_file: Path | None = None,
    ) -> None:
        """Write its configuration: the base, and ``parts`` behind it."""
        identity = "" if command_key_file is None else f'command_key_file = "{command_key_file}"'
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "gateway.toml"
        self._log = folder / "gateway.log"
        self._process: asyncio.subprocess.Process | None = None
        text = BASE.format(url=broker_url, uplink="\n".join(uplink), identity=identity)
        self.config.write_text(text + "\n".join(parts), encoding="utf-8")

    @property
    def log(self) -> str:
        """What it has written to standard error, over all its lives."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it."""
        descriptor = await asyncio.to_thread(self._log.open, "ab")
        with descriptor:
            self._process = await asyncio.create_subprocess_exec(
                *(*HAECHI, "edge", "run", "--config", str(self.config)),
                stderr=descriptor,
            )

    def limit_files(self, size: int | None) -> None:
        """Let its disk refuse to write beyond so many bytes of a file; None lets it write again."""
        assert self._process is not None
        _soft, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

    async def kill(self) -> None:
        """End it as ``kill -9`` does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            return await self._process.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._process is not None
        async with asyncio.timeout(20):
            return await self._process.wait()

    async def says(self, words: str, timeout_s: float = 20.0) -> None:
        """Wait until its log holds these words."""
        async with asyncio.timeout(timeout_s):
            while words not in self.log:  # noqa: ASYNC110 - a file gives no event to wait for
                await asyncio.sleep(0.05)

    async def outbox(self) -> dict[str, Any]:
        """Return what ``haechi edge outbox status --json`` says."""
        process = await asyncio.create_subprocess_exec(
            *(*HAECHI, "edge", "outbox", "status", "--json"),
            *("--config", str(self.config)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _errors = await process.communicate()
        assert process.returncode == 0
        answer: dict[str, Any] = json.loads(output)
        return answer
