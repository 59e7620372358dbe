"""Rules that need no device: the folder, the configuration, and what the code keeps its hands off."""

# ruff: noqa: S101, D102 - this is a test suite: asserts are its business, and the names of the tests say what they test

import ast
import inspect
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from haechi.sdk import ConfigError, Host, find_adapters, load_adapter
from haechi.sdk.readme import with_tables
from haechi.sdk.recording import load_recordings
from haechi.sdk.registry import GROUP
from haechi.sdk.testing.suite import DEVICE, Suite
from haechi.sdk.units import misfit

_FILES = ("README.md", "adapter.py", "config.py", "sample.toml", "simulator.py", "test_adapter.py")
_HEADINGS = ("## Device", "## Wiring", "## Configuration", "## Limits", "## Tried with", "## Standard")
_NOT_ITS_SIDE = frozenset(
    (
        "threading",
        "_thread",
        "multiprocessing",
        "subprocess",
        "concurrent",
        "pty",
        "sqlite3",
        "paho",
        "gmqtt",
        "aiomqtt",
    )
)
_TIMES = ("time", "time_ns", "localtime", "gmtime", "sleep", "clock_gettime", "clock_gettime_ns", "ctime", "strftime")
_PROCESSES = (
    "system",
    "popen",
    "fork",
    "forkpty",
    "posix_spawn",
    "posix_spawnp",
    "execv",
    "execve",
    "execvp",
    "spawnv",
)
_FORBIDDEN = frozenset(
    (
        *(f"time.{name}" for name in _TIMES),
        *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
        "datetime.date.today",
        *(f"os.{name}" for name in _PROCESSES),
        *(f"asyncio.{name}" for name in ("to_thread", "create_subprocess_exec", "create_subprocess_shell")),
    )
)
_FORBIDDEN_METHODS = frozenset(("run_in_executor", "subprocess_exec", "subprocess_shell"))


class FolderRules(Suite):
    """The folder as a partner ships it."""

    def test_folder_is_complete(self) -> None:
        if self.skips_files("folder_is_complete"):
            return
        for name in _FILES:
            assert (self.folder / name).is_file(), f"{name} is missing"
        readme = (self.folder / "README.md").read_text(encoding="utf-8")
        for heading in _HEADINGS:
            assert heading in readme, f"README.md has no section {heading}"
        expected = with_tables(readme, self.adapter.Config)
        assert readme == expected, f"run: python -m haechi.sdk.readme {self.folder}"

    def test_found_by_entry_point(self) -> None:
        if self.skips_files("found_by_entry_point"):
            return
        announced = find_adapters().get(self.entry_point) or _announced(self.folder, self.entry_point)
        assert announced is not None, f"no package announces {self.entry_point} under {GROUP}"
        assert load_adapter(self.entry_point, {self.entry_point: announced}) is self.adapter

    def test_sample_loads(self) -> None:
        if self.skips_files("sample_loads"):
            return
        adapter = self.adapter(DEVICE, self.adapter.load_config(self._sample()), Host())
        assert adapter.describe(), "the sample configuration describes no datastream"

    def test_unknown_key_is_refused(self) -> None:
        if self.skips_files("unknown_key_is_refused"):
            return
        with pytest.raises(ConfigError, match="no_such_key"):
            self.adapter.load_config({**self._sample(), "no_such_key": 1})

    def test_fields_are_described(self) -> None:
        if self.skips_files("fields_are_described"):
            return
        for model in _models(self.adapter.Config):
            assert model.model_config.get("frozen"), f"{model.__name__} is not frozen"
            assert model.model_config.get("extra") == "forbid", f"{model.__name__} lets unknown keys pass"
            for name, field in model.model_fields.items():
                assert field.description, f"{model.__name__}.{name} has no description"

    def test_every_key_is_used(self) -> None:
        if self.skips_files("every_key_is_used"):
            return
        read = {name for _path, tree in self._modules() for name in _names_read(tree)}
        for model in _models(self.adapter.Config):
            for name in model.model_fields.keys() - _of_the_sdk(model):
                assert name in read, f"nothing in this folder reads the key {name}"

    def test_keeps_to_its_side(self) -> None:
        if self.skips_files("keeps_to_its_side"):
            return
        for path, tree in self._modules():
            for line, name in _out_of_bounds(tree):
                raise AssertionError(f"{path.name}:{line} uses {name}, which is the gateway's side")

    def test_units_fit(self) -> None:
        if self.skips_files("units_fit"):
            return
        for one in self.adapter(DEVICE, self.adapter.load_config(self._sample()), Host()).describe():
            why = misfit(one.unit, one.observed_property) if one.kind == "number" else ""
            assert not why, f"{one.id}: {why}"

    def test_licences_are_named(self) -> None:
        if self.skips_files("licences_are_named"):
            return
        named = self.licence() or (_project(self.folder) or {}).get("license") or list(self.folder.glob("LICENSE*"))
        assert named, 'conformance.toml needs licence = "…" (an SPDX identifier, or LicenseRef-Proprietary)'
        for name, recording in load_recordings(self.folder).items():
            assert recording.licence, f"recordings/{name} has no licence (an SPDX identifier)"
        papers = [path.name for path in self.folder.rglob("*.pdf")]
        assert not papers, f"{papers[0]} is somebody else's document: name it with edition and page in the README"

    def _sample(self) -> dict[str, Any]:
        written: dict[str, Any] = tomllib.loads((self.folder / "sample.toml").read_text(encoding="utf-8"))
        config: dict[str, Any] = written["device"]["config"]
        return config

    def _modules(self) -> Iterator[tuple[Path, ast.Module]]:
        """Yield the modules that run on a gateway."""
        for path in sorted(self.folder.rglob("*.py")):
            if path.name != "simulator.py" and not path.name.startswith("test_"):
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def _of_the_sdk(model: type[BaseModel]) -> set[str]:
    """Return the fields that a model inherits from a model of the SDK, which reads them."""
    bases = [base for base in model.__mro__[1:] if base.__module__.startswith("haechi.sdk.")]
    return {name for base in bases for name in inspect.get_annotations(base)}


def _names_read(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # getattr(config, "name")


def _out_of_bounds(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of what an adapter may not use, under whatever name it was imported."""
    known = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            before = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names = [f"{before}{alias.name}" for alias in node.names]
            yield from (
                (node.lineno, name) for name in names if name.split(".")[0] in _NOT_ITS_SIDE or name in _FORBIDDEN
            )
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            name = _full_name(node, known)
            is_method = isinstance(node, ast.Attribute) and node.attr in _FORBIDDEN_METHODS
            if is_method or name in _FORBIDDEN:
                yield node.lineno, name or ast.unparse(node)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: ``dt`` for ``datetime.datetime``."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def _full_name(node: ast.expr, known: Mapping[str, str]) -> str:
    """Return the dotted name of what ``node`` stands for; empty where it begins with no name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = _full_name(node.value, known)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _project(folder: Path) -> dict[str, Any] | None:
    """Return the ``[project]`` table that this folder belongs to."""
    for above in (folder, *folder.parents):
        path = above / "pyproject.toml"
        if path.is_file():
            project: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
            return project
    return None


def _announced(folder: Path, name: str) -> EntryPoint | None:
    """Return the entry point of a package that is not installed yet."""
    points = (_project(folder) or {}).get("entry-points", {}).get(GROUP, {})
    return EntryPoint(name, points[name], GROUP) if name in points else None


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return a configuration model and the models of its arrays."""
    found = [model]
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found += _models(part)
    return found
