"""SDI-12 as text, without I/O: what is sent, and which line is the answer to it and nothing else.

Written from *SDI-12, A Serial-Digital Interface Standard for Microprocessor-Based Sensors*, version 1.4 (January 2019),
section 4: addresses (4.3), start measurement and service request (aM!, aMn!), send data (aD0! … aD9!), concurrent
measurements (aC!), and the request for a CRC (aMC!, aCC!; clause 4.4.12).
"""

import re
from decimal import Decimal
from typing import NamedTuple

from haechi.sdk.crc import ReflectedCrc16
from haechi.sdk.errors import BadReading
from haechi.text import _

LINE_BYTES_MAX = 85
"""Address, 75 characters of values (concurrent, the longest), CRC, and what a line that turns round may add."""
CHARACTERS_MAX, CHARACTERS_CONCURRENT_MAX = 35, 75
"""Of values in one answer to aD0! …, after a measurement and after a concurrent one."""
PAGES = 10
"""Data come in at most ten answers, aD0! to aD9!."""

_CRC = ReflectedCrc16(0xA001, first=0)
_VALUE = re.compile(rb"[+-](?:\d+\.?\d*|\.\d+)")
_DIGITS_MAX = 7
_CRC_CHARACTERS = 3


class Announced(NamedTuple):
    """What a sensor says when a measurement begins."""

    ready_s: int
    """After how many seconds at the latest its values are there."""
    value_count: int
    """How many there will be."""


def crc(text: bytes) -> bytes:
    """Return the three characters that follow ``text``, address included (clause 4.4.12)."""
    register = _CRC(text)
    return bytes([0x40 | register >> 12, 0x40 | register >> 6 & 0x3F, 0x40 | register & 0x3F])


def measure_command(address: str, *, number: int, with_crc: bool, concurrent: bool) -> bytes:
    """Return the command that starts a measurement: ``0M!``, ``0MC1!``, ``0CC!`` …; ``number`` 0 is the first."""
    letter = ("C" if concurrent else "M") + ("C" if with_crc else "")
    return f"{address}{letter}{number or ''}!".encode("ascii")


def data_command(address: str, page: int) -> bytes:
    """Return the command that asks for the values of ``page``."""
    return f"{address}D{page}!".encode("ascii")


def announced(line: bytes, address: str, *, concurrent: bool) -> Announced:
    """Return what an answer to a measurement command says: ``atttn``, or ``atttnn`` for a concurrent one.

    Raises:
        BadReading: it is no such answer, or another sensor's.
    """
    match = re.fullmatch(rb"(.)(\d{3})(\d{2})" if concurrent else rb"(.)(\d{3})(\d)", line)
    if match is None or match[1] != address.encode("ascii"):
        raise BadReading(
            _("{line!r} does not announce a measurement of sensor {address}").format(**_shown(line, address))
        )
    return Announced(int(match[2]), int(match[3]))


def values(line: bytes, address: str, *, with_crc: bool) -> list[Decimal]:
    """Return the values in one answer to a data command, in order; none where there are no more.

    Raises:
        BadReading: it is no such answer, another sensor's, or its CRC does not agree.
    """
    body = line
    if with_crc:
        body, check = line[:-_CRC_CHARACTERS], line[-_CRC_CHARACTERS:]
        if crc(body) != check:
            raise BadReading(_("{line!r}: the CRC does not agree").format(**_shown(line, address)))
    if body[:1] != address.encode("ascii"):
        raise BadReading(_("{line!r} does not come from sensor {address}").format(**_shown(line, address)))
    written = body[1:]
    found = _VALUE.findall(written)
    if b"".join(found) != written or any(sum(map(_is_digit, one)) > _DIGITS_MAX for one in found):
        raise BadReading(_("{line!r} does not consist of signed numbers").format(**_shown(line, address)))
    return [Decimal(one.decode("ascii")) for one in found]


def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


def _shown(line: bytes, address: str) -> dict[str, object]:
    return {"line": line.decode("ascii", "replace"), "address": address}
