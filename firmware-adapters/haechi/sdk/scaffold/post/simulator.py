"""A post that is not there: talks over TCP like the real one, obeys, and misbehaves on demand.

From a shell: ``python -m haechi.sdk.scaffold.post.simulator``; the first line that it prints is where it listens.
"""

import asyncio
import re
from contextlib import suppress
from typing import Self

from haechi.sdk.scaffold.post.protocol import line
from haechi.sdk.simulated import serve

_ORDER = re.compile(rb"\$(SIREN,([01]),(\d{4}))\*([0-9A-F]{2})\r?\n")


class AcmePostSimulator:
    """One post. An async context manager: entering starts it, ``port`` of this machine is what to open."""

    def __init__(self, *, battery_v: float = 12.5, period_s: float = 0.25) -> None:
        """Show ``battery_v``, silent, and say it every ``period_s``."""
        self.battery_v, self.period_s = battery_v, period_s
        self.sounds = False
        self.told: list[tuple[bool, float]] = []
        """Every order that reached it, oldest first: whether to sound, and for how many seconds."""
        self.delay_s = 0.0
        """How late it answers; what it is told is done at once."""
        self.jammed = False
        """True: it takes orders, and its siren stays as it is."""
        self.obeys = True
        """False: its key switch stands so that it refuses orders."""
        self.silent = False
        """True: it says nothing."""
        self._clients: set[asyncio.StreamWriter] = set()
        self._off: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def where(self) -> str:
        """What to open."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_held(self) -> bool:
        """Tell whether somebody is connected."""
        return bool(self._clients)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_unused: object) -> None:
        if self._off is not None:
            self._off.cancel()
        self._server.close()
        for writer in self._clients:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        talking = asyncio.create_task(self._talk(writer))
        with suppress(OSError, asyncio.CancelledError):
            while came := await reader.readline():
                await self._obey(came, writer)
        talking.cancel()
        self._clients.discard(writer)
        writer.transport.abort()

    async def _talk(self, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                if not self.silent:
                    writer.write(line(b"POST,%05d,%d" % (round(self.battery_v * 1000), self.sounds)))
                    await writer.drain()
                await asyncio.sleep(self.period_s)

    async def _obey(self, came: bytes, writer: asyncio.StreamWriter) -> None:
        match = _ORDER.fullmatch(came)
        if match is None or line(match[1]) != came:
            return
        answer = line(b"NO")
        if self.obeys:
            self._sound(match[2] == b"1", float(match[3]))
            answer = line(b"DONE,%d" % self.sounds)
        await asyncio.sleep(self.delay_s)
        if not self.silent:
            writer.write(answer)

    def _sound(self, sounds: bool, on_s: float) -> None:
        self.told.append((sounds, on_s))
        if self.jammed:
            return
        self.sounds = sounds
        if self._off is not None:
            self._off.cancel()
        self._off = asyncio.get_running_loop().call_later(on_s, self._fall_silent) if sounds else None

    def _fall_silent(self) -> None:
        self.sounds = False


if __name__ == "__main__":
    serve(AcmePostSimulator())
