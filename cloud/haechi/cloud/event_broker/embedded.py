"""A broker of our own for a machine that has none: rumqttd in a child process (PyPI ``iotcore``), MQTT 5, loopback.

Whoever enters needs a password, for on a machine with several users loopback is no fence.

It keeps nothing across its own death and needs not: gateways keep what is not acknowledged end to end. The child ends
with its parent (it holds the other end of a pipe). A child that died or froze is replaced; frozen means that it takes
a connection and gives no answer to MQTT's CONNECT.
"""

import asyncio
import json
import logging
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from haechi.cloud.event_broker.credentials import CLOUD, GATEWAY, Credentials, credentials, write_private
from haechi.cloud.event_broker.link import PACKET_BYTES_MAX

log = logging.getLogger(__name__)

START_S_MAX = 15.0
LOOK_S = 2.0
ANSWER_S_MAX = 4.0
SILENT_TIMES_MAX = 2
_CHILD = "from iotcore._serve import main; main()"
_CLIENT = "haechi-look"
_CONNECT_FLAGS = 0xC2  # MQTT 5.0, section 3.1.2.3: user name, password, clean start
_CONNACK, _SUCCESS = 0x20, 0

_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 2097152
max_segment_count = 10

[v5.1]
name = "haechi"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {payload_bytes_max}
max_inflight_count = 500
dynamic_filters = true

[v5.1.connections.auth]
{gateway} = {gateway_password}
{cloud} = {cloud_password}
"""


class EmbeddedBroker:
    """Keeps the child running; :meth:`run` until cancelled."""

    def __init__(self, folder: Path, port: int) -> None:
        """Choose the port (0: any free one) and where the configuration is written."""
        self._folder = folder
        self.port = port or _free_port()
        self._process: Process | None = None
        self._credentials: Credentials | None = None
        self.trouble: str | None = "not started yet"
        """Why it does not serve, one line; None when it does."""

    @property
    def credentials(self) -> Credentials:
        """Who may enter; known once it has been started."""
        if self._credentials is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._credentials = credentials(self._folder)
        return self._credentials

    async def start(self) -> None:
        """Start the child and wait until it answers.

        Raises:
            OSError: the port is taken, a file cannot be written, or the child does not come up.
            UsageError: the gateways' password cannot be one.
        """
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", self.port))
        known = self.credentials
        config = self._folder / "broker.toml"
        write_private(
            config,
            _CONFIG.format(
                port=self.port,
                payload_bytes_max=PACKET_BYTES_MAX,
                gateway=GATEWAY,
                gateway_password=_quoted(known.gateway),
                cloud=CLOUD,
                cloud_password=_quoted(known.cloud),
            ),
        )
        options = json.dumps({"config_path": str(config)})
        # In a session of its own, so that Ctrl-C reaches the cloud first, which then ends its broker last.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            _CHILD,
            options,
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_S_MAX):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise OSError(f"the embedded broker ended with code {self._process.returncode}")
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise OSError(f"the embedded broker did not answer within {START_S_MAX:.0f} s") from error
        self.trouble = None

    async def run(self) -> None:
        """Replace the child when it dies or freezes."""
        try:
            while True:
                await self._until_gone()
                await self.stop()
                try:
                    await self.start()
                    log.warning("broker: started anew on 127.0.0.1:%d", self.port)
                except OSError as error:
                    self.trouble = f"the embedded broker cannot be started anew: {error}"
                    await asyncio.sleep(1)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()  # it keeps nothing that a gentle end would save
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()

    async def _until_gone(self) -> None:
        silent = 0
        while self._process is not None and silent < SILENT_TIMES_MAX:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._process.wait()
                self.trouble = f"the embedded broker ended with code {self._process.returncode}"
                log.warning("broker: %s", self.trouble)
                return
            except TimeoutError:
                silent = 0 if await self._answers() else silent + 1
        self.trouble = "the embedded broker gives no answer"
        log.warning("broker: %s", self.trouble)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(_connect(CLOUD, self.credentials.cloud))
                    kind, _length, _flags, reason = await reader.readexactly(4)
                    return (kind, reason) == (_CONNACK, _SUCCESS)
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False


def _connect(user: str, password: str) -> bytes:
    """Return MQTT 5.0's CONNECT (section 3.1) without properties, keep alive 10 s."""
    fields = (_CLIENT, user, password)
    payload = b"".join(len(one).to_bytes(2, "big") + one.encode() for one in fields)
    rest = b"\x00\x04MQTT\x05" + bytes([_CONNECT_FLAGS]) + b"\x00\x0a\x00" + payload
    return b"\x10" + _variable(len(rest)) + rest


def _variable(number: int) -> bytes:
    """Return a variable byte integer (MQTT 5.0, section 1.5.5)."""
    encoded = bytearray()
    while number > 127:
        number, low = number >> 7, number & 127
        encoded.append(low | 128)
    encoded.append(number)
    return bytes(encoded)


def _quoted(password: str) -> str:
    """Return printable ASCII as TOML's basic string, whose escapes are JSON's."""
    return json.dumps(password)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
