"""``haechi adapter new`` and ``check``: an adapter's folder is made, and judged."""

import argparse
import importlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from haechi.command import UsageError
from haechi.sdk.commands.telling import tell
from haechi.sdk.scaffold.folder import OPEN_LATER, CannotWrite, class_of, write_adapter
from haechi.sdk.targets import Folder, NotFound, folder_of
from haechi.text import _

_SIGNS = {"holds": "  ", "fails": "✗ ", "exempt": "– ", "does not apply": "· ", "not judged": "? "}
Loaded = TypeVar("Loaded")


def new(arguments: argparse.Namespace) -> int:
    """Make the folder and say what to do next."""
    name: str = arguments.name
    try:
        folder = write_adapter(
            name,
            arguments.into,
            package=arguments.package,
            actuator=arguments.actuator,
            licence=arguments.licence or OPEN_LATER,
        )
    except (CannotWrite, OSError) as error:
        raise UsageError(str(error)) from None
    tell(_("made {folder}").format(folder=folder))
    if not arguments.package:
        module = f"haechi.adapters.{name}" if folder.resolve().parts[-3:-1] == ("haechi", "adapters") else name
        tell(_("announce it in the pyproject.toml of the package that holds it:"))
        tell('    [project.entry-points."haechi.adapters"]')
        tell(f'    {name} = "{module}.adapter:{class_of(name)}"')
    tell(_("next: haechi adapter check {folder}").format(folder=folder))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Judge the folder, or hold a mark against it."""
    try:
        folder = folder_of(arguments.adapter)
    except NotFound as error:
        raise UsageError(str(error)) from None
    if arguments.verify is not None:
        return _verify(folder, arguments.verify, arguments.key)
    return _judge(folder, arguments.into or Path(f"{folder.name}-check"), arguments.sign, quick=arguments.quick)


def _judge(folder: Folder, into: Path, key: Path | None, *, quick: bool) -> int:
    checking, mark, page = _kit(lambda: _import("checking", "mark", "page"))
    report = checking.check(folder, thorough=not quick)
    untried = [finding for finding in report.findings if finding.detail == checking.untried()]
    for finding in report.findings:
        if finding not in untried:
            detail = f": {finding.detail}" if finding.detail else ""
            tell(f"{_SIGNS[finding.state]}{finding.state:14} {finding.rule}{detail}")
    if untried:
        # What stopped them stands above; a line for each would hide it.
        tell(f"{_SIGNS['fails']}{_('{count} rules were not tried').format(count=len(untried))}")
    for name, value in report.figures.items():
        tell(f"   {name} = {value}")
    what = _("{name}: {holds} hold, {fails} fail, {exempt} exempt, {other} do not apply, {open} not judged")
    counted = what.format(
        name=report.name,
        holds=report.count("holds"),
        fails=report.count("fails"),
        exempt=report.count("exempt"),
        other=report.count("does not apply"),
        open=report.count("not judged"),
    )
    tell(_("{counted}; kit {kit}, {seconds} s").format(counted=counted, kit=report.kit, seconds=report.duration_s))
    try:
        into.mkdir(parents=True, exist_ok=True)
        made = mark.mark_of(report, folder.path)
        if key is not None:
            if not report.holds or quick:
                raise UsageError(
                    _("not signed: a mark is for an adapter of which all is tried and judged and none fails")
                )
            signing = _signing()
            try:
                made = signing.signed(made, key)
            except signing.MarkError as error:
                raise UsageError(str(error)) from None
        for name, text in (
            ("report.json", json.dumps({**asdict(report), "holds": report.holds, "mark": made}, indent=2) + "\n"),
            ("report.html", page.page(report, made)),
            ("mark.json", json.dumps(made, indent=2, sort_keys=True) + "\n"),
        ):
            (into / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(_("{path}: {why}").format(path=error.filename or into, why=error.strerror)) from None
    tell(_("written: {folder}/report.json, report.html, mark.json").format(folder=into))
    return 0 if report.holds else 1


def _verify(folder: Folder, mark: Path, key: Path | None) -> int:
    if key is None:
        raise UsageError(_("--verify needs --key: the public key of who should have signed"))
    signing = _signing()
    try:
        made = signing.verify(mark, key, folder.path)
    except signing.MarkError as error:
        tell(str(error))
        return 1
    tell(
        _("{name} is what was checked with kit {kit} and firmware {firmware}").format(
            name=made["adapter"], kit=made["kit"], firmware=made["firmware"]
        )
    )
    return 0


def _import(*names: str) -> tuple[ModuleType, ...]:
    return tuple(importlib.import_module(f"haechi.sdk.testing.{name}") for name in names)


def _signing() -> ModuleType:
    return _kit(lambda: _import("signing"))[0]


def _kit(load: Callable[[], Loaded]) -> Loaded:
    """Load a part of the kit; a gateway has it not, because it has not pytest."""
    try:
        return load()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("haechi"):
            raise
        what = _("the conformance kit needs the package {package}: install haechi[sdk]")
        raise UsageError(what.format(package=error.name)) from error
