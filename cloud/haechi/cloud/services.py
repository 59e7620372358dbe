"""What the parts of the cloud are given: built once by the composition root, handed to whoever serves people.

Nothing in here opens or closes anything; :mod:`haechi.cloud.serve` does both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from haechi.cloud.objects import ObjectStore
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.store import PointStore
from haechi.contract.control import Command


@dataclass(frozen=True, slots=True)
class PartHealth:
    """How one part of the cloud is doing now."""

    name: str
    """``broker``, ``points`` or ``state``."""
    state: Literal["ok", "degraded", "down"]
    detail: str = ""
    """One line for the operator: what is wrong and what is done about it; empty when nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the event monitor stands on. Safe to use from any thread unless said otherwise."""

    state: Engine
    """The state database; read with :func:`haechi.cloud.state.engine.reading`, write with ``writing``."""
    points: PointStore
    """Methods block; call them off the event loop."""
    objects: ObjectStore
    """Evidence pictures; methods block."""
    bell: ChangeBell
    """Rings after every commit that added to the change feed, and when observations were stored."""
    health: Callable[[], Sequence[PartHealth]]
    """How every part is doing now; answers at once, from memory."""
    tenant: str
    """The city that is shown: of those below, the first when none is asked for."""
    tenants: tuple[str, ...]
    """The cities that are served here."""
    metrics: CollectorRegistry
    """Counters for ``/metrics``."""
    clock_us: Callable[[], int]
    """Microseconds since 1970 UTC, now."""
    command: Callable[[str, str, Command], None]
    """Sends a command to a gateway, by city and name, when the broker is there; returns at once."""
    command_keys: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    """By city and gateway: the key that its commands are sealed with; who has none is never commanded."""
    basemap: Path | None = None
    """GeoJSON file that is drawn under the map; None for the plain one."""
