"""The main job as a new user runs it: a whole city on this machine, undisturbed and with its processes killed."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from support.processes import command_line

RUN_S_MAX = 240


class City:
    """A running ``haechi demo``: its lines as they come, and its children."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def follow(self) -> AsyncIterator[str]:
        """Yield what it says, line by line, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(line.decode().rstrip())
            yield self.lines[-1]

    def kill(self, *words: str) -> None:
        """Kill the child whose command line ends in such words, as the kernel kills when memory runs out."""
        os.kill(self._child(words), signal.SIGKILL)

    def _child(self, words: tuple[str, ...]) -> int:
        for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
            started_with = command_line(int(child))
            if all(word in started_with for word in words):
                return int(child)
        raise AssertionError(f"no child runs {words}")


async def run_city(
    folder: Path, options: list[str], on_line: Callable[[City, str], None]
) -> tuple[int, dict[str, Any]]:
    """Run the demo to its end; return its exit code and report."""
    report = folder / "report.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "haechi.command", "demo", "--headless", f"--report={report}", f"--keep={folder / 'city'}",
        *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    city = City(process)
    try:
        async with asyncio.timeout(RUN_S_MAX):
            async for line in city.follow():
                on_line(city, line)
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    sys.stdout.write("\n".join(city.lines))
    return code, json.loads(report.read_text())


def assert_nothing_lost(report: dict[str, Any]) -> None:
    for kind in ("observations", "events"):
        counts = report[kind]
        assert counts["committed"] > 0
        assert counts["stored"] == counts["committed"]
        assert counts["repeated"] == 0
        assert counts["lost_unreported"] == 0


async def test_the_main_job(tmp_path: Path) -> None:
    """Everything at once, camera included: the flood comes and goes, and people on camera are seen and shown."""
    seen: list[str] = []
    code, report = await run_city(tmp_path, ["--for=75s"], lambda _city, line: seen.append(line))
    assert code == 0
    assert_nothing_lost(report)
    assert report["situations"]["opened"] >= 3
    assert report["situations"]["cleared"] >= 3
    assert any(re.search(r"situation opens: .* at Expo Bridge", line) for line in seen)
    assert any(re.search(r"situation clears: .* at Expo Bridge", line) for line in seen)
    assert any(re.search(r"situation (opens|worsens): Road flooded .* at Doan Underpass", line) for line in seen)
    assert report["camera"]["frames_analysed"] > 0
    assert report["camera"]["events"] > 0
    assert any("picture from camera-1" in line for line in seen)
    for way in ("sensor_to_store", "sensor_to_screen"):
        assert 0 < report["latency_s"][way]["p50"] <= report["latency_s"][way]["p95"]


async def test_nothing_is_lost_when_gateway_and_cloud_are_killed(tmp_path: Path) -> None:
    """Each is killed twice, at the worst moments: when a situation has just opened and while the water rises."""
    moments = {
        "situation opens": [("edge", "run"), ("cloud", "run")],
        "underpass floods": [("cloud", "run")],
        "the water stands high": [("edge", "run")],
    }

    def kill(city: City, line: str) -> None:
        for moment in [moment for moment in moments if moment in line]:
            for words in moments.pop(moment):
                city.kill(*words)

    code, report = await run_city(tmp_path, ["--for=60s", "--camera=none"], kill)
    assert not moments
    assert code == 0
    assert_nothing_lost(report)
    assert report["restarts"] == {"gateway": 2, "cloud": 2}
    assert report["situations"]["opened"] > 0
    assert report["situations"]["cleared"] == report["situations"]["opened"]
