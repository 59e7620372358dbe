"""From configuration to a site: what refers to what, and what is refused."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from haechi.adapters.modbus.adapter import Modbus
from haechi.contract.places import Datastream
from haechi.edge.config_file import ConfigError, load
from haechi.edge.devices import Site, assemble
from haechi.edge.rules.rate import Rate
from haechi.edge.rules.stale import Stale
from haechi.edge.rules.threshold import Threshold
from haechi.sdk.isolation import Isolated

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


BUSY = """adapter = "modbus"
[device.config]
transport = "rtu"
serial_port = "/dev/ttyUSB1"
period_s = 0.2
[[device.config.registers]]
name = "r{index}"
first = 0
count = 100
"""


def with_device(folder: Path, device: str, text: str) -> Site:
    path = folder / "gateway.toml"
    place = '\n[[device]]\nid = "{id}"\nkind = "meter"\nplace = "doan-underpass"\n'.replace("{id}", device)
    path.write_text(SAMPLE.read_text(encoding="utf-8") + place + text, encoding="utf-8")
    return assemble(load(path))


def test_a_schedule_that_a_serial_line_cannot_carry_is_refused_with_what_would_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/dev/ttyUSB1 9600 8N1: .* 70%.*meter-1 11\d%.*baud = 19200"):
        with_device(tmp_path, "meter-1", BUSY)
    assert with_device(tmp_path, "meter-1", BUSY.replace("0.2", "1.0"))
    assert with_device(tmp_path, "meter-1", "enabled = false\n" + BUSY)


def test_devices_that_want_one_line_set_differently_are_refused(tmp_path: Path) -> None:
    calm = BUSY.replace("0.2", "5")
    port = 'serial_port = "/dev/ttyUSB1"'
    other = '\n[[device]]\nid = "meter-2"\nkind = "meter"\nplace = "doan-underpass"\n' + calm.replace(
        port, port + '\nbaud = 19200\nparity = "even"'
    )
    with pytest.raises(ConfigError, match=r"meter-1 /dev/ttyUSB1 9600 8N1, meter-2 /dev/ttyUSB1 19200 8E1: "):
        with_device(tmp_path, "meter-1", calm + other)
    assert with_device(tmp_path, "meter-1", calm + other.replace("ttyUSB1", "ttyUSB2"))


def test_an_adapter_gets_a_process_of_its_own_where_it_is_written(tmp_path: Path) -> None:
    gauge = 'adapter = "serial_level"\n[device.config]\nport = "/dev/ttyS0"\nprotocol = "a02"\n'
    site = with_device(tmp_path, "partner-1", gauge + "[device.process]\nmemory_mib_max = 96\n")
    assert isinstance(site.devices[-1].adapter, Isolated)
    assert "partner-1.distance" in site.measured
    with pytest.raises(ConfigError, match=r"device\[2\]\.config\.protocol = 'a03': expected 'maxbotix_r' or 'a02'"):
        with_device(tmp_path, "partner-1", gauge.replace("a02", "a03") + "[device.process]\n")
    with pytest.raises(ConfigError, match=r"device\[2\]\.adapter = 'nobody': expected"):
        with_device(tmp_path, "partner-1", gauge.replace("serial_level", "nobody") + "[device.process]\n")


IO_MODULE = """adapter = "moxa_iologik_e1200"
[device.config]
host = "192.0.2.20"
[[device.config.counter]]
name = "rain"
channel = 5

[[derivation]]
id = "io-1.rain_mm"
source = "io-1.rain"
offset = {offset}
factor = 0.2
unit = "mm"
observed_property = "precipitation"
"""


@pytest.mark.parametrize(("offset", "counter"), [(0, "total"), (1, None)])
def test_a_count_in_another_unit_is_a_count(tmp_path: Path, offset: float, counter: str | None) -> None:
    site = with_device(tmp_path, "io-1", IO_MODULE.replace("{offset}", str(offset)))
    described = {stream.id: stream for stream in site.descriptions.datastreams}
    tips, rain = described["io-1.rain"], described["io-1.rain_mm"]
    assert (tips.counter, rain.counter) == ("total", counter)
    assert tips.rolls_over_at is not None
    assert rain.rolls_over_at == (pytest.approx(tips.rolls_over_at / 5) if counter else None)


SHAKE = """adapter = "raspberry_shake"
[device.config]
host = "192.0.2.9"
channels = ["EHZ"]
rate_hz = 100

[[derivation]]
id = "shake-1.ratio"
kind = "sta_lta"
source = "shake-1.ehz"

[[local]]
datastream = "shake-1.ehz"

[[rule]]
id = "shake-1.quake"
kind = "threshold"
datastream = "shake-1.ratio"
above = 4.0
hysteresis = 2.5
event = "hazard.earthquake"
"""


def test_a_seismogram_stays_here_and_what_is_made_of_it_is_described(tmp_path: Path) -> None:
    site = with_device(tmp_path, "shake-1", SHAKE)
    described = {stream.id: stream for stream in site.descriptions.datastreams}
    assert "shake-1.ehz" not in described
    assert (described["shake-1.ratio"].unit, described["shake-1.ratio"].device_time) == ("1", True)
    assert site.rings["shake-1.ehz"].shown_by == {"shake-1.ehz", "shake-1.ratio"}
    assert [link.id for link in site.links] == ["shake-1.ratio"]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            'source = "shake-1.ehz"',
            'source = "shake-1.enz"',
            r"derivation\[2\]\.source = 'shake-1.enz': there is no such",
        ),
        (
            'source = "shake-1.ehz"',
            'source = "river-1.level"',
            r"derivation\[2\]\.source = 'river-1.level': expected a",
        ),
        ('"sta_lta"', '"sta_lta"\nlong_s = 0.5', r"derivation\[2\]\.long_s = 0.5: expected"),
        ('"sta_lta"', '"sta_lta"\nshort_s = 40', r"derivation\[2\]: short_s must be below long_s"),
        ('"sta_lta"', '"quake"', r"derivation\[2\]\.kind = 'quake': expected 'linear', 'stage'"),
        ("[[local]]\ndatastream", "[[local]]\nvalues_max = 0\ndatastream", r"local\[0\]\.values_max = 0: expected"),
        ('[[local]]\ndatastream = "shake-1.ehz"', '[[local]]\ndatastream = "x.y"', r"local\[0\]\.datastream = 'x.y'"),
        ('id = "shake-1.ratio"', 'id = "river-1.ratio"', r"derivation\[2\]\.id .* begins with shake-1\."),
    ],
)
def test_computed_values_that_cannot_be_are_one_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in SHAKE
    with pytest.raises(ConfigError, match=said):
        with_device(tmp_path, "shake-1", SHAKE.replace(right, wrong, 1))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "river-1.Level"}, "matching regex"),
        ({"observed_property": None}, "Expected `str`"),
        ({"thing": "somebody-else"}, "begins with river-1."),
        ({"id": "somebody-else.level"}, "begins with river-1."),
        ({"id": "river-1.twice"}, "described twice"),
    ],
)
def test_an_adapter_that_describes_wrongly_is_named_before_it_costs_the_others(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], said: str
) -> None:
    def describe(_adapter: Modbus) -> list[Datastream]:
        sound = Datastream(id="river-1.twice", thing="river-1", observed_property="level", unit="m")
        return [sound, replace(sound, **changed)]

    monkeypatch.setattr(Modbus, "describe", describe)
    with pytest.raises(ConfigError, match=r"device\[0\]: the adapter modbus describes") as raised:
        assemble(load(SAMPLE))
    assert said in str(raised.value)


def test_an_actuator_needs_a_key_and_an_adapter_that_has_it(tmp_path: Path) -> None:
    actuator = '[[actuator]]\ndevice = "river-1"\nname = "siren"\n'
    with pytest.raises(ConfigError, match=r"actuator: gateway\.command_key_file is missing"):
        assembled(tmp_path, "[[valid]]", actuator + "[[valid]]")
    key = 'data_dir = "data"\ncommand_key_file = "key"'
    text = SAMPLE.read_text(encoding="utf-8").replace('data_dir = "/var/lib/haechi-edge"', key, 1)
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"gateway\.command_key_file = .*key: No such file"):
        assemble(load(path))
    (tmp_path / "key").write_text("k" * 40, encoding="ascii")
    assert assemble(load(path)).command_key == b"k" * 40
    path.write_text(text.replace("[[valid]]", actuator + "[[valid]]", 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"actuator\[0\]\.name = 'siren': river-1 only has: none"):
        assemble(load(path))
