"""A WeatherLink Live that is not there: answers its local API over HTTP.

From a shell: ``python -m haechi.adapters.davis_weatherlink_live.simulator --port 8080``.
"""

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, Self

_PATH = "/v1/current_conditions"


class WeatherlinkLiveSimulator:
    """One device that receives one station. An async context manager: entering starts it, ``port`` is where."""

    def __init__(self, *, port: int = 0) -> None:
        """Show a mild, dry day."""
        self.port = port
        self.did = "001D0A700002"
        self.silent = False
        """True: it takes questions and answers none."""
        self.station: dict[str, Any] = {"txid": 1, "temp": 62.6, "hum": 51.1, "wind_speed_last": 2, "rx_state": 0}
        self.station |= {"wind_dir_last": 180, "wind_speed_hi_last_2_min": 8, "solar_rad": 747, "uv_index": 5.5}
        self.station |= {"rain_size": 2, "rain_rate_last": 0, "rainfall_year": 63, "trans_battery_flag": 0}
        self.inches = 30.0
        self._ts = 1531754005
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def is_held(self) -> bool:
        """Tell whether somebody is connected."""
        return bool(self._writers)

    def body(self) -> bytes:
        """Return what it answers now."""
        self._ts += 1
        station = {"lsid": 48308, "data_structure_type": 1, **self.station, "dew_point": 42.4, "wind_chill": 62.6}
        indoors = {"lsid": 48307, "data_structure_type": 4, "temp_in": 78.0, "hum_in": 41.1}
        barometer = {"lsid": 48306, "data_structure_type": 3, "bar_sea_level": 30.2, "bar_absolute": self.inches}
        conditions = [station, indoors, barometer]
        return json.dumps({"data": {"did": self.did, "ts": self._ts, "conditions": conditions}, "error": None}).encode()

    def drop(self) -> None:
        """Lose every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._server.close()
        self.drop()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            while self.silent and await reader.read(1024):
                pass
            is_known = asked.split(b" ", 2)[1] == _PATH.encode()
            body = self.body() if is_known else b'{"data":null,"error":{"code":404,"message":"HTTP Page Not Found"}}'
            status = "200 OK" if is_known else "404 Not Found"
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            await reader.read()  # whoever asked closes
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


def main() -> None:
    """Stand in for a device until interrupted; the first line on standard output is the address to ask."""
    parser = argparse.ArgumentParser(
        prog="python -m haechi.adapters.davis_weatherlink_live.simulator", description=main.__doc__
    )
    parser.add_argument("--port", type=int, default=8080)
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args().port))


async def _main(port: int) -> None:
    async with WeatherlinkLiveSimulator(port=port) as simulator:
        sys.stdout.write(f"http://127.0.0.1:{simulator.port}{_PATH}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
