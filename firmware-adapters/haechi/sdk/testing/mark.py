"""The mark that a checked adapter bears: which kit judged which bytes, and how each rule fared.

A mark binds the kit's version, the device's firmware and the sum of the folder to the verdicts. :mod:`.signing` signs
it, so that anybody who has the public key can hold it against the folder.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from haechi.sdk.testing.checking import Report


def folder_sum(folder: Path) -> str:
    """Return the SHA-256 of everything in ``folder``: names and contents, in order; caches do not count."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_file() and "__pycache__" not in path.parts:
            inner = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{inner}  {path.relative_to(folder).as_posix()}\n".encode())
    return total.hexdigest()


def mark_of(report: Report, folder: Path) -> dict[str, Any]:
    """Return the mark for ``report``, not signed."""
    conformance = tomllib.loads((folder / "conformance.toml").read_text(encoding="utf-8"))
    return {
        "adapter": report.name,
        "kit": report.kit,
        "is_thorough": report.is_thorough,
        "firmware": str(conformance.get("firmware", "")),
        "sha256": folder_sum(folder),
        "rules": {finding.rule: finding.state for finding in report.findings},
        "figures": report.figures,
    }


def canonical(mark: dict[str, Any]) -> bytes:
    """Return the bytes of ``mark`` that are signed."""
    return json.dumps(mark, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
