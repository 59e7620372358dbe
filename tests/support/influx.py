"""A real InfluxDB 1.6.7 for tests, behind a proxy that gives it the ``/api/v2/write`` of its successors.

The proxy maps ``/api/v2/write?bucket=DB/RP&precision=ns`` to ``/write?db=DB&rp=RP&precision=n`` and passes everything
else through, so that the unchanged influxdb-client writes to the InfluxDB that Debian has.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlencode, urlsplit

INFLUXD = shutil.which("influxd")
DATABASE = "haechi"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class InfluxServer:
    """influxd as a child process with its proxy; ``port`` is the proxy's."""

    def __init__(self, folder: Path) -> None:
        assert INFLUXD, "influxd is missing: apt-get install influxdb"
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "influxd.conf").write_text(
            f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{self._port}"
log-enabled = false
""",
            encoding="utf-8",
        )
        target = f"http://127.0.0.1:{self._port}"
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"target": target}))
        self._proxy.daemon_threads = True
        self.port = self._proxy.server_address[1]
        self._thread = threading.Thread(target=self._proxy.serve_forever, daemon=True)

    def __enter__(self) -> "InfluxServer":
        self.start()
        self._thread.start()
        self.ask(f"CREATE DATABASE {DATABASE}")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.kill()
        self._proxy.shutdown()
        self._proxy.server_close()
        self._thread.join()

    def start(self) -> None:
        """Start influxd and wait until it answers."""
        with (self._folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(INFLUXD), "-config", str(self._folder / "influxd.conf")], stdout=log, stderr=log
            )
        for _ in range(400):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self._port}/ping", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)  # a child process has no event that could be awaited
        raise AssertionError("influxd does not answer")

    def kill(self) -> None:
        """End it without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it as if it hung; it keeps its connections."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def ask(self, query: str) -> str:
        """Ask InfluxQL, past the proxy."""
        body = urlencode({"q": query, "db": DATABASE}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/query", data=body, timeout=5) as response:
            return str(response.read().decode())


class _Proxy(BaseHTTPRequestHandler):
    target = ""
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        path = self.path
        if parts.path == "/api/v2/write":
            database, _, retention = parse_qs(parts.query)["bucket"][0].partition("/")
            path = "/write?" + urlencode({"db": database, "rp": retention, "precision": "n"})
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() in ("content-type", "content-encoding", "authorization")
        }
        request = urllib.request.Request(self.target + path, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                self._answer(response.status, response.headers.get("Content-Type"), response.read())
        except urllib.error.HTTPError as error:
            with error:
                self._answer(error.code, error.headers.get("Content-Type"), error.read())
        except OSError as error:
            self._answer(503, "text/plain", str(error).encode())

    def _answer(self, status: int, kind: str | None, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def log_message(self, *_: object) -> None:
        """Say nothing."""
