"""A whole city installed by ``ansible/site.yml`` below a scratch root: the scenario of ``ansible/molecule``, but quick.

Quick, because the release is not built: the environment that runs the tests is put in its place. Building it from a
wheel is what molecule does.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.certificates import make_certificates
from support.mosquitto import free_port

ANSIBLE = Path(__file__).parents[3] / "ansible"
PROGRAMS = Path(sys.executable).parent
SCENARIO = ANSIBLE / "molecule/default/inventory"
VERSION = "0.1.0"


class Scratch:
    """A root with what a machine has before the roles come, and the playbooks that run on it."""

    def __init__(self, root: Path) -> None:
        """Fill an empty folder: mosquitto's own configuration, a free port, certificates, a release."""
        self.root = root
        self.add_release(VERSION)
        (root / "opt/haechi/current").symlink_to(f"releases/{VERSION}")
        (root / "etc/mosquitto/conf.d").mkdir(parents=True)
        (root / "port").write_text(str(free_port()), encoding="utf-8")
        (root / "etc/mosquitto/mosquitto.conf").write_text(
            ("user root\n" if os.getuid() == 0 else "") + f"log_dest stderr\ninclude_dir {root}/etc/mosquitto/conf.d\n",
            encoding="utf-8",
        )
        self.certificates = make_certificates(root / "authority")
        self._variables = {
            "haechi_version": VERSION,
            "haechi_wheel": "",
            "haechi_broker_certificate": str(self.certificates.server_cert),
            "haechi_broker_key": str(self.certificates.server_key),
        }

    def add_release(self, version: str, installed_at_s: int = 2_000_000_000) -> None:
        """Put down a release that was installed at this time: the programs of this very environment."""
        release = self.root / "opt/haechi/releases" / version
        release.mkdir(parents=True)
        (release / "bin").symlink_to(PROGRAMS)
        for part in ("edge", "cloud"):
            (release / f".complete-{part}").write_text("index\n", encoding="utf-8")
        os.utime(release, (installed_at_s, installed_at_s))

    def play(self, playbook: str, *options: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook with these variables over those of the scenario; return what it said."""
        return self.play_at(SCENARIO, playbook, *options, **{**self._variables, **variables})

    def play_at(
        self, inventory: Path, playbook: str, *options: str, **variables: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook at any inventory with these variables over its own; return what it said."""
        given = json.dumps(variables)
        return run("ansible-playbook", "-i", str(inventory), playbook, "-e", given, *options, root=self.root)


def run(program: str, *arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs in the folder ``ansible``, with everything that it keeps below ``root``."""
    return subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=ANSIBLE,
        env={
            **os.environ,
            "PATH": f"{PROGRAMS}:{os.environ.get('PATH', '')}",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(root / ".ansible"),
            "HAECHI_SCRATCH": str(root),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
