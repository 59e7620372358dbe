"""Units are UCUM, case sensitive, and fit what is observed."""

import pytest

from haechi.sdk.units import dimension_of, misfit


@pytest.mark.parametrize(
    ("unit", "dimension"),
    [
        ("m", {"m": 1}),
        ("mm", {"m": 1}),
        ("mm/h", {"m": 1, "s": -1}),
        ("km/h", {"m": 1, "s": -1}),
        ("m3/s", {"m": 3, "s": -1}),
        ("L/s", {"m": 3, "s": -1}),
        ("Cel", {"K": 1}),
        ("[degF]", {"K": 1}),
        ("hPa", {"g": 1, "m": -1, "s": -2}),
        ("mbar", {"g": 1, "m": -1, "s": -2}),
        ("kW.h", {"g": 1, "m": 2, "s": -2}),
        ("ug/m3", {"g": 1, "m": -3}),
        ("W/m2", {"g": 1, "s": -3}),
        ("m.s-2", {"m": 1, "s": -2}),
        ("V.A", {"g": 1, "m": 2, "s": -3}),
        ("{veh}", {}),
        ("{veh}/h", {"s": -1}),
        ("/min", {"s": -1}),
        ("%", {}),
        ("[ppm]", {}),
        ("1", {}),
        ("10.m", {"m": 1}),
        ("dB", {}),
        ("deg", {"rad": 1}),
        ("min", {"s": 1}),
        ("mV", {"g": 1, "m": 2, "s": -2, "C": -1}),
    ],
)
def test_codes_have_the_dimension_of_their_quantity(unit: str, dimension: dict[str, int]) -> None:
    assert dimension_of(unit) == dimension


@pytest.mark.parametrize("unit", ["", "meter", "KM", "°C", "kWh", "m//s", "m s", "degC", "l/s/", "[xyz]"])
def test_what_is_no_code_is_refused(unit: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        dimension_of(unit)


def test_a_unit_of_something_else_is_told() -> None:
    assert misfit("km/h", "water_level") == "km/h is no unit of water_level"
    assert misfit("cm", "water_level") == ""
    assert misfit("furlong", "nobody_knows") == "furlong: furlong is no UCUM unit known here"
    assert misfit("m", "nobody_knows") == ""
