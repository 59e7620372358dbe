"""The time-series store: points in, series out. One interface, two implementations, one shared test suite.

* :mod:`haechi.cloud.store.sqlite`   embedded, needs no server
* :mod:`haechi.cloud.store.influx`   InfluxDB 1.8+, 2 and 3: influxdb-client writes, InfluxQL over ``/query`` reads

A point is named by its series (tenant, gateway, datastream) and its time in nanoseconds: the observation's
microseconds × 1000 plus the epoch's number (0–999), so that writing a parcel again overwrites the very same points
and a gateway that reboots into the same fake time overwrites nothing. A datastream with device time has no such digits.

Beside the points stands a marker, a number that rises, by which a cloud sees that the store went back to an older day.

Errors::

    StoreError
    ├── StoreUnavailable   try the same batch again later; nothing may be acknowledged
    └── StoreRefused       configuration is wrong (database, password): tell the person
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from haechi.contract.observations import Table, Value


class StoreError(Exception):
    """The time-series store did not do what was asked."""


class StoreUnavailable(StoreError):  # noqa: N818
    """The store cannot take points now; the same batch may be written again, as often as needed."""


class StoreRefused(StoreError):  # noqa: N818
    """The store will not take points until a person changes something; the text says what."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tables of one parcel, with what names their points."""

    tenant: str
    gateway: str
    epoch_number: int
    tables: Sequence[Table]
    device_time: frozenset[str] = field(default_factory=frozenset)
    """Datastreams whose points bear the device's own record time, without the epoch's digits."""


@dataclass(frozen=True, slots=True)
class RefusedPoint:
    """A point that can never be written; it goes to the dead letters."""

    tenant: str
    gateway: str
    datastream: str
    time_ns: int
    value: Value
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One stored value, or one bucket of a down-sampled series (then ``minimum`` and ``maximum`` frame the mean)."""

    time_us: int
    value: Value
    quality: int
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Marker:
    """A number that one cloud writes into the store from time to time, higher each time."""

    number: int
    at_us: int
    """When it was written, by the cloud's clock, which may jump: what is older goes by the number."""


class PointStore(Protocol):
    """What the cloud needs of a time-series store. Methods block; call them off the event loop."""

    def write(self, batches: Sequence[Batch]) -> list[RefusedPoint]:
        """Write durably, all points of all batches; return those that can never be written.

        Idempotent. Not finite, older than the retention or more than a day ahead is refused before writing.

        Raises:
            StoreUnavailable: nothing is promised about the batch; write it again.
            StoreRefused: the store wants a person.
        """
        ...

    def read(
        self, tenant: str, gateway: str, datastream: str, start_us: int, end_us: int, points_max: int
    ) -> list[Row]:
        """Return a series in ``[start_us, end_us)``, oldest first, down-sampled to at most ``points_max`` rows."""
        ...

    def count(self, tenant: str, gateway: str | None = None) -> Mapping[str, int]:
        """Return the number of stored points of each datastream, as ``gateway/datastream``."""
        ...

    def mark(self, name: str, marker: Marker) -> None:
        """Write a marker durably, under the name of the cloud whose it is; an older one takes no newer one away.

        Raises:
            StoreError: as :meth:`write` does.
        """
        ...

    def newest_mark(self, name: str) -> Marker | None:
        """Return the marker with the highest number under that name; None where the store has none.

        Raises:
            StoreError: it cannot be told now.
        """
        ...

    def check(self) -> None:
        """Raise :class:`StoreError` when the store cannot be used now."""
        ...

    def close(self) -> None:
        """Give connections and files back; the store cannot be used afterwards."""
        ...
