"""A real mosquitto on a free port, for tests: plain, with passwords, access lists and TLS; killed, frozen, restarted.

Needs the program ``mosquitto`` (Debian: ``apt-get install mosquitto``). Everything it writes stays in the folder given.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_START_S = 10.0


def free_port() -> int:
    """Return a TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """One broker; ``async with Mosquitto(folder) as broker`` starts it and waits until it listens."""

    def __init__(
        self,
        folder: Path,
        *,
        passwords: Mapping[str, str] | None = None,
        access: Sequence[str] = (),
        certificate: Path | None = None,
        key: Path | None = None,
        authority: Path | None = None,
        client_certificates: bool = False,
        settings: Sequence[str] = (),
    ) -> None:
        """Prepare a broker.

        Args:
            folder: for its files.
            passwords: user → password; None lets everybody in.
            access: lines of its access list, such as ``user gw-1`` and ``topic write haechi/v1/+/gw-1/up/#``.
            certificate: PEM file of its own certificate; given, it speaks TLS only.
            key: PEM file of its key.
            authority: PEM file of the authority that client certificates are checked against.
            client_certificates: whether clients must show one.
            settings: further lines of its configuration.
        """
        self.folder, self.port = folder, free_port()
        self._passwords, self._access, self._settings = passwords, access, settings
        self._certificate, self._key = certificate, key
        self._authority, self._client_certificates = authority, client_certificates
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for ``uplink.url`` and the cloud's ``broker.url``."""
        return f"{'mqtts' if self._certificate else 'mqtt'}://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_files()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def start(self) -> None:
        """Start it (again, on the same port) and wait until it listens."""
        process = self._spawn()
        async with asyncio.timeout(_START_S):
            while not await self._listens():
                assert process.poll() is None, self.log
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        """End it properly."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it stand still: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        assert PROGRAM is not None, "mosquitto is not installed: apt-get install mosquitto"
        assert self._process is None
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", str(self.folder / "mosquitto.conf"), "-v"], stdout=log, stderr=log
            )
        return self._process

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(timeout=10)
            self._process = None

    async def _listens(self) -> bool:
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    def _write_files(self) -> None:
        lines = ["user root", f"listener {self.port} 127.0.0.1", *self._settings]
        if self._passwords is None:
            lines.append("allow_anonymous true")
        else:
            lines += ["allow_anonymous false", f"password_file {self.folder / 'passwords'}"]
            self._write_passwords(self._passwords)
        if self._access:
            (self.folder / "access").write_text("\n".join(self._access) + "\n", encoding="utf-8")
            lines.append(f"acl_file {self.folder / 'access'}")
        if self._certificate is not None and self._key is not None:
            lines += [f"certfile {self._certificate}", f"keyfile {self._key}"]
            if self._authority is not None:
                lines.append(f"cafile {self._authority}")
            if self._client_certificates:
                lines.append("require_certificate true")
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _write_passwords(self, passwords: Mapping[str, str]) -> None:
        path = self.folder / "passwords"
        path.write_text("".join(f"{user}:{word}\n" for user, word in passwords.items()), encoding="utf-8")
        program = shutil.which("mosquitto_passwd", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin")
        assert program is not None, "mosquitto_passwd is not installed"
        subprocess.run([program, "-U", str(path)], check=True, timeout=30)
