"""The fixed, plain bytes around every parcel body. This layout never changes.

======  =====  ==========================================================================
offset  bytes  meaning (integers big-endian)
======  =====  ==========================================================================
0       4      magic ``HAEC``
4       1      version of the body
5       16     epoch
21      8      seq, 1 … 2^62 − 1
29      4      length of the body in bytes
33      4      CRC-32 (ISO 3309, as in zlib) of everything else: bytes 0–32 and the body
37      …      body
======  =====  ==========================================================================

So even a body that nobody can read can be named, kept and acknowledged.
"""

import struct
import zlib

from haechi.contract import NotAParcel
from haechi.contract.parcel import PARCEL_BYTES_MAX, ParcelName
from haechi.contract.ranges import SEQ_MAX

MAGIC = b"HAEC"
_HEAD = struct.Struct(">4sB16sQI")
_CRC = struct.Struct(">I")
OVERHEAD_BYTES = _HEAD.size + _CRC.size


def wrap(name: ParcelName, version: int, body: bytes) -> bytes:
    """Put a body into its envelope.

    Raises:
        ValueError: the name is impossible.
    """
    if len(name.epoch) != 16 or not 1 <= name.seq <= SEQ_MAX:
        raise ValueError(f"a parcel's name has 16 bytes of epoch and a seq from 1 to 2^62-1, not {name}")
    head = _HEAD.pack(MAGIC, version, name.epoch, name.seq, len(body))
    return head + _CRC.pack(zlib.crc32(body, zlib.crc32(head))) + body


def unwrap(parcel: bytes) -> tuple[ParcelName, int, bytes]:
    """Return the name, the body's version and the body.

    Raises:
        NotAParcel: too short, too long, wrong magic, wrong length, damaged, or an impossible seq.
    """
    if len(parcel) < OVERHEAD_BYTES:
        raise NotAParcel(f"{len(parcel)} bytes are too few for an envelope of {OVERHEAD_BYTES}")
    magic, version, epoch, seq, length = _HEAD.unpack_from(parcel)
    if magic != MAGIC:
        raise NotAParcel(f"the first bytes are {magic.hex()}, expected {MAGIC.hex()}")
    if len(parcel) > PARCEL_BYTES_MAX:
        raise NotAParcel(f"{len(parcel)} bytes are over the limit of {PARCEL_BYTES_MAX}")
    body = parcel[OVERHEAD_BYTES:]
    if length != len(body):
        raise NotAParcel(f"the envelope announces a body of {length} bytes, {len(body)} came")
    (crc,) = _CRC.unpack_from(parcel, _HEAD.size)
    if crc != zlib.crc32(body, zlib.crc32(parcel[: _HEAD.size])):
        raise NotAParcel("the CRC does not fit: damaged on the way")
    if not 1 <= seq <= SEQ_MAX:
        raise NotAParcel(f"seq {seq} is outside 1 to 2^62-1")
    return ParcelName(epoch, seq), version, body
