"""The reference tables of ``docs/gateway.md``, made from the configuration's own models so that they cannot drift."""

import types
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from haechi.edge import config
from haechi.edge.commands.allowed import ActuatorConfig
from haechi.edge.derivations import config as derivations

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[gateway]", config.Identity),
    ("[uplink]", config.Uplink),
    ("[outbox]", config.OutboxConfig),
    ("[metrics]", config.Metrics),
    ("[[place]]", config.PlaceConfig),
    ("[[device]]", config.DeviceConfig),
    ("[device.process]", config.ProcessConfig),
    ("[[actuator]]", ActuatorConfig),
    ("[[derivation]]", derivations.Linear),
    *((f'[[derivation]] kind = "{kind}"', model) for kind, model in derivations.KINDS.items() if kind != "linear"),
    ("[[derivation.factor]]", derivations.Factor),
    ("[[local]]", derivations.Local),
    ("[[valid]]", config.ValidRange),
    ('[[rule]] kind = "threshold"', config.ThresholdRule),
    ('[[rule]] kind = "rate"', config.RateRule),
    ('[[rule]] kind = "stale"', config.StaleRule),
)


def tables() -> str:
    """Return the tables in Markdown, one a section of the file."""
    return "\n".join(line for section, model in _SECTIONS for line in _table(section, model))


def _table(section: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### `{section}`"
    yield ""
    yield (model.__doc__ or "").splitlines()[0]
    yield ""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{name}` | {_kind(field.annotation)}{_bounds(field)} | {_default(field)} | {field.description} |"
    yield ""


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _kind(next(part for part in get_args(annotation) if part is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if origin is dict:
        return "table"
    if origin is tuple:
        inner = _kind(get_args(annotation)[0])
        return "tables" if inner == "table" else f"list: {inner}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return ", ".join(f"`{choice}`" for choice in annotation)
    names: dict[Any, str] = {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        Path: "path",
        date: "date",
    }
    return names[annotation]


def _bounds(field: FieldInfo) -> str:
    limits = {type(meta).__name__: meta for meta in field.metadata}
    low = limits.get("Ge") or limits.get("Gt")
    high = limits.get("Le") or limits.get("Lt")
    if low is None and high is None:
        return ""
    first = "" if low is None else f"{getattr(low, 'ge', getattr(low, 'gt', ''))}"
    last = "" if high is None else f"{getattr(high, 'le', getattr(high, 'lt', ''))}"
    return f", {first} … {last}".rstrip()


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "–"
    if field.default is PydanticUndefined:
        return "required"
    return "–" if field.default in (None, "") else f"`{str(field.default).lower()}`"
