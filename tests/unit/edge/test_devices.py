"""From configuration to a site: what refers to what, and what is refused."""

from pathlib import Path

import pytest

from haechi.edge.config_file import ConfigError, load
from haechi.edge.devices import Site, assemble
from haechi.edge.rules.rate import Rate
from haechi.edge.rules.stale import Stale
from haechi.edge.rules.threshold import Threshold

SAMPLE = Path(__file__).parents[3] / "edge" / "etc" / "gateway.toml"


def assembled(folder: Path, right: str = "", wrong: str = "") -> Site:
    text = SAMPLE.read_text(encoding="utf-8")
    assert right in text
    path = folder / "gateway.toml"
    path.write_text(text.replace(right, wrong, 1) if right else text, encoding="utf-8")
    return assemble(load(path))


def test_everything_is_described() -> None:
    site = assemble(load(SAMPLE))
    assert [thing.kind for thing in site.descriptions.things] == ["river_gauge", "level_gauge", "camera"]
    assert {stream.id for stream in site.descriptions.datastreams} == {
        "river-1.distance",
        "river-1.level",
        "underpass-1.distance",
        "underpass-1.depth",
        "cam-underpass-1.entry.forward",
        "cam-underpass-1.entry.backward",
    }
    assert sorted(site.measured) == ["river-1.distance", "underpass-1.distance"]


def test_every_kind_of_rule_gets_its_machine() -> None:
    rules = {rule.id: rule for rule in assemble(load(SAMPLE)).rules}
    assert isinstance(rules["river-1.level.alarm"].machine, Threshold)
    assert isinstance(rules["river-1.level.rising"].machine, Rate)
    assert isinstance(rules["underpass-1.silent"].machine, Stale)
    assert (rules["river-1.level.alarm"].threshold, rules["river-1.level.alarm"].unit) == (5.5, "m")
    assert (rules["underpass-1.silent"].threshold, rules["underpass-1.silent"].unit) == (60.0, "s")
    assert rules["underpass-1.silent"].place.id == "doan-underpass"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('id = "river-1.level"', 'id = "river-1.distance"', r"derivation\[0\]\.id .* the device gives it already"),
        ('id = "river-1.level"', 'id = "lake.level"', r"derivation\[0\]\.id .* begins with river-1\."),
        (
            'source = "underpass-1.distance"',
            'source = "cam-underpass-1.entry.forward"',
            r"derivation\[1\]\.source .* known: river-1\.distance, underpass-1\.distance",
        ),
    ],
)
def test_derivations_that_cannot_be_are_refused(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        assembled(tmp_path, right, wrong)


def test_a_device_that_is_switched_off_is_described_but_neither_read_nor_watched(tmp_path: Path) -> None:
    off = 'adapter = "serial_level"\nenabled = false'
    site = assembled(tmp_path, 'adapter = "serial_level"', off)
    assert [device.config.id for device in site.devices] == ["river-1"]
    assert {rule.source for rule in site.rules} == {"river-1"}
    assert "underpass-1" in {thing.id for thing in site.descriptions.things}
