"""The newest value of each datastream, by (epoch order, seq) and not by time: clocks jump, numbers do not.

One row a thing, its values packed with MessagePack as ``datastream → [epoch_order, seq, time_us, value, quality]``.
"""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, bindparam, select

from haechi.cloud.state.schema import latest
from haechi.cloud.state.upsert import upsert
from haechi.contract.observations import Table, Value
from haechi.contract.parcel import Parcel

Latest = tuple[int, int, int, Value, int]
"""Epoch order, seq, time in microseconds, value, quality."""

_THINGS_A_QUERY = 500
_encoder = msgspec.msgpack.Encoder()
_KNOWN = select(latest.c.thing, latest.c["values"]).where(
    latest.c.tenant == bindparam("of_tenant"),
    latest.c.gateway == bindparam("of_gateway"),
    latest.c.thing.in_(bindparam("things", expanding=True)),
)
_decoder = msgspec.msgpack.Decoder(dict[str, tuple[int, int, int, bool | int | float | str, int]])


def pack(values: Mapping[str, Latest]) -> bytes:
    """Pack the values of one thing."""
    return _encoder.encode(values)


def unpack(packed: bytes) -> dict[str, Latest]:
    """Unpack the values of one thing."""
    return _decoder.decode(packed)


def newest_of(parcels: Iterable[tuple[int, Parcel]]) -> dict[str, dict[str, Latest]]:
    """Return thing → datastream → newest value of some parcels (seq, content) of one gateway."""
    # A block of datastreams comes again with every parcel: only its newest table can hold a newest value.
    tables: dict[tuple[str, ...], tuple[tuple[int, int], Table]] = {}
    for seq, parcel in parcels:
        order = (parcel.epoch_order, seq)
        for table in parcel.tables:
            before = tables.get(table.datastreams)
            if before is None or before[0] <= order:
                tables.pop(table.datastreams, None)
                tables[table.datastreams] = (order, table)
    newest: dict[str, dict[str, Latest]] = {}
    for order, table in tables.values():
        time_us = table.times_us[-1]
        for column, (datastream, values) in enumerate(zip(table.datastreams, table.columns, strict=True)):
            thing = newest.setdefault(datastream.partition(".")[0], {})
            known = thing.get(datastream)
            if known is None or known[:2] <= order:
                qualities = table.qualities.get(column)
                quality = 0 if qualities is None else int(qualities[-1])
                thing[datastream] = (*order, time_us, values[-1], quality)
    return newest


def merge(connection: Connection, tenant: str, gateway: str, newest: Mapping[str, Mapping[str, Latest]]) -> None:
    """Write the values that are newer than what is known; the gateway's row must be locked."""
    things = sorted(newest)
    for start in range(0, len(things), _THINGS_A_QUERY):
        some = things[start : start + _THINGS_A_QUERY]
        rows = connection.execute(_KNOWN, {"of_tenant": tenant, "of_gateway": gateway, "things": some})
        known = {thing: unpack(packed) for thing, packed in rows}
        changed = []
        for thing in some:
            merged = known.get(thing, {})
            for datastream, value in newest[thing].items():
                before = merged.get(datastream)
                if before is None or before[:2] <= value[:2]:
                    merged[datastream] = value
            changed.append({"tenant": tenant, "gateway": gateway, "thing": thing, "values": pack(merged)})
        upsert(connection, latest, changed)
