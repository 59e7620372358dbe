"""The filter ``haechi_toml``: variables become the TOML file that Haechi's programs read.

What is ``null`` or absent is left out. Tables come after plain values, as TOML wants it; texts keep their letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(document: Mapping[str, Any]) -> str:
    """Write a mapping as TOML, one blank line before each table.

    Raises:
        AnsibleFilterError: something in it has no form in TOML; the text names the key.
    """
    if not isinstance(document, Mapping):
        raise AnsibleFilterError(f"haechi_toml: expected a mapping, got {type(document).__name__}")
    return "\n".join(_table(document, "")).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: str) -> Iterator[str]:
    inner: list[tuple[str, Any]] = []
    for name, value in table.items():
        if _is_table(value) or _is_tables(value):
            inner.append((name, value))
        elif value is not None:
            yield f"{_key(name)} = {_value(value, _join(path, name))}"
    for name, value in inner:
        below = _join(path, name)
        heading, tables = (f"[{below}]", [value]) if _is_table(value) else (f"[[{below}]]", value)
        for each in tables:
            yield ""
            yield heading
            yield from _table(each, below)


def _value(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, str):
        return _text(value)
    if _is_table(value):
        pairs = (
            f"{_key(name)} = {_value(each, _join(path, name))}" for name, each in value.items() if each is not None
        )
        return "{" + ", ".join(pairs) + "}"
    if _is_list(value):
        return "[" + ", ".join(_value(each, path) for each in value) + "]"
    raise AnsibleFilterError(
        f"{path}: {type(value).__name__} has no form in TOML; expected text, number, true or false"
    )


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_tables(value: object) -> bool:
    return isinstance(value, Sequence) and _is_list(value) and bool(value) and all(_is_table(each) for each in value)


def _join(path: str, name: str) -> str:
    return f"{path}.{_key(name)}" if path else _key(name)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # TOML's basic strings are JSON's, but for the delete character, which JSON leaves as it is.
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[[Mapping[str, Any]], str]]:
        """Name the filters."""
        return {"haechi_toml": toml}
