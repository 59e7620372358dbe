"""Every fault in a configuration is one line that names the file, the key, the value and what was expected."""

import re
from pathlib import Path

import pytest

from haechi.edge.config_file import ConfigError, load
from haechi.edge.devices import assemble

SOUND = """
[gateway]
id = "gw-1"
tenant = "daejeon"
data_dir = "data"
[uplink]
url = "mqtt://127.0.0.1:1883"
[[place]]
id = "bridge"
name = "Bridge"
latitude = 36.3
longitude = 127.4
[[device]]
id = "river-1"
kind = "river_gauge"
place = "bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
unit_id = 1
[[device.config.register]]
name = "distance"
address = 0
scale = 0.001
unit = "m"
observed_property = "distance"
[[derivation]]
id = "river-1.level"
source = "river-1.distance"
offset = 5.0
factor = -1
unit = "m"
observed_property = "water_level"
[[rule]]
id = "river-1.level.alarm"
kind = "threshold"
datastream = "river-1.level"
above = 3.5
event = "flood.level_high"
"""

CAMERA = '[[camera]]\nid = "cam-1"\nplace = "bridge"\nurl = "{url}"\n[[rule]]'

FAULTS = [
    ("[[rule]]", CAMERA.format(url="rtsp://u:a/secret@cam/"), r"camera\[0\]\.url = 'rtsp://\*\*\*@cam/': expected"),
    ("[[rule]]", CAMERA.format(url="http://cam/x?user=a&pwd=secret"), r"camera\[0\]\.url = .*credentials_file"),
    ("[[rule]]", CAMERA.format(url="rtsp://cam/user=a_password=secret"), r"camera\[0\]\.url = .*credentials_file"),
    ('tenant = "daejeon"', 'tenant = "Daejeon City"', r"gateway\.tenant = 'Daejeon City': expected"),
    ('tenant = "daejeon"', "", r"gateway\.tenant is missing"),
    ('tenant = "daejeon"', 'tenant = "daejeon"\nteannt = "x"', r"gateway\.teannt: there is no such key"),
    ("latitude = 36.3", "latitude = 136.3", r"place\[0\]\.latitude = 136\.3: expected .*90"),
    ("latitude = 36.3", 'latitude = "north"', r"place\[0\]\.latitude = 'north': expected a valid number"),
    ("latitude = 36.3", "latitude = nan", r"place\[0\]\.latitude = nan: expected a finite number"),
    ("mqtt://127.0.0.1:1883", "mqtt://broker.example", r"insecure = true"),
    ("mqtt://127.0.0.1:1883", "http://127.0.0.1", r"uplink\.url = .*expected mqtts://HOST"),
    ("mqtt://127.0.0.1:1883", "mqtts://u:secret@broker", r"uplink\.url.*password_file"),
    ('place = "bridge"', 'place = "brigde"', r"device\[0\]\.place = 'brigde': there is no such thing; known: bridge"),
    ('adapter = "modbus"', 'adapter = "modbsu"', r"device\[0\]\.adapter = 'modbsu': expected .*modbus"),
    ("address = 0", "address = 70000", r"device\[0\]\.config\.register\[0\]\.address = 70000: expected"),
    ("address = 0", "adress = 0", r"device\[0\]\.config\.register\[0\]"),
    ('source = "river-1.distance"', 'source = "river-1.dist"', r"derivation\[0\]\.source = 'river-1\.dist'.*known"),
    ('datastream = "river-1.level"', 'datastream = "river-1.x"', r"rule\[0\]\.datastream = 'river-1\.x'.*known"),
    ("above = 3.5", "above = 3.5\nbelow = 1", r"rule\[0\]: give either above or below"),
    ("above = 3.5", "above = 3.5\nhysteresis = -1", r"rule\[0\]\.hysteresis = -1: expected"),
    ('kind = "threshold"', 'kind = "treshold"', r"rule\[0\]\.kind = 'treshold': expected .*threshold"),
    ('kind = "threshold"', "", r"rule\[0\]\.kind is missing"),
    (
        "flood.level_high",
        "flood.level_hihg",
        r"rule\[0\]: event = 'flood\.level_hihg' is not in the catalogue.*level_high",
    ),
    ("flood.level_high", "Flood", r"rule\[0\]\.event = 'Flood': expected a text like"),
    ("[uplink]", "[[uplink]]", r"uplink = a list: expected a table"),
    ("[[rule]]", "[rule]", r"rule = a table: expected a list; write \[\[rule\]\]"),
    ('id = "gw-1"', 'id = "gw-1"\nid = "gw-2"', r"is not TOML"),
]


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_file_is_taken(tmp_path: Path) -> None:
    config = load(write(tmp_path, SOUND))
    site = assemble(config)
    assert config.gateway.data_dir == tmp_path / "data"
    assert [stream.id for stream in site.descriptions.datastreams] == ["river-1.distance", "river-1.level"]
    assert site.steps["river-1.level"] == (1, 1000)
    assert [rule.place.name for rule in site.rules] == ["Bridge"]


@pytest.mark.parametrize(("right", "wrong", "said"), FAULTS)
def test_a_fault_is_one_clear_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in SOUND
    path = write(tmp_path, SOUND.replace(right, wrong, 1))
    with pytest.raises(ConfigError) as caught:
        assemble(load(path))
    line = str(caught.value)
    assert re.search(said, line), line
    assert "\n" not in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('credentials_env = "admin:hunter2"', r"camera\[0\]\.credentials_env = '\*\*\*': expected a text like"),
        ("masks = [[[0.1, 0.1, 0.1]]]", r"camera\[0\]\.masks\[0\]\[0\] = a list: expected a list of at most 2"),
        ('masks = "all"', r"camera\[0\]\.masks = 'all': expected a list$"),
        ("classes = []", r"camera\[0\]\.classes = a list: expected a list of at least 1"),
        (f'name = "{"x" * 600}"', r"camera\[0\]\.name = 'x+…: expected at most 512 characters"),
        ('detector.model = "yolo"', r"camera\[0\]\.detector\.model = 'yolo': .*expected one of nanodet-g, background"),
    ],
)
def test_a_fault_of_a_camera_is_one_clear_line(key: str, said: str, tmp_path: Path) -> None:
    camera = f'[[camera]]\nid = "cam-1"\nplace = "bridge"\nurl = "clip.mp4"\n{key}\n'
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, SOUND + camera))
    assert re.search(said, str(caught.value)), caught.value
    assert "hunter2" not in str(caught.value)


def test_names_may_not_be_used_twice(tmp_path: Path) -> None:
    again = SOUND[SOUND.index("[[place]]") : SOUND.index("[[device]]")]
    with pytest.raises(ConfigError, match=r"place: id = 'bridge' is used twice"):
        load(write(tmp_path, SOUND + again))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot be read: No such file"):
        load(tmp_path / "nothing.toml")
    (tmp_path / "picture.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text file"):
        load(tmp_path / "picture.toml")


def test_the_sample_configuration_is_sound() -> None:
    folder = Path(__file__).parents[3] / "edge" / "etc"
    site = assemble(load(folder / "gateway.toml"))
    assert len(site.devices) == 2


def test_relative_paths_are_meant_from_the_files_own_folder(tmp_path: Path) -> None:
    camera = """
[[camera]]
id = "cam-1"
place = "bridge"
url = "clip.mp4"
credentials_file = "secret"
detector.model = "own.onnx"
originals.public_key_file = "city.pub.pem"
"""
    config = load(
        write(tmp_path, SOUND.replace("1883", '1883"\nusername = "u"\npassword_file = "password', 1) + camera)
    )
    assert config.uplink.password_file == tmp_path / "password"
    assert (config.camera[0].url, config.camera[0].credentials_file) == (
        str(tmp_path / "clip.mp4"),
        tmp_path / "secret",
    )
    assert config.camera[0].detector.model == str(tmp_path / "own.onnx")
    assert config.camera[0].originals is not None
    assert config.camera[0].originals.public_key_file == tmp_path / "city.pub.pem"
