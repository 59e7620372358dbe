"""A whole cloud as a process of its own, on free ports; killed and started again at will."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

START_S_MAX = 30.0


class CloudProcess:
    """``async with CloudProcess(folder, "--broker", url) as cloud``; ``get`` asks its REST interface."""

    def __init__(self, folder: Path, *options: str, token: str = "") -> None:
        """``token``: of the account that asks, where there are accounts."""
        self.folder = folder
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.http = ""
        self.broker_port = 0

    async def __aenter__(self) -> "CloudProcess":
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()

    @property
    def log(self) -> str:
        return (self.folder / "cloud.log").read_text(encoding="utf-8", errors="replace")

    async def start(self) -> None:
        """Start it (again, on the same data) and wait until it answers."""
        addresses = self.folder / "data" / "addresses.json"
        process = self.spawn()
        async with asyncio.timeout(START_S_MAX), httpx.AsyncClient() as client:
            while True:
                assert process.poll() is None, self.log
                try:
                    where = json.loads(addresses.read_text(encoding="utf-8"))
                    self.http = where["http"]
                    self.broker_port = int(where["broker"].rpartition(":")[2])
                    answer = await client.get(f"{self.http}/api/v1/health", headers=self._headers)
                    if all(part["name"] != "broker" or part["state"] == "ok" for part in answer.json()["parts"]):
                        return
                except (OSError, ValueError, httpx.HTTPError):
                    pass
                await asyncio.sleep(0.05)  # another process has no event that could be awaited

    @property
    def gateway_password(self) -> str:
        """What gateways enter the embedded broker with, as user ``gateway``."""
        return (self.folder / "data" / "broker.password").read_text(encoding="ascii").strip()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it properly; return its exit code."""
        return self._end(signal.SIGTERM)

    async def get(self, path: str, **parameters: Any) -> Any:
        """Ask the REST interface."""
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.get(f"{self.http}{path}", params=parameters, headers=self._headers)
            answer.raise_for_status()
            return answer.json()

    async def until(self, path: str, true: Any, timeout_s: float = 15, **parameters: Any) -> Any:
        """Ask again and again until ``true(answer)``; return the answer."""
        async with asyncio.timeout(timeout_s):
            while not true(answer := await self.get(path, **parameters)):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)
        return answer

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start it (again, on the same data) and wait for nothing: what it needs may be away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "data" / "addresses.json").unlink(missing_ok=True)
        words = ["cloud", "run", "--data-dir", str(self.folder / "data"), "--listen", "127.0.0.1:0"]
        with (self.folder / "cloud.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "haechi.command", *words, *self._options], stdout=log, stderr=log
            )
        return self._process

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(timeout=20)
        self._process = None
        return code
