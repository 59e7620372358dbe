"""``haechi adapter list``, ``probe``, ``scan``, ``record`` and ``replay``: devices on a technician's bench.

Reading only: a probe changes nothing in a device, and a scan is many probes.
"""

import argparse
import asyncio
import importlib
import importlib.metadata
import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from haechi.command import UsageError
from haechi.contract.observations import Value
from haechi.sdk.capture import Recorder, as_toml
from haechi.sdk.commands import beside
from haechi.sdk.commands.telling import tell
from haechi.sdk.errors import AdapterError, ConfigError, NotConnected
from haechi.sdk.host import Host
from haechi.sdk.ports import serial_ports
from haechi.sdk.recording import Recording
from haechi.sdk.registry import find_adapters
from haechi.sdk.replaying import replayed
from haechi.sdk.targets import NotFound, Target, adapter_named, targets_in
from haechi.sdk.wire import attached
from haechi.text import _

_PROBE_S = 30.0
_FRACTION = re.compile(r"[0-9]+\.[0-9]+")
"""A shorter text of a configuration names no port and no host."""
_TRIES_MAX = 10_000


def list_installed(arguments: argparse.Namespace) -> int:
    """Show every adapter, who brought it, and what it is for."""
    rows = [
        {
            "name": name,
            "package": f"{point.dist.name} {point.dist.version}" if point.dist else "",
            "class": point.value,
            "summary": _summary(point),
        }
        for name, point in sorted(find_adapters().items())
    ]
    if arguments.json:
        tell(json.dumps(rows))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        tell(f"{row['name']:{width}}  {row['package']}  {row['summary']}")
    if not rows:
        tell(_("no adapter is installed"))
    return 0


def probe(arguments: argparse.Namespace) -> int:
    """Probe every device of the file, one after the other."""
    failed = 0
    for target in _targets(arguments):
        line, answers = asyncio.run(_probed(target))
        failed += not answers
        tell(f"{target.device}: {line}")
    return 1 if failed else 0


def scan(arguments: argparse.Namespace) -> int:
    """List serial ports, or probe every combination of the values given."""
    if arguments.file is None:
        for port in serial_ports():
            tell(f"{port.name}  →  {port.path}{'  ' + _('in use') if port.is_held else ''}")
        return 0
    target = _only_target(arguments)
    keys = [_variation(over) for over in arguments.over]
    tries = math.prod(len(values) for _key, values in keys)
    if tries > _TRIES_MAX:
        raise UsageError(_("{tries} combinations are too many: at most {most}").format(tries=tries, most=_TRIES_MAX))
    varied = []
    for combination in itertools.product(*(values for _key, values in keys)):
        changed = dict(zip((key for key, _values in keys), combination, strict=True))
        varied.append((changed, target._replace(written={**target.written, **changed})))
    for _changed, one in varied:
        try:
            one.adapter.load_config(one.written)
        except ConfigError as error:
            raise UsageError(str(error)) from None
    answering = 0
    for changed, one in varied:
        line, answers = asyncio.run(_probed(one))
        answering += answers
        if answers or tries == 1:
            tell(" ".join(f"{key}={value}" for key, value in changed.items()) + f": {line}")
    tell(_("{answering} of {tries} answer").format(answering=answering, tries=tries))
    return 0 if answering else 1


def record(arguments: argparse.Namespace) -> int:
    """Read a device for a while and write down what passes its wire."""
    into: Path = arguments.into
    if into.exists():
        raise UsageError(_("{path} exists already").format(path=into))
    recorder = Recorder(arguments.bytes_max)
    values: list[tuple[str, Value]] = []
    if arguments.beside is not None:
        one = beside.only_device(arguments)
        written, trouble = one.written, beside.record_beside(one, recorder, arguments)
    else:
        target = _only_target(arguments)
        written = target.written
        values, trouble = asyncio.run(_recorded(target, recorder, arguments.seconds))
    if not recorder.passages:
        raise UsageError(trouble or _("nothing passed the wire: its transport cannot be recorded"))
    text = as_toml(arguments.provenance, written, recorder, values, arguments.licence)
    try:
        into.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(_("{path}: {why}").format(path=into, why=error.strerror)) from None
    size = sum(len(passage[3]) for passage in recorder.passages)
    tell(_("{path}: {size} bytes, {count} values").format(path=into, size=size, count=len(values)))
    if recorder.is_full:
        tell(_("there was more: it was cut at --bytes-max"))
    if trouble:
        tell(trouble)
    if arguments.beside is not None:
        tell(_("what the bytes say was not heard: write it down from the device's display, as [[expected]]"))
    else:
        tell(_("the values are what the adapter made of the bytes: compare them with the device's display"))
    return 0


def replay(arguments: argparse.Namespace) -> int:
    """Play a recording and say whether the same values come out."""
    path: Path = arguments.recording
    try:
        recording = Recording.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        config = recording.config
    except (OSError, tomllib.TOMLDecodeError, ValidationError, ValueError) as error:
        raise UsageError(_("{path} is no recording: {why}").format(path=path, why=str(error).split("\n")[0])) from None
    if not recording.wire:
        what = _("{path} has no [[wire]], so nobody knows when its bytes came: haechi adapter check tries it instead")
        raise UsageError(what.format(path=path))
    name = arguments.adapter or path.resolve().parent.parent.name
    if arguments.adapter is None and not (path.resolve().parent.parent / "test_adapter.py").is_file():
        raise UsageError(_("{path} is in no adapter's folder: say whose it is with --adapter").format(path=path))
    try:
        target = Target("device-1", adapter_named(name, path), config)
        values = asyncio.run(replayed(target.adapter, target.written, recording.wire, arguments.speed))
    except ConfigError as error:
        raise UsageError(str(error)) from None
    for property_name, value in values:
        tell(f"{property_name} = {value}")
    if _changes(values) == _changes(recording.values):
        tell(_("the same {count} values as recorded").format(count=len(values)))
        return 0
    tell(_("not what was recorded: {difference}").format(difference=_difference(values, recording.values)))
    return 1


def _only_target(arguments: argparse.Namespace) -> Target:
    (target, *others) = _targets(arguments)
    if others:
        raise UsageError(_("{file} has several devices: say which with --device").format(file=arguments.file))
    return target


def _targets(arguments: argparse.Namespace) -> list[Target]:
    try:
        return targets_in(arguments.file, arguments.adapter, arguments.device)
    except (NotFound, ConfigError) as error:
        raise UsageError(str(error)) from None


async def _probed(target: Target) -> tuple[str, bool]:
    try:
        adapter = target.adapter(target.device, target.adapter.load_config(target.written), Host())
        async with asyncio.timeout(_PROBE_S):
            return await adapter.probe(), True
    except NotConnected as error:
        return error.what, False
    except AdapterError as error:
        return str(error), False
    except TimeoutError:
        return _("nothing came of it within {seconds:g} s").format(seconds=_PROBE_S), False


async def _recorded(target: Target, recorder: Recorder, seconds: float) -> tuple[list[tuple[str, Value]], str]:
    values: list[tuple[str, Value]] = []
    trouble = ""
    try:
        adapter = target.adapter(target.device, target.adapter.load_config(target.written), Host())
        with attached(recorder):
            async with aclosing(adapter.samples()) as samples, asyncio.timeout(seconds):
                async for sample in samples:
                    values += _properties(sample.datastreams, sample.values)
                    if recorder.is_full:
                        break
    except TimeoutError:
        pass
    except AdapterError as error:
        trouble = str(error)
    return values, trouble


def _properties(datastreams: tuple[str, ...], values: tuple[Value, ...]) -> Iterator[tuple[str, Value]]:
    for datastream, value in zip(datastreams, values, strict=True):
        yield datastream.partition(".")[2], value


def _changes(values: list[tuple[str, Value]]) -> dict[str, list[Value]]:
    """Return what each property changed to: a value that a device repeats may be caught once more or once less."""
    changes: dict[str, list[Value]] = {}
    for property_name, value in values:
        seen = changes.setdefault(property_name, [])
        if not seen or seen[-1] != value:
            seen.append(value)
    return changes


def _difference(values: list[tuple[str, Value]], recorded: list[tuple[str, Value]]) -> str:
    """Say where two lists of values first go apart, property by property."""
    came, expected = _changes(values), _changes(recorded)
    for name in (*expected, *came):
        for now, then in itertools.zip_longest(came.get(name, ()), expected.get(name, ())):
            if now != then:
                nothing = _("nothing")
                return _("{property}: {value} came, {recorded} was expected").format(
                    property=name,
                    value=nothing if now is None else now,
                    recorded=nothing if then is None else then,
                )
    return ""


def _variation(over: str) -> tuple[str, list[Any]]:
    """Return key and values of ``KEY=VALUES``: ``unit_id=1-20``, ``baud=9600,19200``, ``port=ports``."""
    key, equals, written = over.partition("=")
    values: list[Any] = []
    for part in written.split(",") if written else []:
        first, dash, last = part.partition("-")
        if part == "ports":
            values += [port.name for port in serial_ports()]
        elif dash and first.isdigit() and last.isdigit():
            values += range(int(first), int(last) + 1)
        else:
            values.append(_number_or_text(part))
    if not key or not equals or not written:
        raise UsageError(_("--over {over}: expected KEY=VALUES, such as unit_id=1-20").format(over=over))
    if not values:
        raise UsageError(_("--over {over}: there is no serial port").format(over=over))
    return key, values


def _number_or_text(written: str) -> int | float | str:
    """Return a value as TOML would have it: ``5``, ``0.2``, else text."""
    if written.isdigit():
        return int(written)
    return float(written) if _FRACTION.fullmatch(written) else written


def _summary(point: importlib.metadata.EntryPoint) -> str:
    """Return the first line of the adapter's package, or why it cannot be loaded."""
    try:
        package = importlib.import_module(point.module.rpartition(".")[0] or point.module)
    except ImportError as error:
        return _("cannot be loaded ({why})").format(why=error)
    return (package.__doc__ or "").strip().partition("\n")[0]
