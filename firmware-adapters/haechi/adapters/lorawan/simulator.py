"""A car park that is not there: a network server's broker, on which a Bosch TPS110 says how its bay is.

From a shell: ``python -m haechi.adapters.lorawan.simulator --server the_things_stack``.
"""

import argparse
import asyncio
import base64
import json
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from haechi.sdk.little_broker import Publishing

APPLICATIONS = {"chirpstack": "9cf2d7a3-5a8e-4b54-8f5c-2d3a1b0c9e11", "the_things_stack": "car-park@city"}
_FIRST = datetime(2026, 11, 22, 8, 0, 0, 125_000, tzinfo=UTC)
_RESET_CAUSES = ("", "watchdog", "power_on", "system_request", "other")


class LorawanSimulator(Publishing):
    """One bay and its network server. An async context manager: entering starts both."""

    def __init__(
        self,
        server: Literal["chirpstack", "the_things_stack"] = "chirpstack",
        *,
        dev_eui: str = "0004a30b001c0530",
        period_s: float = 0.02,
    ) -> None:
        """Say something every ``period_s``; by the radio gateway's clock, a second passes meanwhile."""
        super().__init__(period_s=period_s)
        self.server, self.dev_eui = server, dev_eui
        self.occupied, self.temperature_c = False, 12
        self.firmware, self.reset_cause = "0.29.2", "power_on"
        self.startup_codes: tuple[int, ...] = (804, 885)
        self.debug_code = 404
        self.empty = False
        """True: it sends frames for the network server only, without a payload."""
        self._counter, self._turn = 0, -1

    @property
    def application(self) -> str:
        """What the configuration's ``application`` is."""
        return APPLICATIONS[self.server]

    @property
    def topic(self) -> str:
        """Where its uplinks are published."""
        if self.server == "chirpstack":
            return f"application/{self.application}/device/{self.dev_eui}/event/up"
        return f"v3/{self.application}/devices/bay-1/up"

    def payloads(self) -> list[tuple[int, bytes]]:
        """Return what it says in turn: heartbeat, start-up, debug; port and payload."""
        taken = bytes((self.occupied,))
        codes = b"".join(code.to_bytes(4, "little") for code in (*self.startup_codes, 0, 0, 0)[:3])
        version = bytes(int(part) for part in self.firmware.split("."))
        cause = bytes((_RESET_CAUSES.index(self.reset_cause),))
        debug = bytes(4) + self.debug_code.to_bytes(2, "little") + bytes(4)
        heartbeat = taken + self.temperature_c.to_bytes(1, "big", signed=True)
        return [(2, heartbeat), (3, codes + version + cause + taken), (6, debug)]

    def uplink(self, port: int, payload: bytes) -> bytes:
        """Return the next frame as the network server writes it."""
        self._counter += 1
        received_at = _FIRST + timedelta(seconds=self._counter)
        write = self._chirpstack if self.server == "chirpstack" else self._the_things_stack
        return json.dumps(write(port, payload, received_at), separators=(",", ":")).encode()

    def message(self) -> bytes:
        """Return the uplink whose turn it is."""
        self._turn = (self._turn + 1) % 3
        return self.uplink(0, b"") if self.empty else self.uplink(*self.payloads()[self._turn])

    def _chirpstack(self, port: int, payload: bytes, received_at: datetime) -> dict[str, Any]:
        event: dict[str, Any] = {
            "deduplicationId": f"00000000-0000-4000-8000-{self._counter:012d}",
            "time": received_at.isoformat(),
            "deviceInfo": {"applicationId": self.application, "deviceName": "bay-1", "devEui": self.dev_eui},
            "devAddr": "00189440",
            "dr": 5,
            "fCnt": self._counter,
            "rxInfo": [
                {
                    "gatewayId": "0016c001f153a14c",
                    "gwTime": received_at.isoformat(),
                    "nsTime": (received_at + timedelta(milliseconds=120)).isoformat(),
                    "rssi": -96,
                    "snr": 7.5,
                }
            ],
        }
        if port:  # what is 0 or empty is left out
            event |= {"fPort": port, "data": base64.b64encode(payload).decode("ascii")}
        return event

    def _the_things_stack(self, port: int, payload: bytes, received_at: datetime) -> dict[str, Any]:
        ids = {"device_id": "bay-1", "dev_eui": self.dev_eui.upper(), "dev_addr": "260BABCD"}
        server_at = (received_at + timedelta(milliseconds=120)).isoformat()
        uplink: dict[str, Any] = {
            "session_key_id": "AWNbm/4zfqx0jZ5q1NlBmw==",
            "f_cnt": self._counter,
            "rx_metadata": [{"gateway_ids": {"gateway_id": "roof"}, "time": received_at.isoformat(), "rssi": -68}],
            "received_at": server_at,
        }
        if port:
            uplink |= {"f_port": port, "frm_payload": base64.b64encode(payload).decode("ascii")}
        return {"end_device_ids": ids, "received_at": server_at, "uplink_message": uplink}


def main() -> None:
    """Talk until interrupted; the first line on standard output is the broker's address."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.lorawan.simulator", description=main.__doc__)
    parser.add_argument("--server", choices=sorted(APPLICATIONS), default="chirpstack")
    parser.add_argument("--period", type=float, default=5.0, metavar="SECONDS")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.server, arguments.period))


async def _main(server: Literal["chirpstack", "the_things_stack"], period_s: float) -> None:
    async with LorawanSimulator(server, period_s=period_s) as simulator:
        sys.stdout.write(simulator.broker.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
