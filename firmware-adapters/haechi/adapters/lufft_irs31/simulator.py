"""A Lufft IRS31Pro-UMB that is not there: answers requests of channels on a pseudo-terminal.

From a shell: ``python -m haechi.adapters.lufft_irs31.simulator --road-temperature -2.5``.
"""

import argparse
import struct

from haechi.sdk.simulated import OnTerminal, serve
from haechi.sdk.transports.umb_frames import crc

_REQUEST_HEAD = struct.Struct("<BBHHBB")
_LAYOUTS = {0x10: "<B", 0x12: "<H", 0x13: "<h", 0x16: "<f"}
_INVALID_CHANNEL = 0x24
_FLOAT, _BYTE, _SHORT, _WORD = 0x16, 0x10, 0x13, 0x12
_TYPES = {101: _FLOAT, 111: _FLOAT, 121: _FLOAT, 151: _FLOAT, 601: _FLOAT, 900: _BYTE}
_TYPES |= {1049: _SHORT, 1065: _SHORT, 1067: _SHORT, 1068: _SHORT, 1072: _WORD, 1070: _BYTE, 1077: _BYTE, 1129: _BYTE}


class LufftIrs31Simulator(OnTerminal):
    """One sensor that says what it is told, channel by channel. An async context manager."""

    def __init__(self, *, address: int = 0x9001) -> None:
        """Make a sensor with dry road at 1.5 °C."""
        super().__init__()
        self.silent = False
        """True: it answers nothing."""
        self.numbers: dict[int, float] = dict.fromkeys(_TYPES, 0)
        """Channel → number, as it goes over the wire."""
        self.numbers |= {101: 1.5, 151: -0.5, 601: 0.5, 900: 10, 1049: 15, 1077: 80}
        self.statuses: dict[int, int] = {}
        """Channel → status, where there is no value."""
        self.information = {0x10: b"IRS31Pro-UMB".ljust(40, b"\0"), 0x13: bytes.fromhex("39303117010a0b0c")}
        """What it says of itself (command 2Dh): name, and versions with its serial number."""
        self._address = address
        self._buffer = bytearray()

    def answer(self, request: bytes) -> bytes | None:
        """Return the answer to one whole request, None where it is for another device."""
        _soh, version, to, sender, _length, stx = _REQUEST_HEAD.unpack_from(request)
        if to != self._address:
            return None
        if request[8:10] == b"\x2d\x10":
            said = self.information.get(request[10])
            payload = b"\x2d\x10\x00" + request[10:11] + said if said is not None else b"\x2d\x10\x11"
        elif request[8:10] == b"\x2f\x10":
            channels = struct.unpack_from(f"<{request[10]}H", request, 11)
            payload = b"\x2f\x10\x00" + bytes([len(channels)]) + b"".join(map(self._said, channels))
        else:
            return None
        body = _REQUEST_HEAD.pack(1, version, sender, to, len(payload), stx) + payload + b"\x03"
        return body + crc(body) + b"\x04"

    def _said(self, channel: int) -> bytes:
        status = self.statuses.get(channel, 0 if channel in _TYPES else _INVALID_CHANNEL)
        part = bytes([status]) + channel.to_bytes(2, "little")
        if status == 0:
            kind = _TYPES[channel]
            number = self.numbers[channel]
            part += bytes([kind]) + struct.pack(_LAYOUTS[kind], number if kind == _FLOAT else round(number))
        return bytes([len(part)]) + part

    def heard(self, data: bytes) -> None:
        """Take what a master sends, and answer."""
        self._buffer += data
        while len(self._buffer) >= _REQUEST_HEAD.size:
            end = _REQUEST_HEAD.size + self._buffer[6] + 4
            if self._buffer[0] == 1 and len(self._buffer) < end:
                return
            request = bytes(self._buffer[:end])
            if request[0] != 1 or crc(request[:-3]) != request[-3:-1]:
                del self._buffer[0]
                continue
            del self._buffer[:end]
            answer = None if self.silent else self.answer(request)
            if answer is not None:
                self.put(answer)


def main() -> None:
    """Serve one sensor until interrupted; the first line on standard output is the port."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.lufft_irs31.simulator", description=main.__doc__)
    parser.add_argument("--road-temperature", type=float, default=1.5, metavar="CELSIUS")
    parser.add_argument("--road-condition", type=int, default=10, metavar="CODE", help="10 dry … 35 ice")
    arguments = parser.parse_args()
    simulator = LufftIrs31Simulator()
    simulator.numbers |= {101: arguments.road_temperature, 900: arguments.road_condition}
    serve(simulator)


if __name__ == "__main__":
    main()
