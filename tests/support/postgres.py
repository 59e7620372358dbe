"""A PostgreSQL server of its own for tests: a fresh cluster in a temporary folder.

It answers on a socket in that folder, where it trusts everybody, and on request on a free port of 127.0.0.1, where it
wants TLS and a password.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.certificates import Certificates

USER, PASSWORD = "haechi", "open sesame: or not?"
_USER = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


@dataclass(frozen=True)
class Server:
    """Where it answers."""

    socket_url: str
    port: int


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; yields the URL of its database."""
    with postgres_server() as server:
        yield server.socket_url


@contextmanager
def postgres_server(certificates: Certificates | None = None) -> Iterator[Server]:
    """Run a server, with certificates on TCP as well."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="haechi-postgres-"))
    try:
        _own(folder)
        data = folder / "data"
        _run(programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c fsync=off -c unix_socket_directories={folder}"
        port = 5432
        if certificates is None:
            options += " -c listen_addresses=''"
        else:
            port = _free_port()
            _speak_tls(data, certificates)
            options += f" -c port={port} -c listen_addresses=127.0.0.1 -c ssl=on"
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield Server(f"postgresql://{USER}@:{port}/postgres?host={folder}", port)
        finally:
            _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _speak_tls(data: Path, certificates: Certificates) -> None:
    for source, name in ((certificates.server_cert, "server.crt"), (certificates.server_key, "server.key")):
        shutil.copyfile(source, data / name)
        (data / name).chmod(0o600)
        _own(data / name)
    (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")


def _own(path: Path) -> None:
    if _USER is not None:
        shutil.chown(path, _USER)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return found[-1].parent


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, user=_USER, stdout=subprocess.DEVNULL, cwd="/")
