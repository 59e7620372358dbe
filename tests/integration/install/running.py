"""Runs what an installation below a scratch root put down: each unit's own ``ExecStart``, as a child of this process.

Where no systemd runs, ``systemctl start`` proves nothing. So this reads the installed unit files, puts the root before
the paths that are installed there, runs the commands beside mosquitto, and holds a pretended gauge to the serial port
that the configuration names. What only systemd can show (sandbox, users, restarts) stays untested here.

As a program: ``running.py ROOT`` waits for one reading to arrive and says in JSON what was seen; exit code 1 and the
last lines of every log when it does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.adapters.serial_level.simulator import SerialLevelSimulator

INSTALLED = ("/opt/haechi", "/etc/haechi", "/var/lib/haechi")
POLL_S = 0.05
"""The processes have no event of theirs that could be awaited from outside; their interfaces are asked this often."""


class InstallationError(Exception):
    """What was installed does not do what it should; the text says what was awaited and shows the logs."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit file says about how its process is started."""

    command: Sequence[str]
    environment: Mapping[str, str]


def read_unit(path: Path, root: Path) -> Unit:
    """Read ``ExecStart`` and ``Environment`` of a unit, with ``root`` before every path that is installed below it."""
    command: list[str] = []
    environment: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _equals, value = line.partition("=")
        if key == "ExecStart":
            command = [_below(root, word) for word in shlex.split(value.lstrip("@-:+!"))]
        elif key == "Environment":
            for setting in shlex.split(value):
                name, _equals, content = setting.partition("=")
                environment[name] = _below(root, content)
    if not command:
        raise InstallationError(f"{path}: has no ExecStart")
    return Unit(command, environment)


def _below(root: Path, word: str) -> str:
    return f"{root}{word}" if word.startswith(INSTALLED) else word


class Installation:
    """The processes of one scratch root, running."""

    def __init__(self, root: Path) -> None:
        """Take the root; :meth:`running` starts what is in it."""
        self.root = root
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    @contextlib.asynccontextmanager
    async def running(self, distance_m: float) -> AsyncIterator[SerialLevelSimulator]:
        """Start broker, cloud and gateway with a gauge that shows ``distance_m``; stop them in order.

        Raises:
            InstallationError: one of them did not end by SIGTERM with exit code 0.
        """
        async with SerialLevelSimulator(distance_m=distance_m) as gauge, self.broker():
            port = self.root / "river-gauge"
            port.unlink(missing_ok=True)
            port.symlink_to(gauge.port)
            for name in ("haechi-cloud", "haechi-edge"):
                unit = read_unit(self.root / f"etc/systemd/system/{name}.service", self.root)
                await self._start(name, unit.command, unit.environment)
            yield gauge
            for name in ("haechi-edge", "haechi-cloud"):
                await self._stop(name)

    @contextlib.asynccontextmanager
    async def broker(self) -> AsyncIterator[int]:
        """Start the broker and return its port once it listens; at the end kill whatever was started."""
        number = int((self.root / "port").read_text(encoding="utf-8"))
        try:
            await self._start("mosquitto", ["mosquitto", "-c", str(self.root / "etc/mosquitto/mosquitto.conf")], {})
            async with self._patience("the broker to listen", 10):
                await _listening(number)
            yield number
        finally:
            for process in self._processes.values():
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
        with self._log(name).open("wb") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env={**os.environ, "PATH": path, **environment}
            )

    async def _stop(self, name: str) -> None:
        process = self._processes[name]
        if process.returncode is None:
            process.terminate()
        code = await asyncio.wait_for(process.wait(), 20)
        if code:
            raise InstallationError(f"{name} ended with exit code {code}\n{self.logs()}")

    def _log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def logs(self) -> str:
        """Return the last lines of every log."""
        parts = []
        for name in self._processes:
            lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
            parts.append(f"--- {name}\n" + "\n".join(lines[-25:]))
        return "\n".join(parts)

    async def datastream(self, name: str, timeout_s: float = 40) -> dict[str, Any]:
        """Wait until the cloud knows the newest value of a datastream, and return what it answers.

        Raises:
            InstallationError: it did not come in time, or a process died.
        """
        async with self._patience(f"a value of {name} in the cloud", timeout_s):
            while True:
                for item in (await self.cloud("/api/v1/datastreams") or {}).get("items", []):
                    if item["id"] == name and item["latest"]:
                        return dict(item)
                await asyncio.sleep(POLL_S)

    async def acknowledged(self, timeout_s: float = 20) -> dict[str, Any]:
        """Wait until the cloud has acknowledged a parcel to the gateway, and return the outbox's figures.

        Raises:
            InstallationError: it did not come in time, or a process died.
        """
        unit = read_unit(self.root / "etc/systemd/system/haechi-edge.service", self.root)
        config = unit.command[unit.command.index("--config") + 1]
        async with self._patience("an acknowledgement in the gateway's outbox", timeout_s):
            while True:
                process = await asyncio.create_subprocess_exec(
                    *(unit.command[0], "edge", "outbox", "status", "--config", config, "--json"),
                    stdout=asyncio.subprocess.PIPE,
                )
                answer, _errors = await process.communicate()
                if process.returncode == 0:
                    figures = dict(json.loads(answer))
                    if figures["observations_committed"] and figures["bytes"] < figures["bytes_kept"]:
                        return figures
                await asyncio.sleep(POLL_S)

    async def cloud(self, path: str) -> Any:
        """Return the cloud's JSON answer; None while it does not answer yet."""
        addresses = self.root / "var/lib/haechi-cloud/addresses.json"
        return await asyncio.to_thread(_get, addresses, path)

    @contextlib.asynccontextmanager
    async def _patience(self, awaited: str, timeout_s: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except TimeoutError:
            raise InstallationError(f"waited {timeout_s} s in vain for {awaited}\n{self.logs()}") from None


async def _listening(port: int) -> None:
    while True:
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(POLL_S)
        else:
            writer.close()
            return


def _get(addresses: Path, path: str) -> Any:
    try:
        url = json.loads(addresses.read_text(encoding="utf-8"))["http"] + path
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the cloud's own loopback address
            return json.load(answer)
    except OSError:
        return None


async def _see(root: Path) -> dict[str, Any]:
    installation = Installation(root)
    async with installation.running(distance_m=2.0):
        seen = await installation.datastream("river.water_level")
        figures = await installation.acknowledged()
    return {"datastream": seen, "outbox": figures}


def main() -> int:
    """Run the installation below the root that the command line names."""
    try:
        seen = asyncio.run(_see(Path(sys.argv[1])))
    except InstallationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(seen, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
