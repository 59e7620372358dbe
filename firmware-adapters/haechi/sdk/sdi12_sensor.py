"""An SDI-12 sensor that is not there: answers the basic commands on a pseudo-terminal, and misbehaves on demand.

Version 1.4, section 4: acknowledge, identify, address query, measurements with and without CRC, concurrent ones, and
data in lines of at most 35 characters (75 for concurrent ones). Commands are parsed here, not by the recorder's code.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence

from haechi.sdk.simulated import OnTerminal

_COMMAND = re.compile(rb"([0-9a-zA-Z?])(.*)")
_MEASURE = re.compile(rb"(M|C)(C?)([1-9]?)")
_BUFFER_BYTES_MAX = 1024
_CHARACTERS_MAX, _CHARACTERS_CONCURRENT_MAX = 35, 75


class Sdi12Sensor(OnTerminal):
    """One sensor. An async context manager: entering makes it reachable at :attr:`port`."""

    def __init__(self, measure: Callable[[int], Sequence[str]], *, address: str = "0", identity: str = "") -> None:
        """Make a sensor.

        Args:
            measure: returns the values of measurement 0 (aM!) to 9 (aM9!), written with their sign.
            address: its address on the bus.
            identity: what it answers to aI! behind its address.
        """
        super().__init__()
        self.settings: dict[bytes, bytes] = {}
        """The maker's own commands that ask for something, and what it answers to each."""
        self.announced_s = 0
        """How long it says that a measurement takes; it is done after ``takes_s`` and then asks for service."""
        self.takes_s = 0.02
        self.silent = False
        """True: it answers nothing."""
        self.deaf_to: deque[bytes] = deque()
        """Commands, without address, that go unanswered the next time they come."""
        self.damaged: dict[bytes, int] = {}
        """Commands whose next answer is damaged on the wire, and at which character."""
        self.echoes = False
        """True: the adapter repeats what it sends, as a half-duplex one does."""
        self.commands: deque[bytes] = deque(maxlen=20)
        """What it was told, oldest first."""
        self._measure, self._address, self.identity = measure, address.encode(), identity.encode()
        self._command = b""
        self._pages: list[bytes] = []
        self._with_crc = False
        self._buffer = bytearray()

    def say(self, line: bytes) -> None:
        """Put a line on the wire now, with its line end."""
        self.put(line + b"\r\n")

    def heard(self, data: bytes) -> None:
        """Take what a recorder sends, and do what it commands."""
        self._buffer += data
        del self._buffer[:-_BUFFER_BYTES_MAX]
        while b"!" in self._buffer:
            raw, _mark, rest = bytes(self._buffer).partition(b"!")
            self._buffer[:] = rest
            if self.echoes:
                self.put(raw + b"!")
            match = _COMMAND.search(raw.replace(b"\0", b""))
            if match is None or self.silent or match[1] not in (self._address, b"?"):
                continue
            self.commands.append(match[2])
            if match[2] in self.deaf_to:
                self.deaf_to.remove(match[2])
                continue
            self._command = match[2]
            self._do(match[2])

    def _do(self, command: bytes) -> None:
        if command == b"":
            self._answer(b"")
        elif command == b"I":
            self._answer(self.identity)
        elif command in self.settings:
            self._answer(self.settings[command])
        elif measure := _MEASURE.fullmatch(command):
            self._begin(concurrent=measure[1] == b"C", with_crc=bool(measure[2]), number=int(measure[3] or 0))
        elif command[:1] == b"D" and command[1:].isdigit():
            page = int(command[1:])
            self._answer(self._pages[page] if page < len(self._pages) else b"", with_crc=self._with_crc)

    def _begin(self, *, concurrent: bool, with_crc: bool, number: int) -> None:
        values = [value.encode() for value in self._measure(number)]
        room = (_CHARACTERS_CONCURRENT_MAX if concurrent else _CHARACTERS_MAX) - 1
        pages = [b""]
        for value in values:
            if len(pages[-1]) + len(value) > room:
                pages.append(b"")
            pages[-1] += value
        self._pages, self._with_crc = pages, with_crc
        self._answer(b"%03d%0*d" % (self.announced_s, 2 if concurrent else 1, len(values)))
        if self.announced_s and not concurrent:
            asyncio.get_running_loop().call_later(self.takes_s, self._answer, b"")

    def _answer(self, text: bytes, *, with_crc: bool = False) -> None:
        line = self._address + text
        if with_crc:
            line += _check_characters(line)
        if self._command in self.damaged:
            changed = bytearray(line)
            changed[self.damaged.pop(self._command)] ^= 0x04
            line = bytes(changed)
        self.say(line)


def _check_characters(line: bytes) -> bytes:
    """Return the CRC as the sensor computes it (clause 4.4.12), bit by bit from its definition."""
    register = 0
    for bit in (byte >> place & 1 for byte in line for place in range(8)):
        register = register >> 1 ^ (0xA001 if (register ^ bit) & 1 else 0)
    return bytes(0x40 | register >> shift & 0x3F for shift in (12, 6, 0))
