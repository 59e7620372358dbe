"""Processes of ours, and what the kernel says that they cost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_END_S_MAX = 20.0
ROOT = Path(__file__).resolve().parent.parent


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process has used, all its threads, user and system."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS_A_SECOND


def rss_mb(pid: int, *, peak: bool = False) -> float:
    """Return the memory that a process holds (or the most that it ever held), in megabytes of 10^6 bytes."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


class Process:
    """A Python module as a child; killed at the latest when its context ends. Its standard error goes to a file."""

    def __init__(self, folder: Path, module: str, *arguments: str) -> None:
        """Prepare ``python -m module arguments``."""
        self._command = [sys.executable, "-m", module, *arguments]
        self._log = folder / f"{module.rpartition('.')[2]}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
            )

    def write(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def read(self, count: int) -> bytes:
        """Read bytes of its standard output; blocks; fewer mean that it has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.read(count)

    async def line(self) -> Any:
        """Return the next line of its standard output, which is JSON."""
        assert self._process is not None
        assert self._process.stdout is not None
        text = await asyncio.to_thread(self._process.stdout.readline)
        assert text, f"{' '.join(self._command[1:])} ended: {self.log[-2000:]}"
        return json.loads(text)

    async def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, _END_S_MAX)


class Meter:
    """What a process costs from now on."""

    def __init__(self, pid: int) -> None:
        """Begin."""
        self._pid = pid
        self._begun_s = asyncio.get_running_loop().time()
        self._cpu_s = cpu_s(pid)

    def read(self) -> tuple[float, float]:
        """Return the seconds that passed, and the seconds of CPU that it used."""
        return asyncio.get_running_loop().time() - self._begun_s, cpu_s(self._pid) - self._cpu_s


def tell(answer: dict[str, Any]) -> None:
    """Write one line of JSON to standard output: how a child answers."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def words(options: Sequence[tuple[str, object]]) -> list[str]:
    """Return options as the words of a command line."""
    return [word for name, value in options for word in (f"--{name}", str(value))]
