"""The partner's two tutorials are true: their files and commands, in their order, make adapters that pass their checks.

What they make are packages outside of this repository and its namespace: built, installed apart, found and judged.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"(?:`(?P<path>[\w/.]+)`\n\n)?```(?P<kind>console|python)\n(?P<text>.*?)```", re.DOTALL)


def as_script(tutorial: str) -> str:
    """Return the tutorial as one shell script: its files are written, its commands run."""
    lines = ["set -euo pipefail", "trap 'kill $(cat */pid pid 2>/dev/null) 2>/dev/null || true' EXIT"]
    for block in BLOCK.finditer(tutorial):
        if block["kind"] == "python":
            lines += [f"cat > {block['path']} <<'END_OF_FILE'", block["text"].rstrip("\n"), "END_OF_FILE"]
        else:
            lines += [line.removeprefix("$ ") for line in block["text"].splitlines()]
    return "\n".join(lines) + "\n"


def followed(page: str, blocks: int, work: Path) -> str:
    """Do what a page says in the new folder ``work``; returns what its commands said."""
    tutorial = (DOCS / page).read_text(encoding="utf-8")
    assert len(BLOCK.findall(tutorial)) == blocks
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LANGUAGE": "C",
    }
    work.mkdir()
    done = subprocess.run(
        ["bash", "-c", as_script(tutorial)],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tutorial_makes_a_checked_adapter_from_nothing(tmp_path: Path) -> None:
    work = tmp_path / "work"
    said = followed("adapter-tutorial.md", 9, work)
    assert re.search("^nordtide_nt4 +haechi-adapter-nordtide-nt4 0.1.0 ", said, re.MULTILINE)
    assert "1 exempt, 9 do not apply, 0 not judged" in said
    assert re.search("^  holds +fail_safe_is_reached$", said, re.MULTILINE)
    assert re.search("^nordtide_post: .* 0 fail, 3 exempt, 4 do not apply, 0 not judged;", said, re.MULTILINE)
    report = json.loads((work / "gateway/nordtide_nt4-check/report.json").read_text())
    assert report["holds"]
    assert report["is_thorough"]
    assert report["mark"]["firmware"] == "NT-4 simulator of the tutorial"
    assert "is what was checked with kit 1.1 and firmware NT-4 simulator of the tutorial\n" in said


def test_a_sensor_that_is_asked_becomes_a_checked_adapter(tmp_path: Path) -> None:
    work = tmp_path / "work"
    said = followed("adapter-modbus.md", 7, work)
    assert "1 of 3 answer\n" in said
    assert re.search(r"^nordtide_ht3: \d+ hold, 0 fail, 0 exempt, 9 do not apply, 0 not judged;", said, re.MULTILINE)
