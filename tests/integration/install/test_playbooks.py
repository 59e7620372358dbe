"""What can be said of playbooks and roles before they are run."""

import getpass
import grp
import os
import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from integration.install.scratch import ANSIBLE, VERSION, Scratch, run
from integration.install.variables import ROLES, options, with_table
from jinja2.nativetypes import NativeEnvironment

CHECKING_ONLY = ("--tags", "nothing-but-what-always-runs")


def test_lint_finds_nothing(tmp_path: Path) -> None:
    linted = run("ansible-lint", "--offline", "--nocolor", root=tmp_path)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    return Scratch(tmp_path_factory.mktemp("scratch"))


@pytest.mark.parametrize(
    ("playbook", "wrong", "said"),
    [
        ("gateway.yml", {"haechi_edge_places": [{"id": "bridge", "name": "Bridge", "latitude": "north"}]}, "latitude"),
        ("gateway.yml", {"haechi_extras": ["edge", "kitchen"]}, "kitchen"),
        ("cloud.yml", {"haechi_broker_port": "eight"}, "haechi_broker_port"),
    ],
)
def test_a_wrong_variable_is_named_before_anything_is_done(
    scratch: Scratch, playbook: str, wrong: dict[str, Any], said: str
) -> None:
    played = scratch.play(playbook, *CHECKING_ONLY, **wrong)
    assert played.returncode != 0
    assert said in played.stdout + played.stderr
    assert "changed=0" in played.stdout


@pytest.mark.parametrize("role", sorted(ROLES.iterdir()), ids=lambda role: str(role.name))
def test_every_variable_of_a_role_is_described(role: Path) -> None:
    set_by_default = set(yaml.safe_load((role / "defaults/main.yml").read_text(encoding="utf-8")))
    assert set_by_default <= options(role).keys()
    assert (role / "README.md").read_text(encoding="utf-8") == with_table(role), "run variables.py"


def test_rolling_back_turns_the_link_and_keeps_the_newest_releases(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    for age, version in enumerate(("0.0.9", "0.0.8", "0.0.7", "0.0.6")):
        scratch.add_release(version, installed_at_s=1_900_000_000 - age)
    played = scratch.play("gateway.yml", "--tags", "install", haechi_version="0.0.7")
    assert played.returncode == 0, played.stdout + played.stderr
    haechi = tmp_path / "opt/haechi"
    assert str((haechi / "current").readlink()) == "releases/0.0.7"
    assert (tmp_path / "usr/local/bin/haechi").is_symlink()
    assert {path.name for path in (haechi / "releases").iterdir()} == {"0.0.7", "0.0.9", VERSION}


def test_the_example_becomes_a_configuration_that_the_gateway_accepts(scratch: Scratch) -> None:
    played = scratch.play_at(
        ANSIBLE / "inventory/example/hosts.yml",
        "gateway.yml",
        *("--tags", "secrets,config"),
        ansible_connection="local",
        ansible_become=False,
        ansible_python_interpreter=sys.executable,
        haechi_root=str(scratch.root),
        haechi_edge_user=getpass.getuser(),
        haechi_edge_group=grp.getgrgid(os.getgid()).gr_name,
        haechi_edge_ca=str(scratch.certificates.ca),
    )
    assert played.returncode == 0, played.stdout + played.stderr
    written = tomllib.loads((scratch.root / "etc/haechi/gateway.toml").read_text(encoding="utf-8"))
    assert written["gateway"]["id"] == "river-1"
    assert [rule["id"] for rule in written["rule"]] == ["river-watch", "river-alarm", "river-silent"]


@pytest.mark.parametrize("tasks", ["haechi/tasks/install.yml", "haechi_broker/tasks/main.yml"])
@pytest.mark.parametrize(("wheelhouse", "asked"), [("", [True, 86400]), ("/srv/wheels", [False, "left out"])])
def test_without_internet_apt_is_asked_for_no_newer_lists(tasks: str, wheelhouse: str, asked: list[object]) -> None:
    """Apt asks for them as soon as it is told how old they may be, whatever ``update_cache`` says."""
    listed = yaml.safe_load((ROLES / tasks).read_text(encoding="utf-8"))
    (apt,) = (task["ansible.builtin.apt"] for task in listed if "ansible.builtin.apt" in task)
    told = {"haechi_wheelhouse": wheelhouse, "omit": "left out"}
    written: list[object] = [
        NativeEnvironment(autoescape=False).from_string(str(apt[key])).render(told)
        for key in ("update_cache", "cache_valid_time")
    ]
    assert written == asked


def test_a_roll_out_ends_with_the_step_that_goes_wrong(scratch: Scratch) -> None:
    """Of twenty gateways one goes first, then two; one of these two fails, and the other seventeen stay as they are."""
    hosts: dict[str, dict[str, Any]] = {f"gw-{number:02}": {"haechi_edge_id": f"gw-{number}"} for number in range(20)}
    hosts["gw-02"]["haechi_edge_places"] = [{"id": "bridge", "name": "Bridge", "latitude": "north"}]
    inventory = scratch.root / "many.yml"
    inventory.write_text(yaml.safe_dump({"gateways": {"hosts": hosts, "vars": _local(scratch)}}), encoding="utf-8")
    played = scratch.play_at(inventory, "gateway.yml", *CHECKING_ONLY)
    assert played.returncode != 0
    recap = played.stdout.partition("PLAY RECAP")[2]
    assert [name for name in hosts if name in recap] == ["gw-00", "gw-01", "gw-02"]


def _local(scratch: Scratch) -> dict[str, Any]:
    """Return what all gateways of a pretended city share: each is this machine."""
    return {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "haechi_root": str(scratch.root),
        "haechi_version": VERSION,
        "haechi_edge_name": "Cabinet",
        "haechi_edge_tenant": "city",
        "haechi_edge_broker_url": "mqtts://broker.example",
        "haechi_edge_broker_password": "secret",
        "haechi_edge_places": [{"id": "bridge", "name": "Bridge", "latitude": 36.3, "longitude": 127.3}],
    }


class Authority:
    """A city's authority as ``certificates.yml`` made it long ago: its key is in a vault, and the end is near."""

    def __init__(self, folder: Path, host: str) -> None:
        self._folder, self._home = folder / "certificates", folder
        self._folder.mkdir()
        (folder / "password").write_text("sesame", encoding="utf-8")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
        self._openssl("req", "-x509", *key, "-days", "7300", "-subj", "/CN=City", "-keyout", "ca.key", "-out", "ca.crt")
        self._openssl("req", "-new", *key, "-subj", f"/CN={host}", "-keyout", "broker.key", "-out", "broker.csr")
        self._openssl(
            *("x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "59", "-out", "broker.crt"),
        )
        (self._folder / "broker.names").write_text(f"DNS:{host}\n", encoding="utf-8")
        locking = ("encrypt", "--vault-password-file", str(folder / "password"), str(self._folder / "ca.key"))
        locked = run("ansible-vault", *locking, root=folder)
        assert locked.returncode == 0, locked.stderr

    def play(self, *hosts: str, times: int = 1) -> list[str]:
        """Run the playbook for these hosts, again and again; return what became of signing each time."""
        shared = {"haechi_broker_tenant": "city", "ansible_python_interpreter": sys.executable}
        group = {"cloud": {"hosts": {host: {} for host in hosts}, "vars": shared}}
        inventory = self._home / "hosts.yml"
        inventory.write_text(yaml.safe_dump(group), encoding="utf-8")
        options = ("-e", f"certificates_folder={self._folder}", "--vault-password-file", str(self._home / "password"))
        played = run("ansible-playbook", "-i", str(inventory), *["certificates.yml"] * times, *options, root=self._home)
        assert played.returncode == 0, played.stdout + played.stderr
        assert "PRIVATE KEY" not in played.stdout + played.stderr
        return re.findall(r"TASK \[Sign it\] \**\n(\w+):", played.stdout)

    def certificate(self) -> x509.Certificate:
        """Return the broker's certificate, as the authority signed it."""
        found = x509.load_pem_x509_certificate((self._folder / "broker.crt").read_bytes())
        found.verify_directly_issued_by(x509.load_pem_x509_certificate((self._folder / "ca.crt").read_bytes()))
        return found

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)


def test_the_brokers_certificate_is_renewed_before_it_ends_and_for_other_hosts(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "cloud.example.org")
    short = authority.certificate()
    assert authority.play("cloud.example.org", times=2) == ["changed", "skipping"]
    renewed = authority.certificate()
    assert renewed.not_valid_after_utc - short.not_valid_after_utc > timedelta(days=700)
    assert renewed.public_key() == short.public_key(), "the broker keeps its key"

    assert authority.play("cloud.example.org", "10.0.0.7") == ["changed"]
    names = authority.certificate().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cloud.example.org"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]
