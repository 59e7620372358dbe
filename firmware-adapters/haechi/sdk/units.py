"""Units as UCUM writes them, far enough to tell whether a unit exists and whether it fits what is observed.

Written from *The Unified Code for Units of Measure*, version 2.1: its syntax, and those of its units that sensors in a
city use, case sensitive. What is not known here is told by name, so that a partner can ask for it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from haechi.text import _

Dimension = Mapping[str, int]
"""Exponents of the base units m, g, s, K, C (charge), cd and rad; mole and annotations are numbers."""

_PREFIXES = ("da", "Y", "Z", "E", "P", "T", "G", "M", "k", "h", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y")
_METRIC: dict[str, dict[str, int]] = {
    "m": {"m": 1},
    "g": {"g": 1},
    "s": {"s": 1},
    "K": {"K": 1},
    "Cel": {"K": 1},
    "A": {"C": 1, "s": -1},
    "C": {"C": 1},
    "cd": {"cd": 1},
    "lm": {"cd": 1, "rad": 2},
    "lx": {"cd": 1, "rad": 2, "m": -2},
    "rad": {"rad": 1},
    "Hz": {"s": -1},
    "N": {"g": 1, "m": 1, "s": -2},
    "Pa": {"g": 1, "m": -1, "s": -2},
    "bar": {"g": 1, "m": -1, "s": -2},
    "J": {"g": 1, "m": 2, "s": -2},
    "W": {"g": 1, "m": 2, "s": -3},
    "V": {"g": 1, "m": 2, "s": -2, "C": -1},
    "Ohm": {"g": 1, "m": 2, "s": -1, "C": -2},
    "S": {"g": -1, "m": -2, "s": 1, "C": 2},
    "F": {"g": -1, "m": -2, "s": 2, "C": 2},
    "T": {"g": 1, "s": -1, "C": -1},
    "L": {"m": 3},
    "l": {"m": 3},
    "t": {"g": 1},
    "mol": {},
    "Bq": {"s": -1},
    "Sv": {"m": 2, "s": -2},
    "Gy": {"m": 2, "s": -2},
    "B": {},
    "Np": {},
    "By": {},
    "bit": {},
    "[g]": {"m": 1, "s": -2},
}
_OTHERS: dict[str, dict[str, int]] = {
    "min": {"s": 1},
    "h": {"s": 1},
    "d": {"s": 1},
    "wk": {"s": 1},
    "a": {"s": 1},
    "deg": {"rad": 1},
    "'": {"rad": 1},
    "''": {"rad": 1},
    "%": {},
    "[ppm]": {},
    "[ppth]": {},
    "[ppb]": {},
    "[pH]": {},
    "B[SPL]": {"g": 1, "m": -1, "s": -2},
    "dB[SPL]": {"g": 1, "m": -1, "s": -2},
    "[degF]": {"K": 1},
    "[in_i]": {"m": 1},
    "[ft_i]": {"m": 1},
    "[mi_i]": {"m": 1},
    "[nmi_i]": {"m": 1},
    "[kn_i]": {"m": 1, "s": -1},
    "[psi]": {"g": 1, "m": -1, "s": -2},
    "har": {"m": 2},
    "atm": {"g": 1, "m": -1, "s": -2},
}
_TERM = re.compile(r"(?P<unit>[^\d{}./+-][^{}./+-]*?|[^\d{}./+-])?(?P<exponent>[+-]?\d+)?(?P<note>\{[^{}]*\})?")

_LENGTH, _SPEED, _NUMBER = {"m": 1}, {"m": 1, "s": -1}, dict[str, int]()
_PROPERTIES: Mapping[str, dict[str, int]] = MappingProxyType(
    {
        "water_level": _LENGTH,
        "water_depth": _LENGTH,
        "level": _LENGTH,
        "distance": _LENGTH,
        "rain": _LENGTH,
        "rainfall": _LENGTH,
        "water_film_height": _LENGTH,
        "rain_intensity": _SPEED,
        "speed": _SPEED,
        "wind_speed": _SPEED,
        "wind_direction": {"rad": 1},
        "discharge": {"m": 3, "s": -1},
        "volume": {"m": 3},
        "temperature": {"K": 1},
        "air_temperature": {"K": 1},
        "water_temperature": {"K": 1},
        "surface_temperature": {"K": 1},
        "relative_humidity": _NUMBER,
        "humidity": _NUMBER,
        "air_pressure": {"g": 1, "m": -1, "s": -2},
        "pressure": {"g": 1, "m": -1, "s": -2},
        "voltage": {"g": 1, "m": 2, "s": -2, "C": -1},
        "current": {"C": 1, "s": -1},
        "power": {"g": 1, "m": 2, "s": -3},
        "energy": {"g": 1, "m": 2, "s": -2},
        "frequency": {"s": -1},
        "duration": {"s": 1},
        "pm1": {"g": 1, "m": -3},
        "pm25": {"g": 1, "m": -3},
        "pm10": {"g": 1, "m": -3},
        "illuminance": {"cd": 1, "rad": 2, "m": -2},
        "vehicle_count": _NUMBER,
    }
)


def dimension_of(unit: str) -> Dimension:
    """Return the dimension of a UCUM code.

    Raises:
        ValueError: it is no UCUM code, or none that is known here.
    """
    total: Counter[str] = Counter()
    sign = 1
    if not unit:
        raise ValueError(_("a unit is missing; 1 is the unit of a plain number"))
    for place, part in enumerate(re.split(r"([./])", unit)):
        if part in (".", "/"):
            sign = 1 if part == "." else -1
        elif part or place:  # a code may begin with a slash: /min
            for name, exponent in _term(part, unit).items():
                total[name] += sign * exponent
    return {name: exponent for name, exponent in total.items() if exponent}


def misfit(unit: str, observed_property: str) -> str:
    """Return why ``unit`` cannot be the unit of ``observed_property``; empty where it can."""
    try:
        dimension = dimension_of(unit)
    except ValueError as error:
        return str(error)
    expected = _PROPERTIES.get(observed_property)
    if expected is None or dimension == expected:
        return ""
    return _("{unit} is no unit of {property}").format(unit=unit, property=observed_property)


def _term(part: str, unit: str) -> dict[str, int]:
    match = _TERM.fullmatch(part)
    if not part or match is None:
        raise ValueError(_("{unit} is no UCUM code").format(unit=unit))
    atom = match["unit"]
    if atom is None:  # a number such as 1 or 10, or an annotation alone, which is a number too
        return {}
    exponent = int(match["exponent"] or 1)
    base = _OTHERS.get(atom) or _METRIC.get(atom)
    if base is None and atom not in _OTHERS and atom not in _METRIC:
        base = next(
            (_METRIC[atom[len(p) :]] for p in _PREFIXES if atom.startswith(p) and atom[len(p) :] in _METRIC), None
        )
        if base is None:
            raise ValueError(_("{unit}: {atom} is no UCUM unit known here").format(unit=unit, atom=atom))
    return {name: value * exponent for name, value in (base or {}).items()}
