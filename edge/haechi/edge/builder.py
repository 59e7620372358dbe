"""Readings, events and pictures → parcel bodies of the right size and priority. Pure.

Promise: observations never share a parcel with events; every picture has a parcel of its own, a clip as many as it
needs; no parcel is larger than ``bytes_max`` with its envelope: what is too large is split in two, and a single value
that no parcel can hold is dropped and counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from haechi.contract.codec import encode_body
from haechi.contract.envelope import OVERHEAD_BYTES
from haechi.contract.events import PIECE_BYTES_MAX, PIECES_MAX, Event, Evidence
from haechi.contract.observations import Reading, tables
from haechi.contract.parcel import DECODED_BYTES_MAX, PARCEL_BYTES_MAX, ClockQuality, LossRange, LossRecord, Parcel
from haechi.contract.places import Datastream, Place, Step, Thing
from haechi.edge.outbox import Draft, Epoch, Rank

_LOSS_RANGES_MAX = 500
_EVENTS_MAX = 250
_DESCRIPTIONS_MAX = 1_000
"""In one parcel, so that the cloud's transaction over it is short."""
_DECODED_BYTES_A_VALUE = 16
_BYTES_BESIDE_A_PIECE = 1024
Item = TypeVar("Item")


class Builder:
    """Makes drafts for one epoch at a time."""

    def __init__(
        self,
        steps: dict[str, Step],
        bytes_max: int = PARCEL_BYTES_MAX,
        counters: Counter[str] | None = None,
        records: Mapping[str, Datastream] | None = None,
    ) -> None:
        """Keep what parcels are made with.

        Args:
            steps: the step of each datastream whose device gives integers.
            bytes_max: how large a parcel may be with its envelope.
            counters: takes what is dropped.
            records: the datastreams that bear their device's record times. Each parcel with such records describes
                them itself: whoever reads it must name its points by that time, whatever else has come before.
        """
        self._steps, self._records = steps, records or {}
        self.bytes_max = bytes_max
        self.counters = Counter() if counters is None else counters

    def observations(self, readings: Sequence[Reading], epoch: Epoch, clock: ClockQuality) -> list[Draft]:
        """Return the drafts of readings, in their order."""

        def content(part: Sequence[Reading]) -> Parcel:
            parcel = _blank(epoch, clock)
            parcel.tables = tables(part, self._steps)
            if self._records:
                named = {name for table in parcel.tables for name in table.datastreams}
                parcel.datastreams = [self._records[name] for name in sorted(named & self._records.keys())]
            return parcel

        def draft(part: Sequence[Reading], body: bytes) -> Draft:
            times = [reading.observed_at_us for reading in part]
            count = sum(len(reading.values) for reading in part)
            return Draft(Rank.LIVE, body, count, 0, min(times), max(times))

        # However well it packs, what is unpacked has a limit.
        groups = _cut(readings, _unpacked_bytes, DECODED_BYTES_MAX // 2)
        bodies: list[Draft] = []
        for part, body in self._fitting(groups, content, _halves_of_readings):
            bodies.append(draft(part, body))
        return bodies

    def events(self, events: Sequence[Event], epoch: Epoch, clock: ClockQuality) -> list[Draft]:
        """Return the urgent drafts of events, in their order."""

        def content(part: Sequence[Event]) -> Parcel:
            parcel = _blank(epoch, clock)
            parcel.events = list(part)
            return parcel

        return [
            Draft(Rank.URGENT, body, 0, len(part), min(e.time_us for e in part), max(e.time_us for e in part))
            for part, body in self._fitting(_cut(events, lambda _: 1, _EVENTS_MAX), content, _halves)
        ]

    def evidence(self, pictures: Sequence[Evidence], epoch: Epoch, clock: ClockQuality) -> list[Draft]:
        """Return one draft a picture, and as many as it takes for a clip."""

        def content(part: Sequence[Evidence]) -> Parcel:
            parcel = _blank(epoch, clock)
            parcel.evidence = list(part)
            return parcel

        return [
            Draft(Rank.CLIP if part[0].is_clip else Rank.EVIDENCE, body, 0, 0, part[0].time_us, part[0].time_us)
            for picture in pictures
            for part, body in self._fitting([[piece] for piece in self._cut(picture)], content, _halves)
        ]

    def descriptions(
        self,
        places: Sequence[Place],
        things: Sequence[Thing],
        datastreams: Sequence[Datastream],
        epoch: Epoch,
        clock: ClockQuality,
    ) -> list[Draft]:
        """Return the drafts of descriptions: places before things before datastreams."""

        def content(part: Sequence[Place | Thing | Datastream]) -> Parcel:
            parcel = _blank(epoch, clock)
            parcel.places = [item for item in part if isinstance(item, Place)]
            parcel.things = [item for item in part if isinstance(item, Thing)]
            parcel.datastreams = [item for item in part if isinstance(item, Datastream)]
            return parcel

        everything: list[Place | Thing | Datastream] = [*places, *things, *datastreams]
        # Like descriptions pack so well that very many in one parcel unpack to more than anybody takes.
        slices = _cut(everything, lambda _: 1, _DESCRIPTIONS_MAX)
        return [Draft(Rank.URGENT, body) for _, body in self._fitting(slices, content, _halves)]

    def losses(self, records: Sequence[LossRecord], epoch: Epoch, clock: ClockQuality) -> list[Draft]:
        """Return the drafts of loss records; a record of very many ranges travels in pieces."""

        def content(part: Sequence[LossRecord]) -> Parcel:
            parcel = _blank(epoch, clock)
            parcel.losses = list(part)
            return parcel

        pieces = (piece for record in records for piece in _pieces(record))
        groups = _cut(pieces, lambda piece: len(piece.ranges) + 1, _LOSS_RANGES_MAX + 1)
        return [Draft(Rank.URGENT, body, keeps=True) for _, body in self._fitting(groups, content, _halves_of_losses)]

    def _cut(self, picture: Evidence) -> list[Evidence]:
        """Return a clip in pieces that fit into a parcel; everything else whole."""
        size = min(PIECE_BYTES_MAX, self.bytes_max - _BYTES_BESIDE_A_PIECE)
        count = -(-len(picture.content) // size)
        if not picture.is_clip or count <= 1:
            return [picture]
        if count > PIECES_MAX:
            self.counters["items_too_large"] += 1
            return []
        return [
            replace(picture, content=picture.content[start : start + size], piece=number, pieces=count)
            for number, start in enumerate(range(0, len(picture.content), size), 1)
        ]

    def _fitting(
        self,
        groups: Sequence[Sequence[Item]],
        content: Callable[[Sequence[Item]], Parcel],
        halves: Callable[[Sequence[Item]], Sequence[Sequence[Item]]],
    ) -> list[tuple[Sequence[Item], bytes]]:
        """Encode groups, splitting what is too large; what cannot be split any further is counted and dropped."""
        fitting: list[tuple[Sequence[Item], bytes]] = []
        waiting = list(reversed(groups))
        while waiting:
            part = waiting.pop()
            body = encode_body(content(part))
            if len(body) + OVERHEAD_BYTES <= self.bytes_max:
                fitting.append((part, body))
            elif smaller := halves(part):
                waiting.extend(reversed(smaller))
            else:
                self.counters["items_too_large"] += 1
        return fitting


def _blank(epoch: Epoch, clock: ClockQuality) -> Parcel:
    # Fresh lists: msgspec copies empty defaults, and each kind of content sets exactly one of them.
    return Parcel(epoch_order=epoch.order, epoch_number=epoch.number, clock=clock)


def _halves(part: Sequence[Item]) -> Sequence[Sequence[Item]]:
    middle = len(part) // 2
    return (part[:middle], part[middle:]) if middle else ()


def _halves_of_readings(part: Sequence[Reading]) -> Sequence[Sequence[Reading]]:
    """Split between readings; a single one is split between its datastreams."""
    if len(part) > 1:
        return _halves(part)
    whole = part[0]
    middle = len(whole.datastreams) // 2
    if not middle:
        return ()
    return [
        [
            Reading(
                whole.observed_at_us,
                whole.datastreams[side],
                whole.values[side],
                None if whole.qualities is None else whole.qualities[side],
            )
        ]
        for side in (slice(None, middle), slice(middle, None))
    ]


def _halves_of_losses(part: Sequence[LossRecord]) -> Sequence[Sequence[LossRecord]]:
    """Split between records; a single one is split between its ranges, then between the names of its datastreams."""
    if len(part) > 1:
        return _halves(part)
    whole = part[0]
    if len(whole.ranges) > 1:
        middle = len(whole.ranges) // 2
        first, second = replace(whole, ranges=whole.ranges[:middle]), replace(whole, ranges=whole.ranges[middle:])
    elif len(whole.datastreams) > 1:
        middle = len(whole.datastreams) // 2
        first, second = (
            replace(whole, datastreams=whole.datastreams[:middle]),
            replace(whole, datastreams=whole.datastreams[middle:]),
        )
    else:
        return ()
    # The counts belong to the whole record; only its first piece bears them.
    return ([replace(first, id=f"{whole.id}a")], [replace(second, id=f"{whole.id}b", observations=0, events=0)])


def _cut(items: Iterable[Item], size: Callable[[Item], int], size_max: int) -> list[list[Item]]:
    """Cut into groups of at most a size; an item that is larger is a group of its own."""
    groups: list[list[Item]] = []
    held = size_max
    for item in items:
        held += size(item)
        if held > size_max:
            groups.append([])
            held = size(item)
        groups[-1].append(item)
    return groups


def _unpacked_bytes(reading: Reading) -> int:
    return len(reading.values) * _DECODED_BYTES_A_VALUE + sum(
        len(value) for value in reading.values if isinstance(value, str)
    )


def _pieces(record: LossRecord) -> list[LossRecord]:
    if len(record.ranges) <= _LOSS_RANGES_MAX:
        return [record]
    pieces: list[LossRecord] = []
    for start in range(0, len(record.ranges), _LOSS_RANGES_MAX):
        ranges: tuple[LossRange, ...] = record.ranges[start : start + _LOSS_RANGES_MAX]
        first = start == 0
        pieces.append(
            replace(
                record,
                id=f"{record.id[:32]}-{start}",
                ranges=ranges,
                # The counts belong to the whole record; only its first piece bears them.
                observations=record.observations if first else 0,
                events=record.events if first else 0,
            )
        )
    return pieces
