"""A wrong setting is answered with one line that says what was expected, and exit code 2."""

from pathlib import Path

import pytest

from haechi.cloud.addresses import broker_address, open_points
from haechi.cloud.config import load
from haechi.cloud.state.engine import open_state
from haechi.command import UsageError, main


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--listen", "0.0.0.0:8080", "loopback"),
        ("--listen", "[2001:db8::1]:8080", "loopback"),
        ("--listen", "8080", "ADDRESS:PORT"),
        ("--listen", "127.0.0.1:99999", "65535"),
        ("--tenant", "Big City", "pattern"),
        ("--broker", "http://127.0.0.1", "mqtt://HOST:PORT"),
        ("--broker", "mqtt://127.0.0.1:notaport", "not a URL"),
        ("--broker", "mqtt://user:secret@127.0.0.1", "password_file"),
        ("--broker", "mqtt://user@127.0.0.1?password_file=/nowhere", "/nowhere"),
        ("--broker", "mqtt://127.0.0.1?ca_file=/etc/hosts", "mqtts"),
        ("--broker", "mqtts://127.0.0.1?verify=no", "verify"),
        ("--broker-port", "70000", "65535"),
        ("--share", "a/b", "pattern"),
        ("--share", "workers", "need broker as well"),
        ("--store", "mysql://127.0.0.1", "sqlite:///PATH"),
        ("--store", "influxdb://127.0.0.1", "database"),
        ("--store", "influxdb://127.0.0.1/db?tls=perhaps", "true or false"),
        ("--store", "influxdb://u:secret@127.0.0.1/db", "token_file"),
        ("--store", "influxdb://127.0.0.1/db?ca_file=/etc/hosts", "tls=true"),
        ("--store", "sqlite:////proc/points.db", "/proc"),
        ("--state", "mongodb://127.0.0.1/x", "postgresql://"),
        ("--state", "sqlite://", "file"),
        ("--state", "sqlite:////proc/state.db", "/proc"),
        ("--state", "postgresql://u:secret@127.0.0.1:1/x", "password_file"),
        ("--state", "postgresql://u@127.0.0.1:1/x", "postgresql://u@127.0.0.1:1/x cannot be opened"),
        ("--state", "postgresql://u@127.0.0.1/x?passfile=/etc/pgpass", "password_file"),
        ("--state", "postgresql://u@127.0.0.1/x?password_file=/nowhere", "/nowhere"),
        ("--state", "postgresql://u@127.0.0.1/x?ca_file=/etc/hosts", "tls=true"),
        ("--state", "postgresql://u@db.example/x?ca_file=/etc/hosts", "ca_file cannot be used"),
        ("--state", "postgresql://127.0.0.1/x", "the user is missing"),
        ("--state", "postgresql://u@/x", "host=/FOLDER"),
    ],
)
def test_a_wrong_option_is_one_line(
    option: str, value: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(
        ["cloud", "run", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0", "--broker-port", "0", option, value]
    )
    shown = capsys.readouterr().err
    assert code == 2
    assert expected in shown
    assert "secret" not in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("tenant = 'x'", "tenant: unknown key"),
        ("retention_days = -1", "retention_days = '-1'"),
        ("broker = ", "is not TOML"),
        ("tenants = []", "tenants"),
    ],
)
def test_a_wrong_file_names_file_key_and_value(content: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=str(file)) as raised:
        load(file, {})
    assert expected in str(raised.value)


def test_options_stand_over_the_file_and_the_rest_has_defaults(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text('tenants = ["daejeon", "sejong"]\nlisten = "127.0.0.1:1"\n')
    settings = load(file, {"listen": "localhost:9000", "store": None, "data_dir": str(tmp_path)})
    assert settings.tenants == ("daejeon", "sejong")
    assert settings.listens_at == ("127.0.0.1", 9000)
    assert settings.store_url == f"sqlite:///{tmp_path}/points.db"
    assert settings.broker == "embedded"


def test_a_broker_is_known_by_its_url(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    address = broker_address(f"mqtts://cl%20oud@broker.example?password_file={secret}")
    assert (address.host, address.port, address.tls, address.username) == ("broker.example", 8883, True, "cl oud")
    assert str(address) == "mqtts://broker.example:8883"
    assert str(secret) not in repr(address)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("influxdb://influx.example/db", "https://influx.example:8086"),
        ("influxdb://10.0.0.7:9/db", "https://10.0.0.7:9"),
        ("influxdb://10.0.0.7:9/db?tls=false", "http://10.0.0.7:9"),
        ("influxdb://localhost/db", "http://localhost:8086"),
        ("influxdb://127.0.0.1/db?tls=true", "https://127.0.0.1:8086"),
    ],
)
def test_a_token_goes_to_another_machine_by_tls_unless_told_otherwise(url: str, address: str) -> None:
    store = open_points(url, lambda: 0, None)
    assert vars(store)["_address"].url == address
    store.close()


def test_a_token_never_shows(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame\n")
    store = open_points(f"influxdb://[::1]:9/db?token_file={token}&org=x", lambda: 0, None)
    assert "sesame" not in repr(vars(store)["_address"])
    assert vars(store)["_address"].url == "http://[::1]:9"
    store.close()


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(UsageError, match="not a database"):
        open_state(f"sqlite:///{tmp_path}/state.db")
    with pytest.raises(UsageError, match="not a database"):
        open_points(f"sqlite:///{tmp_path}/state.db", lambda: 0, None)
