"""``haechi adapter check``: runs the conformance suite of one folder and tells, rule by rule, what holds.

The suite runs in processes of its own, two for each class of ``test_adapter.py`` and all at once; an adapter that
hangs, exits or prints cannot touch the one who asks.
"""

import ast
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from haechi.sdk.targets import Folder
from haechi.sdk.testing.rules import KIT_VERSION, RULES
from haechi.text import _

LIMIT_S = 60.0
"""When it is given up; on two cores that do nothing else it takes less than half of that."""
_BUSY_MAX = 3.0
"""How many times as long it gets at most where the machine has other things to do."""
_PARTS = ("reads_without_growth", "not reads_without_growth")
"""What is tried at once: the longest of the rules, and all others."""
_NOTHING_SELECTED = 5
State = Literal["holds", "fails", "exempt", "does not apply", "not judged"]


@dataclass(frozen=True)
class Finding:
    """How one rule fared."""

    rule: str
    state: State
    detail: str
    """Why it fails, is exempt, or does not apply."""
    duration_s: float = 0.0


@dataclass(frozen=True)
class Report:
    """How one folder fared."""

    name: str
    kit: str
    findings: tuple[Finding, ...]
    is_thorough: bool = True
    """False: every rule was tried, but less of it; no mark is given for that."""
    figures: dict[str, float] = field(default_factory=dict)
    """What rules measured, such as the share of damage that cannot be seen."""
    duration_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Tell whether every rule that applies is judged, and none fails."""
        return all(finding.state in ("holds", "exempt", "does not apply") for finding in self.findings)

    def count(self, state: State) -> int:
        """Return how many rules are in ``state``."""
        return sum(finding.state == state for finding in self.findings)


def check(folder: Folder, *, limit_s: float | None = None, thorough: bool = True) -> Report:
    """Run the suite of ``folder``; returns within ``limit_s`` and a moment, whatever the adapter does.

    Args:
        folder: what to judge.
        limit_s: what is not done by then fails; by default a minute of a machine that has nothing else to do.
        thorough: False tries every rule, but less of it, for somebody who waits for the answer.
    """
    begun_s = time.monotonic()
    if limit_s is None:
        limit_s = LIMIT_S * min(_BUSY_MAX, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
    with tempfile.TemporaryDirectory(prefix="haechi-check-") as scratch:
        classes = _classes(folder.path / "test_adapter.py") or [""]
        runs = []
        for number, (suite, part) in enumerate(itertools.product(classes, _PARTS)):
            report = Path(scratch) / f"{number}.jsonl"
            runs.append((suite, *_start(folder, suite, part, report, thorough=thorough)))
        lines: list[dict[str, object]] = []
        for suite, process, path in runs:
            lines += [{**line, "suite": suite} for line in _outcome(process, path, begun_s, limit_s)]
    verdicts = _verdicts(folder.path)
    findings = tuple(_finding(rule, verdicts.get(rule), lines) for rule in RULES)
    # Each process may have said the same.
    troubles = dict.fromkeys(
        Finding(str(line["rule"]) or "test_adapter.py", "fails", str(line["detail"]))
        for line in lines
        if line["outcome"] != "passed" and line["rule"] not in RULES
    )
    figures: dict[str, float] = {}
    for line in lines:
        figures.update(line.get("figures") or {})  # type: ignore[call-overload]
    return Report(
        folder.name, KIT_VERSION, (*troubles, *findings), thorough, figures, round(time.monotonic() - begun_s, 1)
    )


def untried() -> str:
    """Return how a finding says that its rule was not reached."""
    return _("it was not tried")


def _start(
    folder: Folder, suite: str, part: str, report: Path, *, thorough: bool
) -> tuple["subprocess.Popen[bytes]", Path]:
    test = str(folder.path / "test_adapter.py") + (f"::{suite}" if suite else "")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "haechi.sdk.testing.report"]
    command += ["-c", os.devnull, f"--rootdir={folder.root}", "--import-mode=importlib", "-o", "asyncio_mode=auto"]
    command += [
        "-o",
        "consider_namespace_packages=true",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        "-W",
        "error",
        f"--haechi-report={report}",
        test,
    ]
    command += ["-k", part]
    command += ["--haechi-thorough"] if thorough else []
    paths = [str(folder.root), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "",
    }
    with report.with_suffix(".out").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - this very Python
            command,
            cwd=report.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    return process, report


def _outcome(
    process: "subprocess.Popen[bytes]", report: Path, begun_s: float, limit_s: float
) -> list[dict[str, object]]:
    trouble = ""
    try:
        process.wait(max(0.1, begun_s + limit_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        trouble = _("not done within {seconds:.0f} s").format(seconds=limit_s)
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()] if report.exists() else []
    if (
        not trouble
        and process.returncode not in (0, 1, _NOTHING_SELECTED)
        and not any(line["outcome"] != "passed" for line in lines)
    ):
        said = report.with_suffix(".out").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        trouble = said[-1] if said else _("ended with {code}").format(code=process.returncode)
    if trouble:
        lines.append({"rule": "", "outcome": "failed", "detail": trouble, "duration_s": 0.0})
    return lines


def _finding(rule: str, verdict: str | None, lines: list[dict[str, object]]) -> Finding:
    tried = [line for line in lines if line["rule"] == rule]
    if tried and all(line.get("does_not_apply") and line["outcome"] == "passed" for line in tried):
        return Finding(rule, "does not apply", str(tried[0]["does_not_apply"]))
    if verdict is None:
        return Finding(rule, "not judged", _("conformance.toml does not name it: try it, and say met"))
    failed = [line for line in tried if line["outcome"] != "passed"]
    duration_s = max((float(str(line["duration_s"])) for line in tried), default=0.0)
    if failed:
        where = f"{failed[0]['suite']}: " if len({line["suite"] for line in lines}) > 1 else ""
        return Finding(rule, "fails", f"{where}{failed[0]['detail']}", duration_s)
    if verdict != "met" and RULES[rule].is_waivable:
        return Finding(rule, "exempt", verdict.removeprefix("exempt: "), duration_s)
    if not tried:
        return Finding(rule, "fails", untried())
    return Finding(rule, "holds", "", duration_s)


def _verdicts(folder: Path) -> dict[str, str]:
    try:
        read = tomllib.loads((folder / "conformance.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    rules = read.get("rules", {})
    return {rule: str(verdict) for rule, verdict in rules.items()} if isinstance(rules, dict) else {}


def _classes(test: Path) -> list[str]:
    """Return the classes of a test file, without running it."""
    try:
        tree = ast.parse(test.read_text(encoding="utf-8"))
    except SyntaxError:
        return []
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test")]
