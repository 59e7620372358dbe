"""A PostgreSQL server of its own for tests: a fresh cluster in a temporary folder, on a socket in that folder."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_USER = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; yields the URL of its database."""
    programs = _programs()
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("a machine without PostgreSQL's client: pip install 'psycopg[binary]'")
    if programs is None:
        pytest.skip("a machine without PostgreSQL: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="haechi-postgres-"))
    try:
        if _USER is not None:
            shutil.chown(folder, _USER)
        data = folder / "data"
        _run(programs / "initdb", "-D", data, "-U", "haechi", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c fsync=off -c listen_addresses='' -c unix_socket_directories={folder}"
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://haechi@/postgres?host={folder}"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, user=_USER, stdout=subprocess.DEVNULL, cwd="/")
