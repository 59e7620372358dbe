"""Parcel ↔ bytes, body version 1: an array in MessagePack, packed with zstd, in the fixed envelope.

A parcel decodes with the contract alone: names, times, steps and values all stand in it. Golden vectors in
``vectors/`` hold every layout that was ever sent; they decode for ever.

The body is the array ``[epoch_order, epoch_number, clock, places, things, datastreams, tables, events, evidence,
losses]``; tables as in :mod:`haechi.contract.columns`, everything else as maps with the field names of its type.
"""

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import msgspec
import zstandard

from haechi.contract import FutureVersion, UnreadableBody
from haechi.contract.columns import PackedTable, pack, size, unpack
from haechi.contract.envelope import unwrap, wrap
from haechi.contract.events import Event, Evidence
from haechi.contract.parcel import (
    DECODED_BYTES_MAX,
    EVENTS_MAX,
    LOSSES_MAX,
    OBSERVATIONS_MAX,
    PICTURES_MAX,
    ClockQuality,
    LossRecord,
    Parcel,
    ParcelName,
)
from haechi.contract.places import Datastream, Place, Thing

VERSION = 1
"""What :func:`encode` writes."""
VERSIONS_READ = (1,)
"""What :func:`decode` reads; the cloud announces it, a newer gateway then writes the newest of these."""


class Outline(NamedTuple):
    """What a parcel says of itself, with its values still packed."""

    name: ParcelName
    epoch_order: int
    epoch_number: int
    observations: int
    events: int
    pictures: int
    clips: int
    """How many of its pictures are clips, or pieces of one."""
    losses: int
    first_us: int | None
    """The oldest and the newest time of its observations, events and pictures."""
    last_us: int | None


class _Body(msgspec.Struct, array_like=True):
    epoch_order: int
    epoch_number: int
    clock: ClockQuality
    places: list[Place]
    things: list[Thing]
    datastreams: list[Datastream]
    tables: list[PackedTable]
    events: list[Event]
    evidence: list[Evidence]
    losses: list[LossRecord]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)


@lru_cache(maxsize=4)
def _compressor(level: int) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=level, write_content_size=True)


def encode_body(parcel: Parcel, level: int = 3) -> bytes:
    """Return the body of a parcel, without its envelope."""
    body = _Body(
        parcel.epoch_order,
        parcel.epoch_number,
        parcel.clock,
        parcel.places,
        parcel.things,
        parcel.datastreams,
        [pack(table) for table in parcel.tables],
        parcel.events,
        parcel.evidence,
        parcel.losses,
    )
    return _compressor(level).compress(_encoder.encode(body))


def encode(name: ParcelName, parcel: Parcel) -> bytes:
    """Return the whole parcel. Its size is the caller's care: at most ``PARCEL_BYTES_MAX`` may travel."""
    return wrap(name, VERSION, encode_body(parcel))


def decode(parcel: bytes) -> tuple[ParcelName, Parcel]:
    """Return the name and the content of a whole parcel.

    Raises:
        NotAParcel: it names nothing.
        FutureVersion: a newer gateway wrote it.
        UnreadableBody: damaged, of wrong types, or over a limit. Its name can be read with ``envelope.unwrap``.
    """
    name, version, body = unwrap(parcel)
    return name, decode_body(version, body)


def decode_body(version: int, body: bytes) -> Parcel:
    """Return the content of a body.

    Raises:
        FutureVersion: a newer gateway wrote it.
        UnreadableBody: damaged, of wrong types, or over a limit.
    """
    content = _content(version, body)
    return Parcel(
        epoch_order=content.epoch_order,
        epoch_number=content.epoch_number,
        clock=content.clock,
        places=content.places,
        things=content.things,
        datastreams=content.datastreams,
        tables=[unpack(table) for table in content.tables],
        events=content.events,
        evidence=content.evidence,
        losses=content.losses,
    )


def unpacked_bytes(body: bytes) -> int:
    """Return how large a body is when it is unpacked, as it announces; only of one that could be decoded."""
    return zstandard.frame_content_size(body)


def outline(parcel: bytes) -> Outline:
    """Return what a whole parcel holds without unpacking its values, which is where the time goes.

    Raises:
        NotAParcel: it names nothing.
        FutureVersion: a newer gateway wrote it.
        UnreadableBody: damaged, of wrong types, or over a limit.
    """
    name, version, body = unwrap(parcel)
    content = _content(version, body)
    times = [time_us for table in content.tables for time_us in accumulate(table.times)]
    times += [event.time_us for event in content.events]
    times += [picture.time_us for picture in content.evidence]
    return Outline(
        name=name,
        epoch_order=content.epoch_order,
        epoch_number=content.epoch_number,
        observations=sum(map(size, content.tables)),
        events=len(content.events),
        pictures=len(content.evidence),
        clips=sum(picture.is_clip for picture in content.evidence),
        losses=len(content.losses),
        first_us=min(times, default=None),
        last_us=max(times, default=None),
    )


def _content(version: int, body: bytes) -> _Body:
    if version not in VERSIONS_READ:
        raise FutureVersion(f"the body has version {version}, this software reads {', '.join(map(str, VERSIONS_READ))}")
    try:
        content = _decoder.decode(_decompress(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UnreadableBody(f"the body does not decode: {error}") from error
    for count, limit, what in (
        (sum(map(size, content.tables)), OBSERVATIONS_MAX, "observations"),
        (len(content.events), EVENTS_MAX, "events"),
        (sum(1 + len(record.ranges) for record in content.losses), LOSSES_MAX, "losses"),
        (len(content.evidence), PICTURES_MAX, "pictures"),
    ):
        if count > limit:
            raise UnreadableBody(f"the body holds {count} {what}, the limit is {limit}")
    return content


def _decompress(body: bytes) -> bytes:
    """Unpack, never beyond the limit: a gigabyte of zeros packs into 33 kB."""
    try:
        announced = zstandard.frame_content_size(body)
        if announced < 0 or announced > DECODED_BYTES_MAX:
            raise UnreadableBody(f"the body announces {announced} bytes unpacked, the limit is {DECODED_BYTES_MAX}")
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=DECODED_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise UnreadableBody(f"the body does not unpack: {error}") from error
