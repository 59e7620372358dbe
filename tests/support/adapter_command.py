"""``haechi adapter`` as a person calls it, for tests."""

import importlib.metadata
from pathlib import Path

GROUP = "haechi.commands"


def announced(folder: Path) -> Path:
    """Return a folder for the import path in which ``haechi adapter`` is announced, where the installation does not.

    An installation made before the command existed does not know its entry point; a new one does.
    """
    if not any(point.name == "adapter" for point in importlib.metadata.entry_points(group=GROUP)):
        info = folder / "haechi_adapter_command-0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: haechi-adapter-command\nVersion: 0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nadapter = haechi.sdk.cli:register [sdk]\n")
    return folder
