"""The event catalogue: what every event type means to operators and to other systems.

``catalogue.toml`` beside this module holds one table a type. A type that is not listed (a newer gateway's) is still
stored and shown: :func:`lookup` answers it with its domain's defaults.

* ``matter``: events of one matter at one place are one situation; it is the domain unless the table says otherwise.
* ``icon``: name of the console's symbol.
* ``cap_category``: OASIS CAP 1.2 ``category``. ``ngsi_type``: NGSI-LD Smart Data Model that the type maps to.
* ``quiet_after_s``: a situation made of things that merely happen ends after this long without another.
* ``label``: what operators read, by language.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from haechi.contract.events import Severity

CapCategory = Literal[
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
]


class EventKind(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the catalogue."""

    type: str
    domain: str
    matter: str
    severity: Severity
    icon: str
    cap_category: CapCategory
    ngsi_type: str
    procedure: str
    quiet_after_s: float
    label: Mapping[str, str]


class _Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    severity: Severity
    label: dict[str, str]
    matter: str | None = None
    icon: str | None = None
    cap_category: CapCategory | None = None
    ngsi_type: str | None = None
    procedure: str | None = None
    quiet_after_s: float = 600.0


class _Domain(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    icon: str
    cap_category: CapCategory
    ngsi_type: str
    procedure: str
    label: dict[str, str]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    domain: dict[str, _Domain]
    type: dict[str, _Entry]


@cache
def _file() -> _File:
    content = Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(content), _File)


@cache
def catalogue() -> Mapping[str, EventKind]:
    """Return every known type, in the order of the file."""
    return {type_: _kind(type_, entry) for type_, entry in _file().type.items()}


def lookup(type_: str) -> EventKind:
    """Return the entry of a type; for one that is not listed, its domain's defaults and severity ``unknown``."""
    return catalogue().get(type_) or _kind(type_, _Entry(severity=Severity.UNKNOWN, label={"en": type_}))


def matter_labels() -> Mapping[str, Mapping[str, str]]:
    """Return what operators read for each domain, by language."""
    return {name: domain.label for name, domain in _file().domain.items()}


def _kind(type_: str, entry: _Entry) -> EventKind:
    name = type_.partition(".")[0]
    domain = _file().domain.get(name) or _file().domain["other"]
    return EventKind(
        type=type_,
        domain=name,
        matter=entry.matter or name,
        severity=entry.severity,
        icon=entry.icon or domain.icon,
        cap_category=entry.cap_category or domain.cap_category,
        ngsi_type=entry.ngsi_type or domain.ngsi_type,
        procedure=entry.procedure or domain.procedure,
        quiet_after_s=entry.quiet_after_s,
        label=entry.label,
    )
