"""What a person means on the command line: an adapter's folder by name or path, and devices in a TOML file."""

import sys
import tomllib
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from haechi.sdk.adapter import Adapter
from haechi.sdk.errors import ConfigError
from haechi.sdk.registry import GROUP, find_adapters, load_adapter
from haechi.text import _


class NotFound(Exception):  # noqa: N818 - reads as what it is
    """What was named is not there; the text says in one line what was looked for."""


class Folder(NamedTuple):
    """An adapter's folder and how Python imports it."""

    path: Path
    module: str
    root: Path
    """What must be on the import path."""

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self.path.name


class Target(NamedTuple):
    """One device as a file describes it."""

    device: str
    adapter: type[Adapter[Any]]
    written: dict[str, Any]
    """Its ``[device.config]``."""


class Written(NamedTuple):
    """One device as it stands in a file."""

    device: str
    written: dict[str, Any]
    """Its ``[device.config]``."""
    table: dict[str, Any]
    """Its ``[[device]]``."""


def folder_of(named: str) -> Folder:
    """Return the folder of an adapter: installed under this name, or at this path.

    Raises:
        NotFound: neither.
    """
    path = Path(named)
    if not path.is_dir():
        point = find_adapters().get(named)
        if point is None:
            raise NotFound(_("{named}: neither a folder nor an installed adapter").format(named=named))
        module = point.value.partition(":")[0]
        try:
            spec = find_spec(module)
        except ModuleNotFoundError:
            spec = None
        if spec is None or spec.origin is None:
            raise NotFound(_("{named} is announced as {module}, which is not there").format(named=named, module=module))
        path = Path(spec.origin).parent
    path = path.resolve()
    if not (path / "test_adapter.py").is_file():
        path = _only_one_in(path)
    if path.parent.parts[-2:] == ("haechi", "adapters"):
        return Folder(path, f"haechi.adapters.{path.name}", path.parents[2])
    package = [path]
    while (package[-1].parent / "__init__.py").is_file():
        package.append(package[-1].parent)
    return Folder(path, ".".join(part.name for part in reversed(package)), package[-1].parent)


def _only_one_in(project: Path) -> Path:
    """Return the only adapter's folder in a project's; a project may lie under any name."""
    inner = sorted(test.parent for test in project.glob("*/test_adapter.py"))
    if len(inner) == 1:
        return inner[0]
    if inner:
        what = _("{path} holds several adapters, say which: {folders}")
        raise NotFound(what.format(path=project, folders=", ".join(str(folder) for folder in inner)))
    what = _("{path} is no adapter's folder: there is no test_adapter.py in it, nor in a folder below it")
    raise NotFound(what.format(path=project))


def written_in(file: Path, adapter: str | None = None, device: str | None = None) -> list[Written]:
    """Return the devices that ``file`` describes, as they stand there; their adapters need not be installed.

    Args:
        file: TOML: a gateway's ``[[device]]``, or an adapter's ``sample.toml``.
        adapter: which adapter a ``[device.config]`` without one is for; default: the folder that the file lies in.
        device: only this one.

    Raises:
        NotFound: the file cannot be read, or has no such device.
    """
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(_("{file}: {why}").format(file=file, why=error.strerror or error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NotFound(_("{file} is no TOML: {why}").format(file=file, why=error)) from None
    devices = written.get("device", [])
    if isinstance(devices, dict):
        devices = [{"id": "device-1", "adapter": adapter or file.resolve().parent.name, **devices}]
    found = []
    for number, one in enumerate(devices if isinstance(devices, list) else []):
        if not isinstance(one, dict) or not isinstance(one.get("config"), dict):
            raise NotFound(_("{file}: device[{number}] has no config").format(file=file, number=number))
        if device is None or one.get("id") == device:
            found.append(Written(str(one.get("id")), one["config"], one))
    if not found:
        what = _("no device") if device is None else _("no device {device}").format(device=device)
        raise NotFound(_("{file}: {what}").format(file=file, what=what))
    return found


def targets_in(file: Path, adapter: str | None = None, device: str | None = None) -> list[Target]:
    """Return the devices of :func:`written_in`, with their adapters.

    Raises:
        NotFound: the file cannot be read, or has no such device, or its adapter is installed for another Python.
        ConfigError: an adapter is not installed.
    """
    return [Target(one.device, adapter_of(one, file), one.written) for one in written_in(file, adapter, device)]


def adapter_of(one: Written, file: Path) -> type[Adapter[Any]]:
    """Return the adapter of one device of ``file``.

    Raises:
        NotFound: it is installed for a Python of its own only.
        ConfigError: it is not installed.
    """
    device = one.table
    named = str(device.get("adapter"))
    try:
        return adapter_named(named, file)
    except ConfigError:
        process = device.get("process")
        python = process.get("python") if isinstance(process, dict) else None
        if python is None:
            raise
        what = _("{device}: its adapter {adapter} is installed for {python}: call {command} instead")
        command = Path(str(python)).with_name("haechi")
        raise NotFound(what.format(device=device.get("id"), adapter=named, python=python, command=command)) from None


def adapter_named(name: str, near: Path) -> type[Adapter[Any]]:
    """Return the adapter ``name``, installed or announced by the project that the file ``near`` lies in.

    Raises:
        ConfigError: there is none, or it cannot be loaded.
    """
    installed = find_adapters()
    for folder in near.resolve().parents if name not in installed else ():
        project = folder / "pyproject.toml"
        if not project.is_file():
            continue
        read = tomllib.loads(project.read_text(encoding="utf-8"))
        announced = read.get("project", {}).get("entry-points", {}).get(GROUP, {})
        if name in announced:
            # What is not installed yet is imported from where it is written.
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
            return load_adapter(name, {name: EntryPoint(name, announced[name], GROUP)})
    return load_adapter(name, installed)
