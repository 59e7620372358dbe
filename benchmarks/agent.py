"""A real gateway process, ``haechi edge run``, with as many Modbus devices as wanted."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.processes import Process

TENANT, GATEWAY = "city", "bench"
REGISTERS_A_DEVICE = 125

_HEAD = """
[gateway]
id = "{gateway}"
tenant = "{tenant}"
data_dir = "{data}"

[uplink]
url = "mqtt://127.0.0.1:{broker}"

[outbox]
bytes_max = {bytes_max}

[[place]]
id = "bridge"
name = "Gapcheon bridge"
latitude = 36.37
longitude = 127.38
"""

_DEVICE = """
[[device]]
id = "d{number}"
kind = "river_gauge"
place = "bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = {port}
period_s = {period_s}
timeout_s = {timeout_s}
[[device.config.registers]]
name = "r{{index:03d}}"
first = 0
count = {registers}
scale = 0.001
unit = "m"
observed_property = "water_level"
"""


def devices(
    count: int,
    port: int,
    period_s: float,
    registers: int = REGISTERS_A_DEVICE,
    *,
    first: int = 0,
    timeout_s: float = 1.0,
) -> str:
    """Return the part of a configuration that names so many devices, numbered from ``first`` on."""
    return "".join(
        _DEVICE.format(number=number, port=port, period_s=period_s, registers=registers, timeout_s=timeout_s)
        for number in range(first, first + count)
    )


class Agent(Process):
    """One gateway; its outbox lies in ``folder/data``."""

    def __init__(self, folder: Path, broker: int, *parts: str, bytes_max: int = 2**31) -> None:
        """Write its configuration; ``parts`` stand behind the head."""
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "gateway.toml"
        head = _HEAD.format(gateway=GATEWAY, tenant=TENANT, data=folder / "data", broker=broker, bytes_max=bytes_max)
        self._config.write_text(head + "".join(parts), encoding="utf-8")
        super().__init__(folder, "haechi.command", "edge", "run", "--config", str(self._config))

    async def outbox(self) -> dict[str, Any]:
        """Return what ``haechi edge outbox status --json`` says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "haechi.command", "edge", "outbox", "status", "--json"),
            *("--config", str(self._config)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _errors = await process.communicate()
        answer: dict[str, Any] = json.loads(output)
        return answer
