"""What every test shares: no time limits in hypothesis, and a plain word about what a machine cannot run.

Tests that use a real server need its program. In CI a missing one is a failure; elsewhere the tests that need it are
left out, and the run ends by saying which, and how to get it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("haechi", deadline=None)
settings.load_profile("haechi")

_FOLDERS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_NEEDS = {
    "support.mosquitto": ("mosquitto", "mosquitto"),
    "support.influx": ("influxd", "influxdb"),
    "support.browser": ("chromium", "chromium"),
    "support.postgres": ("/usr/lib/postgresql/*/bin/initdb", "postgresql"),
}
"""Module of ``tests/support`` → the program that it starts, and Debian's package of it."""

_left_out = pytest.StashKey[dict[str, int]]()


def _is_here(program: str) -> bool:
    if program.startswith("/"):
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path=_FOLDERS) is not None


def _modules_behind(item: pytest.Item) -> Iterator[str]:
    """Yield the modules whose names a test, or one of its fixtures, has imported."""
    spaces = [vars(item.module)] if isinstance(item, pytest.Function) else []
    fixtures = getattr(item, "_fixtureinfo", None)
    for definitions in fixtures.name2fixturedefs.values() if fixtures else ():
        spaces += [getattr(definition.func, "__globals__", {}) for definition in definitions]
    for space in spaces:
        for thing in space.values():
            yield str(getattr(thing, "__module__", None) or getattr(thing, "__name__", ""))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run, except in CI."""
    missing = {module: package for module, (program, package) in _NEEDS.items() if not _is_here(program)}
    if not missing or os.environ.get("CI"):
        return
    left_out: dict[str, int] = {}
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        lacking = {missing[module] for module in _modules_behind(item) if module in missing}
        (dropped if lacking else kept).append(item)
        for package in lacking:
            left_out[package] = left_out.get(package, 0) + 1
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
        config.stash[_left_out] = left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out and how to get it."""
    for package, count in config.stash.get(_left_out, {}).items():
        how = f"on Debian: sudo apt-get install --no-install-recommends {package}"
        terminalreporter.write_line(f"left out: {count} tests that need {package}; {how}", yellow=True)
