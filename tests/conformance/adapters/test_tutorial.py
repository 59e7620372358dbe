"""The partner's tutorial is true: its files and commands, in its order, make an adapter that passes its check.

What it makes is a package outside of this repository and its namespace: built, installed apart, found and judged.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

TUTORIAL = Path(__file__).parents[3] / "docs/adapter-tutorial.md"
BLOCK = re.compile(r"(?:`(?P<path>[\w/.]+)`\n\n)?```(?P<kind>console|python)\n(?P<text>.*?)```", re.DOTALL)


def as_script(tutorial: str) -> str:
    """Return the tutorial as one shell script: its files are written, its commands run."""
    lines = ["set -euo pipefail", "trap 'kill $(cat nordtide_nt4/pid pid 2>/dev/null) 2>/dev/null || true' EXIT"]
    for block in BLOCK.finditer(tutorial):
        if block["kind"] == "python":
            lines += [f"cat > {block['path']} <<'END_OF_FILE'", block["text"].rstrip("\n"), "END_OF_FILE"]
        else:
            lines += [line.removeprefix("$ ") for line in block["text"].splitlines()]
    return "\n".join(lines) + "\n"


def test_the_tutorial_makes_a_checked_adapter_from_nothing(tmp_path: Path) -> None:
    tutorial = TUTORIAL.read_text(encoding="utf-8")
    assert len(BLOCK.findall(tutorial)) == 9
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LANGUAGE": "C",
    }
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        ["bash", "-c", as_script(tutorial)],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search("^nordtide_nt4 +haechi-adapter-nordtide-nt4 0.1.0 ", done.stdout, re.MULTILINE)
    assert "1 exempt, 8 do not apply, 0 not judged" in done.stdout
    assert re.search("^  holds +fail_safe_is_reached$", done.stdout, re.MULTILINE)
    assert re.search("^nordtide_post: .* 0 fail, 3 exempt, 3 do not apply, 0 not judged;", done.stdout, re.MULTILINE)
    report = json.loads((work / "gateway/nordtide_nt4-check/report.json").read_text())
    assert report["holds"]
    assert report["is_thorough"]
    assert report["mark"]["firmware"] == "NT-4 simulator of the tutorial"
    assert "is what was checked with kit 1.1 and firmware NT-4 simulator of the tutorial\n" in done.stdout
