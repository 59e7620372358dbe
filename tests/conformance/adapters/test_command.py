"""``haechi adapter`` lists, probes, scans, records, replays, makes and judges, against simulators of their own."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from haechi.adapters import senseair_s8
from haechi.command import main
from haechi.sdk.switchboard import Switchboard
from haechi.sdk.targets import Folder
from haechi.sdk.testing.checking import Finding, Report, check
from haechi.sdk.testing.mark import mark_of
from haechi.sdk.testing.page import page
from haechi.sdk.testing.rules import RULES
from haechi.sdk.testing.signing import signed

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str]:
        code = main(["adapter", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@contextmanager
def simulator(adapter: str, *words: str) -> Iterator[str]:
    """Run a simulator in a process of its own; yields what it prints first: where it is."""
    command = [sys.executable, "-m", f"haechi.adapters.{adapter}.simulator", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def gauge_file(folder: Path, port: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f'[[device]]\nid = "river-1"\nadapter = "serial_level"\n[device.config]\nport = "{port}"\nprotocol = "a02"\n'
        "period_s = 0.1\nsilence_s = 1.0\n"
        '[[device]]\nid = "river-2"\nadapter = "serial_level"\n[device.config]\nport = "/dev/none"\nprotocol = "a02"\n'
    )
    return path


def bus_file(folder: Path, where: str, unit: int = 1) -> Path:
    host, _colon, port = where.partition(":")
    path = folder / "device.toml"
    path.write_text(
        f'[device]\nadapter = "modbus"\n[device.config]\ntransport = "tcp"\nhost = "{host}"\nport = {port}\n'
        f"unit_id = {unit}\nperiod_s = 0.1\ntimeout_s = 0.2\n"
        '[[device.config.register]]\nname = "level"\naddress = 0\nscale = 0.001\n'
        '[[device.config.register]]\nname = "battery"\naddress = 5\ninvalid = [7]\n'
    )
    return path


def test_list_names_adapters_and_who_brought_them(adapter: Run) -> None:
    code, said = adapter("list")
    assert code == 0
    assert "modbus" in said
    assert "haechi 0." in said
    rows = json.loads(adapter("list", "--json")[1])
    assert {"modbus", "serial_level"} <= {row["name"] for row in rows}


def test_probe_says_one_line_for_each_device(adapter: Run, tmp_path: Path) -> None:
    with simulator("serial_level", "--protocol", "a02", "--distance", "1.5") as port:
        code, said = adapter("probe", gauge_file(tmp_path, port))
        assert (code, said.splitlines()) == (
            1,
            [f"river-1: {port} says 1 values, distance 1.5", "river-2: /dev/none: no such serial port"],
        )
        assert adapter("probe", tmp_path / "gateway.toml", "--device", "river-1")[0] == 0
    code, said = adapter("probe", tmp_path / "gateway.toml", "--device", "river-3")
    assert (code, said) == (2, f"haechi: {tmp_path}/gateway.toml: no device river-3\n")


def test_scan_finds_who_answers(adapter: Run, tmp_path: Path) -> None:
    with simulator("modbus", "--unit", "3", "--register", "0=1234") as where:
        code, said = adapter("scan", bus_file(tmp_path, where), "--over", "unit_id=1-4")
    assert code == 0
    assert said.startswith("unit_id=3: 127.0.0.1:")
    assert said.endswith("1 of 4 answer\n")
    code, said = adapter("scan", bus_file(tmp_path, where), "--over", "unit_id")
    assert (code, said) == (2, "haechi: --over unit_id: expected KEY=VALUES, such as unit_id=1-20\n")


def test_scan_varies_fractions_and_tells_what_no_device_could_be_asked_with(adapter: Run, tmp_path: Path) -> None:
    with simulator("modbus", "--unit", "9", "--register", "0=1234") as where:
        file = bus_file(tmp_path, where, unit=9)
        code, said = adapter("scan", file, "--over", "timeout_s=0.2,0.5")
        assert code == 0, said
        assert said.endswith("2 of 2 answer\n")
        code, said = adapter("scan", file, "--over", "unit_id=9,nine")
        assert code == 2
        assert "unit_id = 'nine'" in said


def test_a_talking_device_is_recorded_and_replayed(adapter: Run, tmp_path: Path) -> None:
    recording = tmp_path / "gauge.toml"
    record = ("--into", recording, "--seconds", "0.7", "--provenance", "Simulator of this test, November 2026")
    with simulator("serial_level", "--protocol", "a02", "--distance", "1.953") as port:
        code, said = adapter("record", gauge_file(tmp_path, port), "--device", "river-1", *record)
    assert code == 0, said
    assert "compare them with the device's display" in said
    code, said = adapter("replay", recording, "--adapter", "serial_level", "--speed", "5")
    assert code == 0, said
    assert said.startswith("distance = 1.953\n")
    recording.write_text(recording.read_text().replace("value = 1.953", "value = 1.954"))
    code, said = adapter("replay", recording, "--adapter", "serial_level", "--speed", "5")
    assert code == 1
    assert "not what was recorded: distance: 1.953 came, 1.954 was expected" in said


def test_a_recording_without_times_is_not_replayed(adapter: Run) -> None:
    recording = Path(senseair_s8.__file__).with_name("recordings") / "status_and_co2.toml"
    code, said = adapter("replay", recording)
    assert code == 2
    assert "has no [[wire]]" in said


def test_a_recording_outside_of_an_adapters_folder_needs_to_know_whose_it_is(adapter: Run, tmp_path: Path) -> None:
    recording = tmp_path / "bench.toml"
    recording.write_text(
        'provenance = "Composed for this test, no device"\ncheck_field = true\nhex = "00"\nexpected = []\n[config]\n'
        '[[wire]]\nway = "came"\nafter_ms = 0\nhex = "00"\n'
    )
    code, said = adapter("replay", recording)
    assert code == 2
    assert "say whose it is with --adapter" in said


def test_an_asked_device_is_recorded_and_replayed(adapter: Run, tmp_path: Path) -> None:
    recording = tmp_path / "asked.toml"
    record = ("--into", recording, "--seconds", "0.5", "--provenance", "Simulator of this test, November 2026")
    with simulator("modbus", "--register", "0=1234", "--register", "5=7") as where:
        code, said = adapter("record", bus_file(tmp_path, where), *record)
    assert code == 0, said
    assert 'way = "sent"' in recording.read_text()
    code, said = adapter("replay", recording, "--adapter", "modbus", "--speed", "2")
    assert code == 0, said
    assert "level = 1.234" in said
    assert "battery" not in said
    assert adapter("record", bus_file(tmp_path, where), *record) == (2, f"haechi: {recording} exists already\n")


GATEWAY = """import asyncio, sys, tomllib
from contextlib import aclosing
from pathlib import Path
from haechi.sdk import Host, load_adapter
from haechi.sdk.switchboard import Switchboard
from haechi.sdk.wire import attached

async def main():
    modbus = load_adapter("modbus")
    config = modbus.load_config(tomllib.loads(Path(sys.argv[1]).read_text())["device"]["config"])
    async with Switchboard(Path(sys.argv[2])) as board:
        with attached(board):
            async with aclosing(modbus("river-1", config, Host()).samples()) as samples:
                async for _sample in samples:
                    print("reads", flush=True)

asyncio.run(main())
"""


def test_a_running_gateway_is_recorded_beside_and_keeps_its_device(adapter: Run, tmp_path: Path) -> None:
    socket, recording = tmp_path / "wire.sock", tmp_path / "beside.toml"
    words = ("--into", recording, "--seconds", "0.5", "--provenance", "Simulator of this test, November 2026")
    with simulator("modbus", "--register", "0=1234") as where:
        file = bus_file(tmp_path, where)
        assert adapter("record", file, "--beside", socket, *words)[0] == 2
        command = [sys.executable, "-c", GATEWAY, str(file), str(socket)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
            assert gateway.stdout is not None
            assert gateway.stdout.readline() == "reads\n"
            code, said = adapter("record", file, "--beside", socket, *words)
            assert gateway.poll() is None
            gateway.terminate()
    assert code == 0, said
    assert "from the device's display" in said
    written = recording.read_text()
    assert 'way = "sent"' in written
    assert "03 02 04 d2" in written  # 1234, as it passed


def test_what_passed_a_running_gateways_wires_is_shown(adapter: Run, tmp_path: Path) -> None:
    socket = tmp_path / "wire.sock"
    with simulator("modbus", "--register", "0=1234") as where:
        file = bus_file(tmp_path, where)
        code, said = adapter("trace", file, "--beside", socket)
        assert code == 2
        assert "no gateway offers its wires here" in said
        command = [sys.executable, "-c", GATEWAY, str(file), str(socket)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
            assert gateway.stdout is not None
            assert gateway.stdout.readline() == "reads\n"
            code, said = adapter("trace", file, "--beside", socket, "--seconds", "0.2")
            gateway.terminate()
    assert code == 0
    lines = said.splitlines()
    assert any(" s  sent  " in line for line in lines)
    came = [line for line in lines if line.startswith("device-1  ") and " came  127.0.0.1:" in line]
    assert any(line.endswith("03 02 04 d2") for line in came)


async def test_wires_are_shown_without_the_adapter_and_without_any_devices_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of an adapter that is installed for a Python of its own; its neighbour at the same broker has a password."""
    file, socket = tmp_path / "gateway.toml", tmp_path / "wire.sock"
    file.write_text(
        '[[device]]\nid = "a"\nadapter = "nobody_here"\n[device.config]\nhost = "10.0.0.1"\n'
        '[[device]]\nid = "b"\nadapter = "nobody_there"\n[device.config]\nhost = "10.0.0.12"\npassword = "sesame"\n'
    )
    async with Switchboard(socket) as board:
        for address in ("10.0.0.1:502", "10.0.0.12:502"):
            board.tap(address, lambda _data: None).came(b"open sesame")
        words = ["adapter", "trace", str(file), "--device", "a", "--beside", str(socket), "--seconds", "0.3"]
        assert await asyncio.to_thread(main, words) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("a  ")
    assert "  10.0.0.1:502  " in line
    assert line.endswith(b"open ******".hex(" "))


def test_nothing_to_record_writes_nothing(adapter: Run, tmp_path: Path) -> None:
    file = gauge_file(tmp_path, "/dev/none")
    code, said = adapter(
        "record",
        file,
        "--device",
        "river-2",
        "--into",
        tmp_path / "none.toml",
        "--provenance",
        "nothing is there at all",
    )
    assert code == 2
    assert "/dev/none: no such serial port" in said
    assert not (tmp_path / "none.toml").exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gauge", "is no name of an adapter"),
        ("Acme_Gauge", "is no name of an adapter"),
        ("acme_gauge", "exists already"),
    ],
)
def test_new_refuses_what_it_cannot_make(adapter: Run, tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "acme_gauge").mkdir()
    code, said = adapter("new", name)
    assert code == 2
    assert why in said
    assert [path.name for path in tmp_path.iterdir()] == ["acme_gauge"]


def test_new_tells_how_to_announce_a_folder_of_somebody_elses_package(adapter: Run, tmp_path: Path) -> None:
    code, said = adapter("new", "acme_tide", "--licence", "MIT")
    assert code == 0
    assert 'acme_tide = "acme_tide.adapter:AcmeTide"' in said
    conformance = (tmp_path / "acme_tide/conformance.toml").read_text()
    assert 'licence = "MIT"' in conformance
    assert 'found_by_entry_point = "exempt: ' in conformance
    assert not any("skeleton" in path.read_text() for path in (tmp_path / "acme_tide").rglob("*.*"))
    for module in (tmp_path / "acme_tide").glob("*.py"):
        imports = [
            line for line in module.read_text().splitlines() if line.startswith(("from acme_tide", "from haechi"))
        ]
        assert imports == sorted(imports)


def test_new_makes_an_adapter_that_is_told_something(adapter: Run, tmp_path: Path) -> None:
    assert adapter("new", "acme_siren", "--actuator")[0] == 0
    texts = {path.name: path.read_text() for path in (tmp_path / "acme_siren").rglob("*.*")}
    assert "class AcmeSiren(Adapter[AcmeSirenConfig])" in texts["adapter.py"]
    assert not any("AcmePost" in text or "acme_post" in text or "scaffold" in text for text in texts.values())


def test_what_cannot_be_judged_is_said_and_fails(adapter: Run, tmp_path: Path) -> None:
    adapter("new", "acme_tide")
    (tmp_path / "acme_tide/test_adapter.py").write_text("import no_such_package_anywhere\n")
    code, said = adapter("check", "acme_tide")
    assert code == 1
    assert "✗ fails          test_adapter.py: " in said
    assert "no_such_package_anywhere" in said
    assert said.count("it was not tried") == 0
    assert re.search(r"\d\d rules were not tried", said)
    assert json.loads((tmp_path / "acme_tide-check/report.json").read_text())["holds"] is False
    assert adapter("check", "no_such_adapter")[0] == 2
    assert "neither a folder nor an installed adapter" in adapter("check", "no_such_adapter")[1]


def test_an_adapter_that_hangs_ends_with_the_time_that_it_has(tmp_path: Path, adapter: Run) -> None:
    adapter("new", "acme_tide")
    (tmp_path / "acme_tide/test_adapter.py").write_text("import time\ntime.sleep(60)\n")
    report = check(Folder(tmp_path / "acme_tide", "acme_tide", tmp_path), limit_s=1.0)
    assert not report.holds
    assert report.findings[0].detail == "not done within 1 s"
    assert report.duration_s < 20


def test_a_signed_mark_fits_its_folder_until_one_byte_changes(adapter: Run, tmp_path: Path) -> None:
    adapter("new", "acme_tide")
    folder = tmp_path / "acme_tide"
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name, one in (("public", key), ("stranger", stranger)):
        public = one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / f"{name}.pem").write_bytes(public)
    report = Report("acme_tide", "1.1", tuple(Finding(rule, "holds", "") for rule in RULES))
    mark = tmp_path / "mark.json"
    mark.write_text(json.dumps(signed(mark_of(report, folder), tmp_path / "key.pem")))
    verify = ("check", folder, "--verify", mark, "--key")
    assert adapter(*verify, tmp_path / "public.pem") == (
        0,
        "acme_tide is what was checked with kit 1.1 and firmware none yet: only the simulator\n",
    )
    assert adapter(*verify, tmp_path / "stranger.pem")[0] == 1
    (folder / "protocol.py").write_text((folder / "protocol.py").read_text() + "\n")
    code, said = adapter(*verify, tmp_path / "public.pem")
    assert (code, said) == (1, f"{folder} is not what was checked: it has changed since\n")
    assert adapter("check", folder, "--verify", mark)[0] == 2


def test_the_page_shows_every_rule_and_runs_nothing_from_a_report() -> None:
    findings = (*(Finding(rule, "holds", "") for rule in RULES), Finding("x", "fails", "<script>alert(1)</script>"))
    shown = page(Report("acme", "1.1", findings), {"kit": "1.1", "firmware": "<b>", "sha256": "0"})
    assert "<script>" not in shown
    assert all(rule in shown for rule in RULES)
