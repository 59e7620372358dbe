"""A partner's package, put where a gateway process finds it by entry point, and nobody else does."""

import os
from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, source: Path, adapter: str, class_name: str) -> None:
    """Make ``adapter``, the class ``class_name`` of the file ``source``, known to processes started from now on."""
    info = folder / f"{adapter}-1.dist-info"
    info.mkdir(parents=True)
    (folder / f"{adapter}.py").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {adapter}\nVersion: 1\n", encoding="utf-8")
    points = f"[haechi.adapters]\n{adapter} = {adapter}:{class_name}\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
