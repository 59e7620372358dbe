"""What can be said of playbooks and roles before they are run."""

import getpass
import grp
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.install.scratch import ANSIBLE, VERSION, Scratch, run
from integration.install.variables import ROLES, options, with_table

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
