"""How every component is doing, and what is wrong with the gateway itself: what the status says. Holds, does no I/O."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from haechi.contract.control import CONTROL_BYTES_MAX, ComponentStatus, GatewayStatus, encode_control

State = Literal["starting", "running", "retrying", "failed", "stopped"]
_TEXT_MAX = 512
_PROBLEMS_MAX = 32
_NUMBER_MAX = 2.0**63


@dataclass
class _Component:
    kind: str
    state: State
    detail: str
    counters: Mapping[str, int | float]


class Health:
    """The board on which every part writes its own line."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        """``on_change`` is called when a state or a problem changed, not when a counter did."""
        self.on_change = on_change
        self._components: dict[str, _Component] = {}
        self._problems: dict[str, str] = {}
        self.retries: Counter[str] = Counter()
        """How often each component had to be tried again."""

    def component(
        self, name: str, kind: str, state: State, detail: str = "", counters: Mapping[str, int | float] | None = None
    ) -> None:
        """Say how a component is doing. ``counters`` may be a live mapping; it is read when a status is made."""
        before = self._components.get(name)
        detail = _readable(detail)
        self.retries[name] += state == "retrying" and (before is None or before.state != state)
        if counters is None:
            counters = {} if before is None else before.counters
        self._components[name] = _Component(kind, state, detail, counters)
        if before is None or (before.state, before.detail) != (state, detail):
            self.on_change()

    def problem(self, key: str, line: str) -> None:
        """Say what is wrong with the gateway itself; an empty line says that it is over."""
        line = _readable(line)
        if self._problems.get(key, "") != line:
            self._problems[key] = line
            if not line:
                del self._problems[key]
            self.on_change()

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each thing that is wrong."""
        return tuple(self._problems.values())[:_PROBLEMS_MAX]

    @property
    def components(self) -> tuple[ComponentStatus, ...]:
        """All components, in the order in which they first reported."""
        return tuple(
            ComponentStatus(
                id=name,
                kind=component.kind,
                state=component.state,
                detail=component.detail,
                counters=_countable(component.counters),
            )
            for name, component in self._components.items()
        )


def _readable(text: str) -> str:
    """Return at most as much of a text as a status carries, without what no UTF-8 can say: it may be an adapter's."""
    return text[:_TEXT_MAX].encode(errors="replace").decode()


def _countable(counters: Mapping[str, object]) -> dict[str, int | float]:
    """Return what is a number and finite: whatever else an adapter puts down would make the status unreadable."""
    return {
        key: value
        for key, value in list(counters.items())
        if isinstance(key, str) and isinstance(value, int | float) and abs(value) < _NUMBER_MAX
    }


def encode_status(status: GatewayStatus, bytes_max: int = CONTROL_BYTES_MAX) -> bytes:
    """Return a status as bytes within a limit.

    What is left out, in this order: counters, components that run well, all components, what may be commanded
    (then that is not said), which conditions stand (then they are not compared this time), all problems but the first.
    """
    payload = encode_control(status)
    if len(payload) <= bytes_max:
        return payload
    bare = tuple(
        ComponentStatus(id=part.id, kind=part.kind, state=part.state, detail=part.detail[:120])
        for part in status.components
    )
    for components in (bare, tuple(part for part in bare if part.state != "running")[:200], ()):
        payload = encode_control(replace(status, components=components))
        if len(payload) <= bytes_max:
            return payload
    untold = replace(status, components=(), actuators=None, missed_clips=())
    shorter = replace(untold, standing=None)
    for less in (untold, shorter):
        payload = encode_control(less)
        if len(payload) <= bytes_max:
            return payload
    return encode_control(replace(shorter, problems=tuple(line[:120] for line in status.problems[:1])))
