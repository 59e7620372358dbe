"""The post keeps the rules of every adapter, and those of adapters that are told something."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.contract.observations import Value
from haechi.sdk import Host, NotDone
from haechi.sdk.scaffold.post.adapter import AcmePost
from haechi.sdk.scaffold.post.protocol import STEP, Lines
from haechi.sdk.scaffold.post.simulator import AcmePostSimulator
from haechi.sdk.testing import AdapterConformance, Recording


class PostPeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: AcmePostSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        times = {"period_s": 0.05, "silence_s": 0.5, "answer_s": 0.4, "retry_s": 0.1}
        return {"host": "127.0.0.1", "port": self._simulator.port, **times}

    def show(self, property_name: str, value: Value) -> None:
        if property_name == "battery":
            self._simulator.battery_v = float(value)
        else:
            self._simulator.sounds = bool(value)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def hurry(self) -> None:
        self._simulator.period_s = 0.0

    # What follows is for adapters with actuators.

    def told(self) -> list[tuple[str, Value]]:
        return [("siren", sounds) for sounds, _on_s in self._simulator.told]

    def stands(self, actuator: str) -> Value:
        assert actuator == "siren"
        return self._simulator.sounds

    def hesitate(self, seconds: float) -> None:
        self._simulator.delay_s = seconds

    def jam(self, actuator: str) -> None:
        assert actuator == "siren"
        self._simulator.jammed = True

    def lasts_s(self, actuator: str) -> float:
        assert actuator == "siren"
        return self._simulator.told[-1][1]


class TestAcmePost(AdapterConformance):
    adapter = AcmePost
    entry_point = "acme_post"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"battery": (12.5, 0.001, 99.999), "siren": (False, True, False)}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[PostPeer]:
        async with AcmePostSimulator(period_s=0.02) as simulator:
            yield PostPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        assert recording.config["host"]
        values: list[tuple[str, Value]] = []
        for said in Lines().feed(data):
            if said.millivolts is not None:
                values += [("battery", STEP.value(said.millivolts)), ("siren", said.sounds)]
        return values


async def test_a_post_that_does_not_obey_has_changed_nothing() -> None:
    async with AcmePostSimulator() as simulator:
        simulator.obeys = False
        adapter = AcmePost("post-1", AcmePost.load_config(PostPeer(simulator).config()), Host())
        with pytest.raises(NotDone, match="does not obey"):
            await adapter.actuate("siren", True, 5.0)
        assert simulator.told == []
