"""End devices keep the rules of every adapter; how the network servers differ is in the other tests."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from haechi.adapters.lorawan.adapter import Lorawan
from haechi.adapters.lorawan.config import LorawanConfig
from haechi.adapters.lorawan.simulator import LorawanSimulator
from haechi.contract.observations import Value
from haechi.sdk import Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.mqtt_messages import values_in
from haechi.sdk.transports.mqtt_frames import Message, publish

_SHOWS = {
    "occupied": "occupied",
    "temperature": "temperature_c",
    "debug_code": "debug_code",
    "firmware": "firmware",
    "reset_cause": "reset_cause",
}


class CarPark:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: LorawanSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        simulator = self._simulator
        return {
            "broker_url": simulator.broker.url,
            "network_server": simulator.server,
            "application": simulator.application,
            "end_device": [{"dev_eui": simulator.dev_eui, "name": "bay-1", "payload": "bosch_tps110"}],
            "silence_s": 0.5,
            "timeout_s": 0.5,
            "retry_s": 0.1,
            "retry_max_s": 0.1,
        }

    def show(self, property_name: str, value: Value) -> None:
        simulator, name = self._simulator, property_name.removeprefix("bay-1.")
        simulator.empty = False
        if name == "startup_codes":
            simulator.startup_codes = tuple(int(code) for code in str(value).split())
        else:
            setattr(simulator, _SHOWS[name], int(value) if isinstance(value, float) else value)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.broker.is_held

    def refuse(self, property_name: str) -> None:
        assert property_name == "bay-1.occupied"
        self._simulator.empty = True

    def restart(self) -> None:
        self._simulator.broker.restart()

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class TestLorawan(AdapterConformance):
    adapter = Lorawan
    entry_point = "lorawan"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "bay-1.occupied": (True, False),
        "bay-1.temperature": (21.0, -30.0, 127.0),
        "bay-1.debug_code": (404.0, 0.0, 4095.0),
        "bay-1.firmware": ("0.29.2", "0.23.3"),
        "bay-1.reset_cause": ("power_on", "watchdog"),
        "bay-1.startup_codes": ("804 885", ""),
    }
    foreign = tuple(
        publish(Message(topic, LorawanSimulator(server, dev_eui=eui).uplink(1, b"\1")))  # type: ignore[arg-type]
        for server, eui, topic in (
            ("chirpstack", "0004a30b001c0599", LorawanSimulator("chirpstack").topic),
            ("the_things_stack", "0004a30b001c0599", LorawanSimulator("the_things_stack").topic),
            ("chirpstack", "0004a30b001c0530", "application/other/device/0004a30b001c0530/event/up"),
            ("the_things_stack", "0004a30b001c0530", LorawanSimulator("chirpstack").topic),
        )
    )

    _recording: Recording | None = None
    _config: LorawanConfig

    # What Python keeps for itself after some hundred messages is bounded, and more than 500 reads may leave.
    reads_min = 2000

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[CarPark]:
        async with LorawanSimulator("chirpstack") as simulator:
            yield CarPark(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        # A recording is decoded a hundred thousand times; its configuration is the same each time.
        if recording is not self._recording:
            self._recording, self._config = recording, Lorawan.load_config(recording.config)
        return values_in(Lorawan("car-park", self._config, Host()), data)
