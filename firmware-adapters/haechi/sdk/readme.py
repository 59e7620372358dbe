"""The table of keys in an adapter's README, made from its ``Config``, so that the two can't drift apart.

``python -m haechi.sdk.readme FOLDER…`` writes it between the two marks; the conformance suite compares.
"""

import sys
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from haechi.sdk.targets import adapter_named, folder_of

BEGIN = "<!-- keys: made by `python -m haechi.sdk.readme` -->\n"
END = "<!-- /keys -->\n"


def key_tables(config: type[BaseModel], section: str = "[device.config]") -> str:
    """Return a Markdown table of ``config``'s keys, and one for each table and array of tables in it."""
    lines = [f"`{section}`\n", "| key | values | default | meaning |", "|---|---|---|---|"]
    nested = ""
    for name, field in config.model_fields.items():
        key = field.alias or name
        model = next((part for part in _parts(field.annotation) if _is_model(part)), None)
        if model is not None:
            inner = f"{section.strip('[]')}.{key}"
            is_array = any(get_origin(part) is tuple for part in _parts(field.annotation))
            inner = f"[[{inner}]]" if is_array or section.startswith("[[") else f"[{inner}]"
            nested += "\n" + key_tables(model, inner)
            continue
        default = "required" if field.is_required() else "" if field.default is None else f"`{_written(field.default)}`"
        lines.append(f"| `{key}` | {_values(field)} | {default} | {field.description} |")
    return "\n".join(lines) + "\n" + nested


def with_tables(readme: str, config: type[BaseModel]) -> str:
    """Return ``readme`` with the tables between its marks made anew.

    Raises:
        ValueError: the marks are missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN.strip()} and {END.strip()} are missing")
    return f"{before}{begin}\n{key_tables(config)}\n{end}{after}"


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _values(field: FieldInfo) -> str:
    bounds = {type(rule).__name__: rule for rule in field.metadata}
    shown = _kind(field.annotation)
    low = [f"≥ {bounds['Ge'].ge}"] if "Ge" in bounds else [f"> {bounds['Gt'].gt}"] if "Gt" in bounds else []
    high = [f"≤ {bounds['Le'].le}"] if "Le" in bounds else [f"< {bounds['Lt'].lt}"] if "Lt" in bounds else []
    return ", ".join([shown, *low, *high])


def _kind(annotation: Any) -> str:
    arguments = [part for part in get_args(annotation) if part is not type(None) and part is not Ellipsis]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{_written(value)}`" for value in arguments)
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_kind(part) for part in arguments)
    if get_origin(annotation) is tuple:
        return f"array of {_kind(arguments[0])}"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(annotation, str(annotation))


def _written(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def main(named: list[str]) -> None:
    """Write the tables of adapters, each named by its folder or as it is installed, into their READMEs."""
    for one in named:
        path = folder_of(one).path / "README.md"
        adapter = adapter_named(path.parent.name, path)
        path.write_text(with_tables(path.read_text(encoding="utf-8"), adapter.Config), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
