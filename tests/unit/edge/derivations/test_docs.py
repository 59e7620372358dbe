"""Every example of docs/derivations.md is a configuration that is accepted, and every kind has one."""

import re
import tomllib
from pathlib import Path

from haechi.contract.places import Datastream
from haechi.edge.config import GatewayConfig
from haechi.edge.derivations.config import KINDS, Linear, Stage
from haechi.edge.derivations.planning import computed, straight

DOCUMENT = Path(__file__).parents[4] / "docs" / "derivations.md"
HEAD = """
[gateway]
id = "gw-1"
tenant = "city"
data_dir = "data"
[uplink]
url = "mqtt://127.0.0.1:1883"
"""
UNITS = {
    "river-1.distance": "m",
    "rain-1.rain_year": "mm",
    "loop-1.vehicles": "{veh}",
    "loop-1.covered": "1",
    "loop-1.speed": "km/h",
    "road-1.road_temperature": "Cel",
    "road-1.water_film": "mm",
    "road-1.freezing_temperature": "Cel",
    "weather-1.air_temperature": "Cel",
    "weather-1.humidity": "%",
    "meter-1.energy_import": "kW.h",
    "shake-1.ehz": "1",
}


def test_every_example_is_accepted_and_every_kind_has_one() -> None:
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    config = GatewayConfig.model_validate(tomllib.loads(HEAD + "\n".join(examples)))
    known = {
        name: Datastream(
            id=name,
            thing=name.partition(".")[0],
            observed_property=name.partition(".")[2],
            unit=unit,
            period_s=0.01 if name == "shake-1.ehz" else None,
            device_time=name == "shake-1.ehz",
        )
        for name, unit in UNITS.items()
    }
    for index, derivation in enumerate(config.derivation):
        if isinstance(derivation, Linear | Stage):
            assert straight(f"derivation[{index}]", derivation, known)
        else:
            _link, made = computed(f"derivation[{index}]", derivation, known)
            known[made.id] = made
    assert {derivation.kind for derivation in config.derivation} == KINDS.keys()
    assert {rule.datastream for rule in config.rule} <= known.keys()
