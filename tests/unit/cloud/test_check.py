"""``haechi cloud check-config``: each fault is a line that names the key, and nothing is made or started."""

from pathlib import Path

import pytest

from haechi.command import main


def check(tmp_path: Path, text: str, *options: str) -> int:
    (tmp_path / "cloud.toml").write_text(text, encoding="utf-8")
    return main(["cloud", "check-config", "--config", str(tmp_path / "cloud.toml"), *options])


def test_sound_settings_are_ok_and_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "map.geojson").write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    written = (
        f'tenants = ["daejeon"]\ndata_dir = "{tmp_path}/data"\nbasemap = "{tmp_path}/map.geojson"\nlisten = "[::1]:9"\n'
    )
    assert check(tmp_path, written) == 0
    assert capsys.readouterr().out == "ok: daejeon, broker embedded, console at http://[::1]:9\n"
    assert not (tmp_path / "data").exists()


def test_every_fault_is_a_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a-file").write_text("[]", encoding="utf-8")
    (tmp_path / "map.json").write_text("[]", encoding="utf-8")
    (tmp_path / "key").write_text("k" * 40, encoding="utf-8")
    keys = '[[gateway]]\ntenant = "sejong"\nid = "gw-1"\nkey_file = "key"\n'
    (tmp_path / "keys.toml").write_text(keys, encoding="utf-8")
    written = f"""
tenants = ["daejeon"]
data_dir = "{tmp_path}/a-file/data"
broker = "mqtts://broker.example?password_file={tmp_path}/nowhere"
store = "influxdb://influx.example"
state = "mysql://db/haechi"
basemap = "{tmp_path}/map.json"
command_keys = "{tmp_path}/keys.toml"
"""
    assert check(tmp_path, written) == 2
    lines = capsys.readouterr().err.removeprefix("haechi: ").splitlines()
    starts = [line.partition(" ")[0].partition(":")[0] for line in lines]
    assert starts == ["broker", "store", "state", "data_dir", "objects", "command_keys", "basemap"]
    assert "its city sejong is not served; tenants: daejeon" in lines[5]
    assert lines[6].endswith("it is not GeoJSON")


def test_all_wrong_values_of_a_file_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, 'broker_port = 70000\nlisten = "0.0.0.0:80"\ncommanders = "x"\n') == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 3
    assert "commanders: unknown key" in said
    assert "broker_port = '70000'" in said
    assert "expected a loopback address" in said
    assert check(tmp_path, "tenants = [") == 2
    assert "is not TOML" in capsys.readouterr().err
    assert check(tmp_path, "", "--listen", "nowhere") == 2
    assert capsys.readouterr().err.startswith("haechi: --listen = 'nowhere': expected ADDRESS:PORT")
