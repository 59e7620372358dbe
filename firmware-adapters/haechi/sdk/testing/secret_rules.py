"""A rule about secrets: what stands under a key that is named like one is said to nobody."""

# ruff: noqa: S101 - this is a test suite: asserts are its business, and the names of the tests say what they test

import asyncio
import copy
import functools
import io
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from haechi.sdk import AdapterError, Host
from haechi.sdk.adapter import Adapter
from haechi.sdk.capture import blanked, without_secrets
from haechi.sdk.secret_names import is_secret
from haechi.sdk.testing.suite import DEVICE, Note, Peer, Suite

_SECRET = "Haechi-9c41e7-tells-nobody"  # noqa: S105 - it opens nothing
_LISTENED_S = 1.0
_SILENT_S = 2.0


class SecretRules(Suite):
    """What an adapter says while it knows a secret."""

    @pytest.mark.asyncio
    async def test_secrets_stay_secret(self, record_property: Note) -> None:
        """Reading, probing and losing its device, it says no secret: in no error, log line, counter or output."""
        if not any(_secret_keys(self.adapter.Config)):
            record_property("does_not_apply", "no key of its configuration is named like a secret")
            return
        if self.skips("secrets_stay_secret"):
            return
        with tempfile.TemporaryDirectory(prefix="haechi-check-") as scratch:
            file = Path(scratch) / "secret"
            file.write_text(_SECRET + "\n", encoding="utf-8")
            async with self.peer() as peer:
                written = self._knowing(peer.config(), str(file))
                secrets = without_secrets(written)[1]
                assert secrets, "no configuration with a secret loads beside what the peer's config() says"
                async with _overheard() as said:
                    await self._live(peer, written, said)
        for where, text in said:
            shown = blanked(text.encode(), secrets).decode(errors="replace")
            assert shown == text, f"{where} says a secret: {shown.strip()[-200:]}"

    def _knowing(self, config: Mapping[str, Any], file: str) -> dict[str, Any]:
        """Return ``config`` with a secret under each key that may bear one and has none."""
        written = dict(config)
        for *tables, key in _secret_keys(self.adapter.Config, config):
            more = copy.deepcopy(written)
            table = functools.reduce(lambda table, name: table[name], tables, more)
            if key in table:
                continue
            table[key] = file if key.endswith("_file") else _SECRET
            for login in ({}, {"username": "somebody"}):
                try:
                    table.update(login)
                    self.adapter.load_config(more)
                except AdapterError:
                    continue  # it wants a user, another kind of value, or nothing beside what is there
                written = more
                break
        return written

    async def _live(self, peer: Peer, written: dict[str, Any], said: list[tuple[str, str]]) -> None:
        log = logging.getLogger("haechi.adapter.secretive")
        log.setLevel(logging.DEBUG)
        adapter = self.adapter(DEVICE, self.adapter.load_config(written), Host(log=log))
        for seconds in (_LISTENED_S, _SILENT_S):
            said += await _errors_of(adapter, seconds)
            peer.fall_silent()
        said += [("a counter", name) for name in adapter.host.counters]


def _secret_keys(config: type[BaseModel], written: Mapping[str, Any] | None = None) -> Iterator[tuple[str, ...]]:
    """Yield the keys that are named like secrets, with the tables they are in: of these, only what is ``written``."""
    for name, field in config.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        table = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        within = {} if written is None else written.get(name)
        if table is None and is_secret(name, ""):
            yield (name,)
        elif table is not None and isinstance(within, Mapping):
            for key in _secret_keys(table, None if written is None else within):
                yield (name, *key)


async def _errors_of(adapter: Adapter[Any], seconds: float) -> list[tuple[str, str]]:
    """Read for a while, then probe; return what an operator is told of it."""

    async def read() -> str:
        async with aclosing(adapter.samples()) as samples:
            async for _sample in samples:
                pass
        return ""

    told = []
    for where, work in (("an error", read()), ("a probe", adapter.probe())):
        try:
            async with asyncio.timeout(seconds):
                told.append((where, await work))
        except TimeoutError:
            continue
        except AdapterError as error:
            told.append((where, str(error)))
    return told


@asynccontextmanager
async def _overheard() -> AsyncIterator[list[tuple[str, str]]]:
    """Listen to logs and standard output; what was said stands in the list at the end."""
    said: list[tuple[str, str]] = []
    out, handler = io.StringIO(), _Listening(said)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with redirect_stdout(out), redirect_stderr(out):
            yield said
    finally:
        root.removeHandler(handler)
        said.append(("its output", out.getvalue()))


class _Listening(logging.Handler):
    def __init__(self, said: list[tuple[str, str]]) -> None:
        super().__init__(logging.DEBUG)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(("a log line", self.format(record)))
