"""Any sensor keeps the rules of every adapter; its values are what the configuration says they are."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.sdi12.adapter import Sdi12Sensor
from haechi.contract.observations import Quality, Value
from haechi.sdk import BadReading, ConfigError, Host
from haechi.sdk import sdi12_sensor as simulated
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import ASKED, TRANSLATED, SensorPeer
from haechi.sdk.testing.sdi12_answers import values_in

_LEVEL = {
    "place": 2,
    "name": "level",
    "unit": "m",
    "observed_property": "water_level",
    "step": 0.001,
    "invalid": [-9999],
}
_WARM = {"place": 1, "name": "water.temperature", "unit": "Cel", "invalid": [-9999]}


class AnyPeer(SensorPeer):
    """A simulated sensor as the suite sees it."""

    def __init__(self) -> None:
        self.values = ["+8.5", "+1.234"]
        self.sensor = simulated.Sdi12Sensor(lambda _number: self.values)
        super().__init__(self.sensor, value=[_LEVEL, _WARM])

    def show(self, property_name: str, value: Value) -> None:
        self.values[property_name == "level"] = f"{float(value):+.3f}"

    def refuse(self, property_name: str) -> None:
        self.values[property_name == "level"] = "-9999"


class TestSdi12Sensor(AdapterConformance):
    adapter = Sdi12Sensor
    entry_point = "sdi12"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "level": (1.234, 0.0, -0.005),
        "water.temperature": (8.5, -0.125),
    }
    foreign = (b"1+3.14\r\n", b"2M!", b"50012\r\n")

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[AnyPeer]:
        peer = AnyPeer()
        async with peer.sensor:
            yield peer

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        return values_in(Sdi12Sensor("device-1", Sdi12Sensor.load_config(recording.config), Host()), data)


def sensor(*values: dict[str, Any], **keys: Any) -> Sdi12Sensor:
    written = {"serial_port": "/dev/null", "value": list(values), **keys}
    return Sdi12Sensor("s", Sdi12Sensor.load_config(written), Host())


def test_invalid_numbers_are_left_out_and_implausible_ones_are_bad() -> None:
    one = sensor({**_LEVEL, "valid": [0.0, 5.0]}, _WARM)
    sample = one.sample_of([Decimal("8.5"), Decimal("7.250")])
    assert sample is not None
    assert sample.values == (7.25, 8.5)
    assert sample.qualities == (Quality.BAD, Quality.GOOD)
    sample = one.sample_of([Decimal("8.5"), Decimal(-9999)])
    assert sample is not None
    assert sample.datastreams == ("s.water.temperature",)
    assert one.host.counters == {"values_implausible": 1, "values_missing": 1}


@pytest.mark.parametrize(
    ("said", "scale", "step", "value"),
    [("123", 0.01, 0.01, 1.23), ("1.2345", 1.0, 0.001, 1.2345), ("0.3", 25.4, 0.01, 7.62), ("-5", 1.0, None, -5.0)],
)
def test_numbers_become_values_exactly(said: str, scale: float, step: float | None, value: float) -> None:
    sample = sensor({**_WARM, "scale": scale, "step": step}).sample_of([Decimal(said)])
    assert sample is not None
    assert sample.values == (value,)


def test_fewer_values_than_the_configuration_names_are_no_reading() -> None:
    with pytest.raises(BadReading, match="1 values, where the configuration names value 2"):
        sensor(_LEVEL).sample_of([Decimal(1)])


async def test_another_measurement_may_be_asked_for() -> None:
    async with simulated.Sdi12Sensor(lambda number: [f"+{number}"]) as one:
        written = {"serial_port": one.port, **ASKED, **TRANSLATED, "measurement": 7, "value": [_WARM]}
        async with aclosing(Sdi12Sensor("s", Sdi12Sensor.load_config(written), Host()).samples()) as samples:
            assert (await anext(samples)).values == (7.0,)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], "value = []: expected"),
        ([{**_WARM, "scale": 0.0}], "value[0].scale = 0.0: expected a number other than zero"),
        ([{**_WARM, "valid": [1.0, 0.0]}], "value[0].valid = [1.0, 0.0]: expected the lower bound first"),
        ([{**_WARM, "step": 1e-12}], "value[0].step = 1e-12: expected a step lies between"),
        ([_WARM, {**_LEVEL, "place": 1}], "value[1].place = 1: expected one that no other value has"),
        ([_WARM, {**_LEVEL, "name": "water.temperature"}], "value[1].name = 'water.temperature': expected one that no"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(values: list[dict[str, Any]], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sensor(*values)
    assert str(caught.value).startswith(line.replace("[]", "()")) or str(caught.value).startswith(line)
