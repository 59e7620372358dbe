"""Child processes that are started again when they die, as systemd would.

Each child's output goes to a file of its own. A child is told to end by SIGTERM and is killed when it does not
heed it; when the parent dies, however it dies, the kernel ends the child too.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RESTART_S = 0.5
_HEED_S = 15.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_LOG_BYTES_MAX = 16 * 1024 * 1024


class Keeper:
    """Keeps one command running until :meth:`stop`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        on_restart: Callable[[str, int], None] | None = None,
    ) -> None:
        """Prepare ``command``; ``on_restart`` hears the name and exit code whenever it has to be started again."""
        self.name = name
        self.restarts = 0
        self._command = list(command)
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._on_restart = on_restart
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and keep it running."""
        self._stopping = False
        await self._spawn()
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self) -> None:
        """End it; returns when it is gone."""
        self._stopping = True
        if self._task is None or self._process is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _HEED_S)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        await self._task
        self._task = None

    async def _spawn(self) -> None:
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES_MAX:
            self._log.replace(self._log.with_suffix(".old"))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                preexec_fn=_die_with_parent,
            )

    async def _keep(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            if self._stopping:
                return
            self.restarts += 1
            if self._on_restart:
                self._on_restart(self.name, code)
            await asyncio.sleep(RESTART_S)
            if self._stopping:
                return
            await self._spawn()


def _die_with_parent() -> None:
    """Runs in the child before it becomes the command (prctl(2), PR_SET_PDEATHSIG)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules with this very interpreter."""
    return [sys.executable, "-m", module, *arguments]
