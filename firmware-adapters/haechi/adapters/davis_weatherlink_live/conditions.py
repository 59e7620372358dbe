"""What is in an answer to ``/v1/current_conditions``. No I/O.

Written from Davis Instruments, *WeatherLink Live Local API* (weatherlink.github.io, read in November 2026). A number
that is null was not measured; one that is none, or that no weather can have, is damage. Both are left out and counted.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from haechi.contract.places import Step
from haechi.sdk.errors import BadReading
from haechi.text import _

_STATION, _BAROMETER = 1, 3
"""data_structure_type: ISS current conditions, and LSS BAR."""
_BUCKETS = {1: 2540, 2: 2000, 3: 1000, 4: 254}
"""rain_size → what a count is, in ten-thousandths of a millimetre: 0.01 in, 0.2 mm, 0.1 mm, 0.001 in."""
RAIN_STEP = Step(1, 10_000)
CELSIUS_STEP = Step(1, 18)
"""A tenth of a degree Fahrenheit, in degrees Celsius."""
_MILE_AN_HOUR_M_S = 0.44704
_INCH_OF_MERCURY_HPA = 33.86389
_LOST = 2
"""rx_state of a station that is not heard; 0 and 1 are received, well and with gaps."""


class _Field(NamedTuple):
    """A number of a record: its key, what it is called here, what it can be as it is said, and how it is converted."""

    key: str
    name: str
    low: float
    high: float
    converted: Callable[[float], float] = float


def _celsius(fahrenheit: float) -> float:
    tenths = fahrenheit * 10
    if abs(tenths - round(tenths)) < 1e-6:
        return CELSIUS_STEP.value(round(tenths) - 320)
    return (fahrenheit - 32) / 1.8


def _metres_a_second(miles_an_hour: float) -> float:
    return miles_an_hour * _MILE_AN_HOUR_M_S


def _hectopascal(inches: float) -> float:
    return inches * _INCH_OF_MERCURY_HPA


_WEATHER = (
    _Field("temp", "air_temperature", -130, 200, _celsius),
    _Field("hum", "relative_humidity", 0, 100),
    _Field("wind_speed_last", "wind_speed", 0, 250, _metres_a_second),
    _Field("wind_dir_last", "wind_direction", 0, 360),
    _Field("wind_speed_hi_last_2_min", "wind_gust", 0, 250, _metres_a_second),
    _Field("solar_rad", "solar_radiation", 0, 2000),
    _Field("uv_index", "uv_index", 0, 30),
)
_PRESSURE = (_Field("bar_absolute", "air_pressure", 15, 33, _hectopascal),)


class Conditions(NamedTuple):
    """What one answer says."""

    who: str
    """The device's own number."""
    values: dict[str, float]
    missing: int
    """How many numbers are null."""
    damaged: int
    """How many are none, or impossible."""
    is_received: bool
    """False: the station is not heard; its values are the last that were."""


class _Data(msgspec.Struct):
    did: str
    conditions: list[dict[str, Any]]


class _Answer(msgspec.Struct):
    data: _Data | None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Answer)


def conditions_in(body: bytes, transmitter: int, *, barometer: bool) -> Conditions:
    """Return what an answer says of the station ``transmitter``, and of the pressure where ``barometer`` is wanted.

    Raises:
        BadReading: it is no answer of a WeatherLink Live, or that station is not in it.
    """
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadReading(_("no current conditions ({why})").format(why=error)) from None
    if answer.data is None or answer.error is not None:
        raise BadReading(_("it answers with an error in place of its conditions"))
    station = _record(answer.data.conditions, data_structure_type=_STATION, txid=transmitter)
    if station is None:
        raise BadReading(_("it does not receive transmitter {number}").format(number=transmitter))
    said = [_read(station, field) for field in (*_WEATHER, *_rain(station))]
    if barometer:
        said += [_read(_record(answer.data.conditions, data_structure_type=_BAROMETER) or {}, one) for one in _PRESSURE]
    return Conditions(
        who=answer.data.did,
        values={name: value for name, value in said if value is not None and math.isfinite(value)},
        missing=sum(value is None for _name, value in said),
        damaged=sum(value is not None and not math.isfinite(value) for _name, value in said),
        is_received=station.get("rx_state") != _LOST,
    )


def _record(records: Iterable[dict[str, Any]], **wanted: int) -> dict[str, Any] | None:
    return next((one for one in records if all(one.get(key) == value for key, value in wanted.items())), None)


def _rain(station: Mapping[str, Any]) -> tuple[_Field, ...]:
    """Return the fields that count a bucket's tips; a bucket that nobody knows counts nothing."""
    size = station.get("rain_size")
    bucket = _BUCKETS.get(size) if isinstance(size, int) else None

    def millimetres(counts: float) -> float:
        return math.nan if bucket is None or counts % 1 else RAIN_STEP.value(int(counts) * bucket)

    return (
        _Field("rain_rate_last", "rain_intensity", 0, 1e6, millimetres),
        _Field("rainfall_year", "rain_year", 0, 1e7, millimetres),
    )


def _read(record: Mapping[str, Any], field: _Field) -> tuple[str, float | None]:
    """Return name and value; None where it was not measured, not a number where it is damaged."""
    said = record.get(field.key)
    if said is None:
        return field.name, None
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    return field.name, field.converted(said) if is_number and field.low <= said <= field.high else math.nan
