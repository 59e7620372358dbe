"""The invariant, looked at when nothing is broken any more and nothing is under way.

* every committed parcel is stored, or lies in a loss that an operator sees; what was acknowledged is one of the two
* of every stored parcel, each observation is in the point store once with its value (or, where it may never be written,
  whole among the dead letters), each event, picture and loss record is in the state once; nothing else is there
* the newest values are the newest by (epoch order, seq)
* conditions and open situations are those that the same events give in their order, and those that the sensors show
* what a device gave is committed, unless its gateway died within the time that committing may take
"""

import contextlib
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, Table, select

from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery
from haechi.cloud.event_handler import handler, seen
from haechi.cloud.state import latest, schema
from haechi.cloud.state.engine import reading, writing
from haechi.contract.control import decode_acknowledgement
from haechi.contract.parcel import LossCause, LossRecord, ParcelName
from haechi.contract.ranges import SEQ_MAX, RangeSet
from haechi.contract.topics import Address, Priority, parse
from support.simulation.broker import Message
from support.simulation.cloud import POINTS
from support.simulation.gateway import COUNT, NOW_US, SEAL_S, TENANT
from support.simulation.truth import BrokenPromise, Committed, Ledger

_HOUR_US = 3_600_000_000
_COMMIT_S_MAX = SEAL_S + 1.0
_NANOSECONDS = 1_000
_record = msgspec.json.Decoder(LossRecord)


@dataclass(frozen=True)
class _Books:
    """What the cloud has of one gateway."""

    stored: dict[bytes, RangeSet]
    lost: dict[bytes, RangeSet]
    told: dict[bytes, RangeSet]
    """Numbers in loss records that operators can list."""
    open_us: list[tuple[int, int]]
    """Times, from and to, of which operators are told that something is missing that nobody can name."""
    unclean_us: int
    """When the gap of an unclean stop was last reported: it excuses what the disk took with it."""
    first_seen_us: int
    """When the gateway was first heard of. Whoever never was can lose its card, and nobody will know."""
    epochs: Collection[bytes]
    """Those that the cloud has heard of."""

    def is_stored(self, name: ParcelName) -> bool:
        return name.seq in self.stored.get(name.epoch, RangeSet())

    def is_lost(self, name: ParcelName) -> bool:
        return name.seq in self.lost.get(name.epoch, RangeSet())

    def knows_of_a_gap(self, one: Committed, doubled: bool) -> bool:
        """Whether operators see that something is missing of that time, whatever its name was.

        Or whether nobody can know: a second gateway of one name came and went (``doubled``) without being heard.
        """
        if one.name.seq in self.told.get(one.name.epoch, RangeSet()):
            return True  # a loss without an end
        at_us = NOW_US + one.at_s * 1e6
        known = any(first <= at_us <= last for first, last in self.open_us)
        unheard = one.name.epoch not in self.epochs and doubled
        return known or ((one.gone or not one.kept) and (unheard or at_us <= max(self.unclean_us, self.first_seen_us)))


@dataclass(frozen=True)
class Truth:
    """What is so, whatever anybody shows."""

    ledgers: Mapping[str, Ledger]
    """Gateway → what was read and committed."""
    sensors: Mapping[str, Mapping[str, bool]]
    """Gateway → condition → whether it stands in the street now."""
    cloud_restored: bool
    """The cloud has forgotten something that it knew."""
    doubled: Collection[str] = ()
    """Names that two gateways bore for a while: of what both say of one thing, the order does not decide."""

    @property
    def memory_was_lost(self) -> bool:
        """Whether a disk went that knew something; what it was can only be found out by comparing."""
        return self.cloud_restored or any(
            one.gone for ledger in self.ledgers.values() for one in ledger.parcels.values()
        )


def check(
    truth: Truth,
    state: Engine,
    folder: Path,
    said: Iterable[Message],
    reference: Engine,
    now_us: int,
) -> None:
    """Hold the cloud's books against the truth.

    Args:
        truth: what was read and committed.
        state: the cloud's state.
        folder: where the cloud's points are.
        said: every acknowledgement.
        reference: an empty state, which stays empty.
        now_us: the cloud's time.

    Raises:
        BrokenPromise: it is not as promised.
    """
    with reading(state) as connection:
        points = _points(folder / POINTS)
        books = {gateway: _books(connection, gateway) for gateway in truth.ledgers}
        for gateway, ledger in truth.ledgers.items():
            _check_custody(gateway, truth, books[gateway])
            _check_points(connection, gateway, ledger, books[gateway], points)
            _check_rows(connection, gateway, truth, books[gateway])
            if gateway not in truth.doubled:
                _check_alone(connection, gateway)
            _check_latest(connection, gateway, ledger, books[gateway])
            _check_reading(gateway, ledger)
    _check_acknowledgements(truth, books, said)
    _check_situations(truth, books, state, reference, now_us)


def shows(truth: Truth, state: Engine) -> bool:
    """Whether the cloud shows of every condition what the sensors say."""
    table = schema.conditions
    with reading(state) as connection:
        active = {
            tuple(row) for row in connection.execute(select(table.c.gateway, table.c.condition).where(table.c.active))
        }
    return all(
        ((gateway, condition) in active) == stands
        for gateway, conditions in truth.sensors.items()
        for condition, stands in conditions.items()
    )


def unaccounted(truth: Truth, state: Engine, folder: Path) -> str:
    """Return what was committed and the cloud neither has nor tells as lost; empty when there is nothing."""
    with reading(state) as connection:
        points = _points(folder / POINTS) if truth.cloud_restored else {}
        try:
            for gateway, ledger in truth.ledgers.items():
                books = _books(connection, gateway)
                _check_custody(gateway, truth, books)
                if truth.cloud_restored:
                    _check_points(connection, gateway, ledger, books, points)
        except BrokenPromise as broken:
            return str(broken)
    return ""


def _books(connection: Connection, gateway: str) -> _Books:
    stored, lost = (_ranges(connection, table, gateway) for table in (schema.settled, schema.lost))
    told: dict[bytes, RangeSet] = {}
    losses, epochs = schema.losses, schema.epochs
    open_us: list[tuple[int, int]] = []
    unclean_us = 0
    rows = connection.execute(select(losses.c.record, losses.c.reported_us).where(losses.c.gateway == gateway))
    for content, reported_us in rows:
        record = _record.decode(content)
        if record.cause is LossCause.UNCLEAN_STOP:
            unclean_us = max(unclean_us, reported_us)  # its own times are those of a clock that may be wrong
        for part in record.ranges:
            epoch = bytes.fromhex(part.epoch)
            told[epoch] = told.get(epoch, RangeSet()) | RangeSet([(part.first, part.last or SEQ_MAX)])
            if part.last is None:
                open_us.append((record.first_us or 0, reported_us))
    known = connection.execute(select(epochs.c.epoch, epochs.c.first_seen_us).where(epochs.c.gateway == gateway))
    seen_us: dict[bytes, int] = dict(tuple(row) for row in known)
    return _Books(stored, lost, told, open_us, unclean_us, min(seen_us.values(), default=sys.maxsize), seen_us)


def _ranges(connection: Connection, table: Table, gateway: str) -> dict[bytes, RangeSet]:
    found: dict[bytes, list[tuple[int, int]]] = {}
    query = select(table.c.epoch, table.c.first, table.c.last).where(table.c.gateway == gateway)
    for epoch, first, last in connection.execute(query):
        found.setdefault(epoch, []).append((first, last))
    return {epoch: RangeSet(ranges) for epoch, ranges in found.items()}


def _check_custody(gateway: str, truth: Truth, books: _Books) -> None:
    ledger = truth.ledgers[gateway]
    for name, one in ledger.parcels.items():
        stored, lost = books.is_stored(name), books.is_lost(name)
        if stored and lost:
            raise BrokenPromise(f"{gateway}: parcel {name} is stored and lost at once")
        excused = (one.gone or truth.cloud_restored) and books.knows_of_a_gap(one, gateway in truth.doubled)
        if one.kept and not stored and not lost and not excused:
            raise BrokenPromise(f"{gateway}: parcel {name} was committed and is neither stored nor reported as lost")
        if lost and name.seq not in books.told.get(name.epoch, RangeSet()):
            raise BrokenPromise(f"{gateway}: parcel {name} is lost and no loss record says so")
    committed: dict[bytes, RangeSet] = {}
    for name in ledger.parcels:
        committed[name.epoch] = committed.get(name.epoch, RangeSet()).add(name.seq)
    for epoch, numbers in books.stored.items():
        if numbers - committed.get(epoch, RangeSet()):
            raise BrokenPromise(f"{gateway}: {numbers} of {epoch.hex()[:8]} are stored, and were never committed")


def _points(path: Path) -> dict[tuple[str, str, int], float]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as kept:
        rows = kept.execute(
            "SELECT gateway, datastream, time_ns, v FROM points JOIN series ON series.id = points.series"
        ).fetchall()
    return {(gateway, datastream, time_ns): v for gateway, datastream, time_ns, v in rows}


def _check_points(
    connection: Connection,
    gateway: str,
    ledger: Ledger,
    books: _Books,
    points: Mapping[tuple[str, str, int], float],
) -> None:
    letters = schema.dead_letters
    refused: Counter[tuple[str, int, str]] = Counter()
    for (content,) in connection.execute(
        select(letters.c.content).where(letters.c.gateway == gateway, letters.c.kind == "point")
    ):
        letter = json.loads(content)
        refused.update((letter["datastream"], time_ns, value) for time_ns, value in letter["points"])
    known: dict[tuple[str, str, int], ParcelName] = {}
    counted = 0
    for one in ledger.parcels.values():
        for table in one.parcel.tables:
            for reading_ in table.readings():
                for observation in reading_.observations():
                    time_ns = observation.observed_at_us * _NANOSECONDS + one.parcel.epoch_number
                    key = (gateway, observation.datastream, time_ns)
                    if key in known:
                        raise BrokenPromise(f"{gateway}: {known[key]} and {one.name} both claim the point {key}")
                    known[key] = one.name
                    if not books.is_stored(one.name):
                        continue
                    value = observation.value
                    counted += key in points
                    if key not in points and not refused[observation.datastream, time_ns, repr(value)]:
                        raise BrokenPromise(f"{gateway}: {observation} of stored {one.name} is nowhere")
                    if key in points and points[key] != value:
                        raise BrokenPromise(f"{gateway}: {observation} of {one.name} is stored as {points[key]}")
    rows = schema.gateways
    applied = connection.execute(select(rows.c.observations).where(rows.c.gateway == gateway)).scalar()
    if (applied or 0) != counted:
        raise BrokenPromise(f"{gateway}: {applied} observations were applied, {counted} are stored")
    strange = [key for key in points if key[0] == gateway and key not in known]
    if strange:
        raise BrokenPromise(f"{gateway}: the point {strange[0]} is stored, and nothing like it was committed")


def _check_rows(connection: Connection, gateway: str, truth: Truth, books: _Books) -> None:
    ledger = truth.ledgers[gateway]
    stored = [one.parcel for one in ledger.parcels.values() if books.is_stored(one.name)]
    # With the points of an older day everything since then is asked for again, and lost where nobody has it any more;
    # that a picture of it is still there is no harm.
    lost = [one.parcel for one in ledger.parcels.values() if truth.cloud_restored and not books.is_stored(one.name)]
    spare = {picture.id for parcel in lost for picture in parcel.evidence}
    for table, ids in (
        (schema.events, Counter(event.id for parcel in stored for event in parcel.events)),
        (schema.evidence, Counter(picture.id for parcel in stored for picture in parcel.evidence)),
        (schema.losses, Counter(record.id for parcel in stored for record in parcel.losses)),
    ):
        found = set(connection.execute(select(table.c.id).where(table.c.gateway == gateway)).scalars())
        found = {one for one in found if not one.startswith(("cloud-", "missing-"))}
        if found - spare != set(ids) - spare:
            raise BrokenPromise(
                f"{gateway}: {table.name} lacks {set(ids) - found or 'none'}, has {found - set(ids) or 'none'} too many"
            )


def _check_alone(connection: Connection, gateway: str) -> None:
    doubles = schema.events.c.type == "device.duplicate_identity"
    if connection.execute(select(schema.events.c.id).where(schema.events.c.gateway == gateway, doubles)).first():
        raise BrokenPromise(f"{gateway} was taken for two gateways")


def _check_latest(connection: Connection, gateway: str, ledger: Ledger, books: _Books) -> None:
    newest: dict[str, tuple[int, int]] = {}
    for one in ledger.parcels.values():
        if books.is_stored(one.name):
            order = (one.parcel.epoch_order, one.name.seq)
            for table in one.parcel.tables:
                for datastream in table.datastreams:
                    newest[datastream] = max(newest.get(datastream, (0, 0)), order)
    query = select(schema.latest.c["values"]).where(schema.latest.c.gateway == gateway)
    shown: dict[str, tuple[int, int]] = {}
    for (packed,) in connection.execute(query):
        shown.update({datastream: value[:2] for datastream, value in latest.unpack(packed).items()})
    if shown != newest:
        raise BrokenPromise(f"{gateway}: the newest values are of {shown}, expected {newest}")


def _check_reading(gateway: str, ledger: Ledger) -> None:
    committed = {
        int(value)
        for one in ledger.parcels.values()
        for table in one.parcel.tables
        for datastream, column in zip(table.datastreams, table.columns, strict=True)
        if datastream == COUNT
        for value in column
        if not isinstance(value, str)
    }
    for count, read_s in ledger.counts_read.items():
        excused = any(read_s <= died_s <= read_s + _COMMIT_S_MAX for died_s in ledger.deaths_s)
        if count not in committed and not excused:
            raise BrokenPromise(f"{gateway}: reading {count} was taken at {read_s:.3f} s and never committed")


def _check_acknowledgements(truth: Truth, books: Mapping[str, _Books], said: Iterable[Message]) -> None:
    for message in said:
        gateway = parse(message.topic).gateway
        of_gateway = books[gateway]
        for part in decode_acknowledgement(message.payload).epochs:
            epoch = bytes.fromhex(part.epoch)
            kept = of_gateway.stored.get(epoch, RangeSet()) | of_gateway.lost.get(epoch, RangeSet())
            kept |= _forgotten(truth, gateway, of_gateway, epoch)
            if part.range_set() - kept:
                raise BrokenPromise(
                    f"{part.range_set() - kept} of {part.epoch[:8]} was acknowledged and is not settled"
                )


def _forgotten(truth: Truth, gateway: str, books: _Books, epoch: bytes) -> RangeSet:
    """Return what a restored cloud has forgotten and the gateway's disk as well; operators are told of the gap."""
    if not truth.cloud_restored:
        return RangeSet()
    ours = (one for one in truth.ledgers[gateway].parcels.values() if one.name.epoch == epoch)
    return RangeSet((one.name.seq, one.name.seq) for one in ours if books.knows_of_a_gap(one, gateway in truth.doubled))


def _check_situations(
    truth: Truth,
    books: Mapping[str, _Books],
    state: Engine,
    reference: Engine,
    now_us: int,
) -> None:
    with reference.connect() as connection:
        for gateway, ledger in truth.ledgers.items():
            stored = [
                one for one in ledger.parcels.values() if one.parcel.events and books[gateway].is_stored(one.name)
            ]
            stored.sort(key=lambda one: (one.parcel.epoch_order, one.name.seq))
            apply(connection, [_delivery(gateway, one) for one in stored], [], [], now_us)
        wanted = _settled_view(connection, now_us)
    with writing(state) as connection:
        found = _settled_view(connection, now_us)
    for what, one, other in zip(("conditions", "open situations"), found, wanted, strict=True):
        if one != other and not truth.doubled:
            raise BrokenPromise(f"{what} are {one}, in order they would be {other}")
    for gateway, conditions in truth.sensors.items():
        for condition, stands in conditions.items():
            active = any(key == (gateway, condition) and row[2] for key, row in found[0].items())
            if active != stands:
                raise BrokenPromise(f"{gateway}: {condition} is shown as {active}, the sensor says {stands}")


def _delivery(gateway: str, one: Committed) -> Delivery:
    address = Address(TENANT, gateway, f"up/{Priority.LIVE}")
    pictures = {(picture.id, picture.piece): "kept" for picture in one.parcel.evidence}
    return Delivery(address, one.name, one.parcel, Arrival("", b"", 0), points_written=True, pictures=pictures)


_Conditions = dict[tuple[str, str], tuple[int, int, bool]]
_Situations = set[tuple[str, str, str, str, bool]]


def _settled_view(connection: Connection, now_us: int) -> tuple[_Conditions, _Situations]:
    """Return conditions and open situations when all that merely happened is over."""
    list(handler.sweep(connection, now_us + _HOUR_US))
    conditions, situations = schema.conditions, schema.situations
    rows = connection.execute(select(conditions).where(~conditions.c.condition.startswith("occurred:"))).mappings()
    states = {
        (row["gateway"], row["condition"]): (row["epoch_order"], row["seq"], bool(row["active"]))
        for row in rows
        if row["condition"] != seen.CONDITION or row["active"]
    }
    columns = (situations.c.place, situations.c.matter, situations.c.severity, situations.c.headline)
    opened = connection.execute(select(*columns, situations.c.active).where(situations.c.open)).all()
    return states, {
        (place, matter, severity, headline, bool(active)) for place, matter, severity, headline, active in opened
    }
