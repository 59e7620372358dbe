"""Traffic, ice and carbon: limits belong where the sources put them, and nothing is guessed."""

from datetime import date

import pytest

from haechi.edge.derivations.carbon import Carbon, EmissionFactor
from haechi.edge.derivations.ice import Risk, black_ice_risk
from haechi.edge.derivations.traffic import density_by_flow, density_by_occupancy, level_of_service


@pytest.mark.parametrize(
    ("density", "level"), [(0, "A"), (7, "A"), (7.1, "B"), (11, "B"), (16, "C"), (22, "D"), (28, "E"), (28.1, "F")]
)
def test_levels_of_service(density: float, level: str) -> None:
    assert level_of_service(density) == level


def test_density() -> None:
    assert density_by_flow(1800, 90, lanes=2) == 10
    assert density_by_flow(0, 0) is None
    assert density_by_flow(0, 90) is None
    assert level_of_service(density_by_flow(60, 0) or 0) == "F"
    assert density_by_occupancy(0.1, vehicle_m=4.5, loop_m=2.0) == pytest.approx(15.38, abs=0.01)


@pytest.mark.parametrize(
    ("road_cel", "others", "risk"),
    [
        (5.0, {}, Risk.NONE),
        (5.0, {"film_mm": 1.0}, Risk.NONE),
        (0.5, {"film_mm": 1.0}, Risk.POSSIBLE),
        (0.0, {"film_mm": 1.0}, Risk.LIKELY),
        (-3.0, {"film_mm": 1.0, "freezing_cel": -8.0}, Risk.NONE),
        (-7.5, {"film_mm": 1.0, "freezing_cel": -8.0}, Risk.POSSIBLE),
        (-8.0, {"film_mm": 1.0, "freezing_cel": -8.0}, Risk.LIKELY),
        (-8.0, {"film_mm": 0.0}, Risk.NONE),
        (-8.0, {}, Risk.POSSIBLE),
        (-2.0, {"film_mm": 0.0, "dew_point_cel": -1.0}, Risk.LIKELY),
        (-2.0, {"film_mm": 0.0, "dew_point_cel": -5.0}, Risk.NONE),
        (1.0, {"film_mm": 0.0, "dew_point_cel": 3.0}, Risk.NONE),
        # Saturated over ice at -8.9: frost grows though the surface is above the dew point (over water).
        (-9.2, {"film_mm": 0.0, "dew_point_cel": -10.0}, Risk.LIKELY),
        (-8.6, {"film_mm": 0.0, "dew_point_cel": -10.0}, Risk.NONE),
        (-8.6, {"film_mm": 0.0, "dew_point_cel": -9999.0}, Risk.NONE),
        (-2.0, {"wetness": 0.8}, Risk.LIKELY),
        (0.5, {"wetness": 0.8}, Risk.POSSIBLE),
        (5.0, {"wetness": 1.0}, Risk.NONE),
        (-2.0, {"wetness": 0.0}, Risk.POSSIBLE),
        (-2.0, {"wetness": 1.0, "film_mm": 0.0}, Risk.NONE),
    ],
)
def test_black_ice(road_cel: float, others: dict[str, float], risk: Risk) -> None:
    assert black_ice_risk(road_cel, **others) is risk


def test_carbon_by_the_factor_of_the_day() -> None:
    carbon = Carbon(
        [
            EmissionFactor(date(2026, 1, 1), 0.40, "the newer"),
            EmissionFactor(date(2025, 1, 1), 0.45, "the older"),
        ]
    )
    assert carbon.kg_of(100, date(2024, 12, 31)) is None
    assert carbon.kg_of(100, date(2025, 12, 31)) == pytest.approx(45)
    assert carbon.kg_of(100, date(2026, 1, 1)) == pytest.approx(40)
    assert carbon.factor_on(date(2030, 1, 1)) == EmissionFactor(date(2026, 1, 1), 0.40, "the newer")
    with pytest.raises(ValueError, match="one emission factor a day"):
        Carbon([EmissionFactor(date(2026, 1, 1), 0.4, "one"), EmissionFactor(date(2026, 1, 1), 0.5, "other")])
