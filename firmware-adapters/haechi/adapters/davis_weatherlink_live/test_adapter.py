"""The station keeps the rules of every adapter; what is not measured, impossible or no longer heard is told apart."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.davis_weatherlink_live.adapter import WeatherlinkLive
from haechi.adapters.davis_weatherlink_live.simulator import WeatherlinkLiveSimulator
from haechi.contract.observations import Quality, Value
from haechi.sdk import BadReading, Host, NotConnected
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.http_answers import body_in
from haechi.sdk.testing.peers import told

_MPH = 0.44704
_SHOWN_AS: dict[str, tuple[str, Callable[[float], float]]] = {
    "air_temperature": ("temp", lambda value: value * 1.8 + 32),
    "relative_humidity": ("hum", lambda value: value),
    "wind_speed": ("wind_speed_last", lambda value: round(value / _MPH)),
    "wind_direction": ("wind_dir_last", lambda value: value),
    "wind_gust": ("wind_speed_hi_last_2_min", lambda value: round(value / _MPH)),
    "rain_intensity": ("rain_rate_last", lambda value: round(value / 0.2)),
    "rain_year": ("rainfall_year", lambda value: round(value / 0.2)),
    "solar_radiation": ("solar_rad", lambda value: value),
    "uv_index": ("uv_index", lambda value: value),
}


class StationPeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: WeatherlinkLiveSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        url = f"http://127.0.0.1:{self._simulator.port}/v1/current_conditions"
        return {"url": url, "period_s": 0.01, "timeout_s": 0.4, "retry_s": 0.1}

    def show(self, property_name: str, value: Value) -> None:
        if property_name == "air_pressure":
            self._simulator.inches = round(float(value) / 33.86389)
            return
        key, said = _SHOWN_AS[property_name]
        self._simulator.station[key] = said(float(value))

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def refuse(self, property_name: str) -> None:
        self._simulator.station[_SHOWN_AS[property_name][0]] = None

    def restart(self) -> None:
        self._simulator.drop()


class TestWeatherlinkLive(AdapterConformance):
    adapter = WeatherlinkLive
    entry_point = "davis_weatherlink_live"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "air_temperature": (10.0, -17.5, 25.0),
        "relative_humidity": (51.5, 100.0),
        "wind_speed": (2 * _MPH, 0.0),
        "wind_direction": (180.0, 0.0),
        "wind_gust": (8 * _MPH, 40 * _MPH),
        "rain_intensity": (0.0, 12.2),
        "rain_year": (12.6, 12.8),
        "solar_radiation": (747.0, 0.0),
        "uv_index": (5.5, 11.0),
        "air_pressure": (30 * 33.86389, 29 * 33.86389),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[StationPeer]:
        async with WeatherlinkLiveSimulator() as simulator:
            yield StationPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        body = body_in(data)
        if body is None:
            return []
        try:
            return told(station(**recording.config).sample_of(body))
        except BadReading:
            return []


@lru_cache(maxsize=4)
def loaded(written: str) -> Any:
    """The configuration of a recording, which is decoded tens of thousands of times."""
    return WeatherlinkLive.load_config(json.loads(written))


def station(**written: Any) -> WeatherlinkLive:
    keys = {"url": "http://192.0.2.36/v1/current_conditions", **written}
    return WeatherlinkLive("w", loaded(json.dumps(keys)), Host())


def body(did: str = "A", error: Any = None, **said: Any) -> bytes:
    one = {"data_structure_type": 1, "txid": 1, "rx_state": 0, "rain_size": 1, **said}
    return json.dumps({"data": {"did": did, "conditions": [one]}, "error": error}).encode()


@pytest.mark.parametrize(
    ("said", "values", "counted"),
    [
        ({"temp": 62.7}, {"w.air_temperature": 17.055555}, {}),
        ({"temp": 62.75}, {"w.air_temperature": 17.083333}, {}),
        ({"rainfall_year": 63}, {"w.rain_year": 16.002}, {}),
        ({"rainfall_year": 63, "rain_size": 2}, {"w.rain_year": 12.6}, {}),
        ({"rainfall_year": 63, "rain_size": 3}, {"w.rain_year": 6.3}, {}),
        ({"rainfall_year": 63, "rain_size": 4}, {"w.rain_year": 1.6002}, {}),
        ({"rainfall_year": 63, "rain_size": 0}, {}, {"values_bad": 1}),
        ({"rainfall_year": 6.5}, {}, {"values_bad": 1}),
        ({"temp": 4822.5}, {}, {"values_bad": 1}),
        ({"hum": True}, {}, {"values_bad": 1}),
        ({"hum": "51"}, {}, {"values_bad": 1}),
        ({"wind_speed_last": None}, {}, {}),
    ],
)
def test_what_is_said_is_converted_or_left_out(said: dict[str, Any], values: Any, counted: dict[str, int]) -> None:
    there = station(barometer=False)
    sample = there.sample_of(body(**said))
    found = {} if sample is None else dict(zip(sample.datastreams, sample.values, strict=True))
    assert found == pytest.approx(values)
    assert {name: n for name, n in there.host.counters.items() if name != "values_missing"} == counted


def test_a_station_that_is_not_heard_any_more_is_uncertain() -> None:
    there = station(barometer=False)
    sample = there.sample_of(body(temp=62.7, rx_state=2))
    assert sample is not None
    assert sample.qualities == (Quality.UNCERTAIN,)
    assert there.host.counters["station_lost"] == 1


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (body(txid=2), "does not receive transmitter 1"),
        (body(error={"code": 404}), "answers with an error"),
        (b'{"data":null,"error":{"code":404}}', "answers with an error"),
        (b"<html>", "no current conditions"),
        (b"\xff", "no current conditions"),
    ],
)
def test_what_is_no_answer_of_it_is_a_bad_reading(said: bytes, line: str) -> None:
    with pytest.raises(BadReading, match=line):
        station().sample_of(said)


async def test_another_device_at_its_address_is_not_read() -> None:
    async with WeatherlinkLiveSimulator() as simulator:
        there = station(**StationPeer(simulator).config())
        async with aclosing(there.samples()) as samples:
            await anext(samples)
        simulator.did = "001D0A7FFFFF"
        async with aclosing(there.samples()) as samples:
            with pytest.raises(NotConnected, match="another device answers, '001D0A7FFFFF'; it was '001D0A700002'"):
                await anext(samples)
