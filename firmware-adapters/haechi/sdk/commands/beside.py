"""``haechi adapter trace``, and recording beside: what passes the wires of a gateway that runs, and is not disturbed.

An adapter need not be installed for this Python: what counts is which wires a device's configuration names. A wire is
one where all of its address is named, so that 10.0.0.1 does not show what passes 10.0.0.12. What is secret to any
device of the file is hidden, also where devices share a wire.
"""

import argparse
import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from haechi.command import UsageError
from haechi.sdk.capture import Recorder, blanked, without_secrets
from haechi.sdk.commands.telling import tell
from haechi.sdk.errors import ConfigError, NotConnected
from haechi.sdk.switchboard import Heard, overhear
from haechi.sdk.targets import NotFound, Written, adapter_of, written_in
from haechi.text import _

_FRAMES_MAX = 100_000
_ALL = ("0.0.0.0", "::")  # noqa: S104 - addresses that a configuration may name


def trace(arguments: argparse.Namespace) -> int:
    """Show in hexadecimal what passed the wires of a running gateway's devices last."""
    devices = _devices(arguments, arguments.device)
    secrets = _secrets(arguments)
    frames = asyncio.run(_kept(arguments.beside, arguments.seconds))
    width = max((len(frame.address) for frame in frames), default=0)
    shown = 0
    for one in devices:
        names = _with_defaults(one, arguments.file)
        mine = [frame for frame in frames if is_named(frame.address, names)]
        shown += len(mine)
        if not mine:
            tell(_("{device}: nothing has passed its wire").format(device=one.device))
        for frame in mine:
            when = _("now") if frame.age_s is None else f"-{frame.age_s:.3f} s"
            data = blanked(frame.data, secrets).hex(" ")
            tell(f"{one.device}  {when:>12}  {frame.way}  {frame.address:{width}}  {data}")
    return 0 if shown else 1


def only_device(arguments: argparse.Namespace) -> Written:
    """Return the one device that is meant.

    Raises:
        UsageError: there are several, or none.
    """
    (one, *others) = _devices(arguments, arguments.device)
    if others:
        raise UsageError(_("{file} has several devices: say which with --device").format(file=arguments.file))
    return one


def record_beside(one: Written, recorder: Recorder, arguments: argparse.Namespace) -> str:
    """Write down what passes the wires of a running gateway that ``one`` names; return what went wrong."""
    names = _with_defaults(one, arguments.file)
    return asyncio.run(_overheard(one.device, names, _secrets(arguments), recorder, arguments))


async def _overheard(
    device: str, names: Mapping[str, Any], secrets: list[bytes], recorder: Recorder, arguments: argparse.Namespace
) -> str:
    try:
        async with aclosing(overhear(arguments.beside)) as passing, asyncio.timeout(arguments.seconds):
            async for heard in passing:
                if heard.age_s is None and is_named(heard.address, names):
                    recorder.write(heard.way, heard.address, blanked(heard.data, secrets))
                if recorder.is_full:
                    break
    except TimeoutError:
        return "" if recorder.passages else _("nothing passed the wire of {device}").format(device=device)
    except NotConnected as error:
        return error.what
    return ""


def is_named(address: str, config: Mapping[str, Any]) -> bool:
    """Tell whether ``config`` names the wire ``address``: a path, or a host with its port where that is named too."""
    texts, ports = set(_texts(config)), set(_ports(config))
    if address in texts:
        return True
    if address.startswith("/"):
        return os.path.realpath(address) in {os.path.realpath(text) for text in texts if text.startswith("/")}
    host, _colon, port = address.rpartition(":")
    host = host.strip("[]").lower()
    if not port.isdigit():
        return False
    urls = [url for text in texts if (url := _url(text)) is not None]
    if any(url == (host, int(port)) or url == (host, None) for url in urls):
        return True
    hosts = {text.lower() for text in texts}
    return (host in hosts or (host in _ALL and int(port) in ports)) and (not ports or int(port) in ports)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _ports(config: Mapping[str, Any]) -> Iterator[int]:
    for key, value in config.items():
        if key.endswith("port") and isinstance(value, int):
            yield value


def _url(text: str) -> tuple[str, int | None] | None:
    """Return host and port of a URL; None where it is none."""
    if "://" not in text:
        return None
    try:
        parts = urlsplit(text)
        return (parts.hostname or "", parts.port)
    except ValueError:
        return None


def _with_defaults(one: Written, file: Path) -> dict[str, Any]:
    """Return a device's configuration with what it leaves to its adapter, where that can be loaded here."""
    try:
        config: dict[str, Any] = adapter_of(one, file).load_config(one.written).model_dump()
    except (NotFound, ConfigError):
        return one.written
    return {**config, **one.written}


def _secrets(arguments: argparse.Namespace) -> list[bytes]:
    """Return what is secret to any device of the file: devices may share a wire."""
    return [secret for one in _devices(arguments, None) for secret in without_secrets(one.written)[1]]


def _devices(arguments: argparse.Namespace, device: str | None) -> list[Written]:
    try:
        return written_in(arguments.file, arguments.adapter, device)
    except NotFound as error:
        raise UsageError(str(error)) from None


async def _kept(socket: Path, seconds: float) -> list[Heard]:
    """Return what a gateway has kept, and what passes within ``seconds``."""
    frames: list[Heard] = []
    try:
        async with aclosing(overhear(socket)) as passing, asyncio.timeout(seconds):
            async for heard in passing:
                frames.append(heard)
                if len(frames) >= _FRAMES_MAX:
                    break
    except TimeoutError:
        pass
    except NotConnected as error:
        if not frames:
            raise UsageError(error.what) from None
    return frames
