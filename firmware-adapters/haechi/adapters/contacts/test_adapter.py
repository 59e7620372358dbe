"""Contacts keep the rules of every adapter."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from haechi.adapters.contacts.adapter import GpioContacts
from haechi.adapters.contacts.simulator import ContactsSimulator, OutputsSimulator
from haechi.contract.observations import Value
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.transports.contacts import edges_in

_DOOR, _FLOAT = 17, 27
_OUTPUTS = {"siren": 24, "light": 25}


class Cabinet:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: ContactsSimulator, outputs: OutputsSimulator) -> None:
        self._simulator, self._outputs = simulator, outputs

    def config(self) -> Mapping[str, Any]:
        return {
            "chip": self._simulator.chip,
            "contact": [
                {
                    "name": "door",
                    "line": _DOOR,
                    "observed_property": "door_open",
                    "true_when": "open",
                    "debounce_ms": 10,
                },
                {"name": "float", "line": _FLOAT, "observed_property": "float_switch", "debounce_ms": 10},
            ],
            "output_chip": self._outputs.chip,
            "output": [
                {"name": "siren", "line": 24},
                {"name": "light", "line": 25, "true_when": "low", "fail_safe": True},
            ],
            "repeat_s": 0.05,
            "timeout_s": 0.4,
            "retry_s": 0.1,
        }

    def show(self, property_name: str, value: Value) -> None:
        line = {"door": _DOOR, "float": _FLOAT}[property_name]
        is_open = value if property_name == "door" else not value
        if is_open != self._simulator.is_high[line]:
            (self._simulator.open_contact if is_open else self._simulator.close_contact)(line)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def told(self) -> list[tuple[str, Value]]:
        names = {line: name for name, line in _OUTPUTS.items()}
        return [(names[line], is_high == (names[line] == "siren")) for line, is_high in self._outputs.driven]

    def stands(self, actuator: str) -> Value:
        return self._outputs.is_high[_OUTPUTS[actuator]] == (actuator == "siren")

    def hesitate(self, seconds: float) -> None:
        self._outputs.delay_s = seconds

    def jam(self, actuator: str) -> None:
        self._outputs.jammed.add(_OUTPUTS[actuator])


class TestContacts(AdapterConformance):
    adapter = GpioContacts
    entry_point = "contacts"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"door": (True, False), "float": (False, True)}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Cabinet]:
        async with ContactsSimulator((_DOOR, _FLOAT)) as simulator, OutputsSimulator(_OUTPUTS.values()) as outputs:
            yield Cabinet(simulator, outputs)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        contacts = {one["line"]: one for one in recording.config["contact"]}
        return [
            (contacts[edge.line]["name"], edge.is_high == (contacts[edge.line].get("true_when") == "open"))
            for edge in edges_in(data, contacts)
        ]
