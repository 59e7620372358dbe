"""One datagram of a Shake's datacast as text. No I/O.

*Raspberry Shake manual*, page "Raspberry Shake Data Producer UDP Port Output": channel, time of the first sample in
seconds since 1970 (UTC), and the samples as whole numbers (counts)::

    {'EHZ', 1582315130.292, 14168, 14927, 16112, …}
"""

import re
from decimal import Decimal
from typing import NamedTuple

from haechi.sdk.errors import BadReading
from haechi.text import _

PACKET_BYTES_MAX = 4096
_SAMPLES_MAX = 512
_COUNT_MAX = 2**31
_PACKET = re.compile(rb"\{'([A-Z]{3})', ?(\d{9,10}(?:\.\d{1,9})?)((?:, ?-?\d{1,10})+)\}")
_MICROSECOND = Decimal(1000000)


class Packet(NamedTuple):
    """What one datagram says."""

    channel: str
    first_us: int
    """When its first sample was taken, µs since 1970-01-01 UTC, by the Shake's clock."""
    samples: tuple[int, ...]
    """Counts of the digitiser."""


def parse(data: bytes) -> Packet:
    """Return what a datagram says.

    Raises:
        BadReading: it is not one of a Shake.
    """
    match = None if len(data) > PACKET_BYTES_MAX else _PACKET.fullmatch(data.strip())
    if match is None:
        raise BadReading(_("{size} bytes that are no datacast").format(size=len(data)))
    samples = tuple(int(written) for written in match[3].split(b",")[1:])
    if len(samples) > _SAMPLES_MAX or any(abs(sample) > _COUNT_MAX for sample in samples):
        raise BadReading(_("more samples, or larger ones, than a Shake sends"))
    return Packet(match[1].decode("ascii"), int(Decimal(match[2].decode("ascii")) * _MICROSECOND), samples)
