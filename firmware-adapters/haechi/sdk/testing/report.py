"""A pytest plugin that writes down how each rule fared; ``haechi adapter check`` runs it in a process of its own.

``-p haechi.sdk.testing.report --haechi-report FILE`` writes one JSON object a test; ``--haechi-thorough`` tries all of
each rule.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from haechi.sdk.testing.suite import PATIENCE_S, THOROUGH, Run

_DETAIL_CHARACTERS_MAX = 500


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the file."""
    parser.addoption("--haechi-report", type=Path, default=None, help="where to write how each rule fared")
    parser.addoption("--haechi-thorough", action="store_true", help="try all of each rule, as for a mark")


def pytest_configure(config: pytest.Config) -> None:
    """Take the effort, and write down."""
    if config.getoption("--haechi-thorough"):
        Run.effort = THOROUGH
    path = config.getoption("--haechi-report")
    if path is not None:
        config.pluginmanager.register(_Writer(path), "haechi-report-writer")


class _Writer:
    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._write({"rule": "", "outcome": "failed", "detail": _last_line(report.longreprtext), "duration_s": 0.0})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        crash = getattr(report.longrepr, "reprcrash", None)
        text = crash.message if crash is not None else _last_line(report.longreprtext)
        noted = dict(report.user_properties)
        self._write(
            {
                "rule": name.removeprefix("test_"),
                "outcome": report.outcome,
                "detail": _plain(text) if report.outcome != "passed" else "",
                "duration_s": round(report.duration, 3),
                "does_not_apply": noted.pop("does_not_apply", ""),
                "figures": noted,
            }
        )

    def _write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _plain(text: str) -> str:
    """Return the first line without what pytest puts around an assertion."""
    if text.startswith("TimeoutError"):
        return f"what was awaited did not come within {PATIENCE_S:g} s"
    first = text.partition("\n")[0].removeprefix("AssertionError: ").removeprefix("E   ").strip()
    return first[:_DETAIL_CHARACTERS_MAX]


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return _plain(lines[-1] if lines else "")
