"""A broker of our own for a machine that has none: rumqttd in a child process (PyPI ``iotcore``), MQTT 5, loopback.

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

from haechi.cloud.event_broker.link import PACKET_BYTES_MAX

log = logging.getLogger(__name__)

START_S_MAX = 15.0
LOOK_S = 2.0
ANSWER_S_MAX = 4.0
SILENT_TIMES_MAX = 2
_CHILD = "from iotcore._serve import main; main()"
# MQTT 5.0, section 3.1: CONNECT, clean start, keep alive 10 s, no properties, client id "haechi-look".
_CONNECT = b"\x10\x18\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x0bhaechi-look"
_CONNACK = 0x20

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
"""


class EmbeddedBroker:
    """Keeps the child running; :meth:`run` until cancelled."""

    def __init__(self, folder: Path, port: int) -> None:
        """Choose the port (0: any free one) and where the configuration is written."""
        self._folder = folder
        self.port = port or _free_port()
        self._process: Process | None = None
        self.trouble: str | None = "not started yet"
        """Why it does not serve, one line; None when it does."""

    async def start(self) -> None:
        """Start the child and wait until it answers.

        Raises:
            OSError: the port is taken, or the child does not come up.
        """
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", self.port))
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "broker.toml"
        config.write_text(_CONFIG.format(port=self.port, payload_bytes_max=PACKET_BYTES_MAX), encoding="utf-8")
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
                    writer.write(_CONNECT)
                    return (await reader.readexactly(1))[0] == _CONNACK
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
