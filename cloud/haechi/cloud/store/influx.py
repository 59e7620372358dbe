"""The time-series store in InfluxDB 1.8+, 2 or 3: written through influxdb-client, read by InfluxQL.

Measurement ``observation``; tags ``tenant``, ``gateway``, ``datastream``; fields ``v`` (every number, always float),
``s`` (text), ``b`` (truth), ``q`` (quality, an integer; a field because as a tag it would make a second point).
Measurement ``haechi_marker``; tag ``cloud``; fields ``n`` (the number) and ``at`` (microseconds); at most sixteen
points an hour.

Lines are built ready-made, with the escaped prefix of each series kept; 5,000 lines a request, packed with gzip level
1. A request that the server calls wrong (400) is halved until the bad line stands alone; the others are written.
"""

import gzip
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import urllib3
from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException

from haechi.cloud.store import Batch, Marker, RefusedPoint, Row, StoreRefused, StoreUnavailable
from haechi.cloud.store.influxql import InfluxQuery, identifier, text
from haechi.cloud.store.points import Limits, Point, admitted, clean_times_ns
from haechi.contract.observations import Table, Value

MEASUREMENT = "observation"
MARKERS = "haechi_marker"
_MARKER_SLOT_US = 3_600_000_000
_MARKERS_A_SLOT = 16
"""Later markers of a slot overwrite earlier ones, so that looking for the highest number stays cheap for years; but
only one that is sixteen lower, so that the slower one of two workers never takes the newest away."""
LINES_MAX = 5_000
_PREFIXES_KEPT_MAX = 200_000
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """Where the database is and how to enter it."""

    url: str
    """``http://host:port`` or ``https://host:port``, without credentials."""
    database: str
    bucket: str
    """What ``/api/v2/write`` calls it: the database, or ``database/retention``."""
    organisation: str = ""
    token: str = field(default="", repr=False)
    ca_file: str | None = None
    timeout_s: float = _TIMEOUT_S


class _Stretch(NamedTuple):
    """The lines of one table: where they begin, and the points that they were made of."""

    start: int
    batch: Batch
    table: Table
    times_ns: Sequence[int]
    points: Sequence[Point]

    def point(self, line: int) -> tuple[str, int, Value]:
        """Return datastream, time in nanoseconds and value of a line."""
        if self.points:
            return self.points[line - self.start][:3]
        column, row = divmod(line - self.start, len(self.times_ns))
        return self.table.datastreams[column], self.times_ns[row], self.table.columns[column][row]


class InfluxPoints:
    """Points in InfluxDB; see :class:`haechi.cloud.store.PointStore`."""

    def __init__(self, address: InfluxAddress, limits: Limits) -> None:
        self._address = address
        self._limits = limits
        self._prefixed: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
        self._prefixes_kept = 0
        token = address.token or None
        self._client = InfluxDBClient(
            url=address.url,
            token=token,
            org=address.organisation or "-",
            timeout=round(address.timeout_s * 1000),
            ssl_ca_cert=address.ca_file,
            retries=False,
        )
        self._writer = WriteService(self._client.api_client)
        headers = {"Authorization": f"Token {address.token}"} if token else {}
        self._query = InfluxQuery(address.url, address.database, headers, address.timeout_s, address.ca_file)

    def write(self, batches: Sequence[Batch]) -> list[RefusedPoint]:
        """Write all batches; see :class:`haechi.cloud.store.PointStore`."""
        refused: list[RefusedPoint] = []
        window_us = self._limits.window_us()
        lines: list[str] = []
        stretches = [
            self._append(lines, batch, table, window_us, refused) for batch in batches for table in batch.tables
        ]
        for start in range(0, len(lines), LINES_MAX):
            self._write(lines[start : start + LINES_MAX], start, stretches, refused)
        return refused

    def read(
        self, tenant: str, gateway: str, datastream: str, start_us: int, end_us: int, points_max: int
    ) -> list[Row]:
        """Return a series, oldest first; see :class:`haechi.cloud.store.PointStore`."""
        points_max = max(points_max, 1)
        source = (
            f"FROM {identifier(MEASUREMENT)} WHERE tenant = {text(tenant)} AND gateway = {text(gateway)} "
            f"AND datastream = {text(datastream)}"
        )
        start_ns, end_ns = max(start_us, 0) * 1000, min(end_us, 2**62 // 1000) * 1000
        if start_ns >= end_ns:
            return []
        within = f"{source} AND time >= {start_ns} AND time < {end_ns}"
        # A look at the outline first: the range that was asked for may be far wider than what is there.
        outline = self._query.ask(
            [
                f"SELECT count(q), count(v) {within}",
                f"SELECT q {within} ORDER BY time ASC LIMIT 1",
                f"SELECT q {within} ORDER BY time DESC LIMIT 1",
            ]
        )
        if not all(outline):
            return []
        _, count, numbers = outline[0][0]["values"][0]
        if count <= points_max:
            return _plain(self._query.ask([f"SELECT v, s, b, q {within} ORDER BY time ASC"])[0])
        first_ns, last_ns = int(outline[1][0]["values"][0][0]), int(outline[2][0]["values"][0][0])
        width_us = (last_ns - first_ns) // 1000 // points_max + 1
        buckets = (
            f"AND time >= {first_ns} AND time <= {last_ns} "
            f"GROUP BY time({width_us}u, {first_ns // 1000 % width_us}u) fill(none)"
        )
        if numbers:
            return _means(self._query.ask([f"SELECT mean(v), min(v), max(v), max(q) {source} {buckets}"])[0])
        return _lasts(self._query.ask([f"SELECT last(s), last(b), max(q) {source} {buckets}"])[0])

    def count(self, tenant: str, gateway: str | None = None) -> Mapping[str, int]:
        """Return how many points each datastream has; see :class:`haechi.cloud.store.PointStore`."""
        only = "" if gateway is None else f" AND gateway = {text(gateway)}"
        source = f"FROM {identifier(MEASUREMENT)} WHERE tenant = {text(tenant)}{only}"
        series = self._query.ask([f"SELECT count(q) {source} GROUP BY gateway, datastream"])[0]
        return {f"{one['tags']['gateway']}/{one['tags']['datastream']}": int(one["values"][0][1]) for one in series}

    def mark(self, name: str, marker: Marker) -> None:
        """Write a marker; see :class:`haechi.cloud.store.PointStore`."""
        slot_ns = marker.at_us // _MARKER_SLOT_US * _MARKER_SLOT_US * 1000 + marker.number % _MARKERS_A_SLOT
        problem = self._post([f"{MARKERS},cloud={_tag(name)} n={marker.number}i,at={marker.at_us}i {slot_ns}"])
        if problem is not None:
            raise StoreRefused(f"InfluxDB at {self._address.url} refuses the marker of this cloud: {problem}")

    def newest_mark(self, name: str) -> Marker | None:
        """Return the newest marker; see :class:`haechi.cloud.store.PointStore`."""
        # By number and not by time: a clock that once stood in the future would own the newest time for years.
        source = f"FROM {identifier(MARKERS)} WHERE cloud = {text(name)}"
        series = self._query.ask([f"SELECT max(n), at {source}"])[0]
        return Marker(*map(int, series[0]["values"][0][1:])) if series else None

    def check(self) -> None:
        """Raise :class:`haechi.cloud.store.StoreError` when the database cannot be used now."""
        self._query.ask([f"SELECT q FROM {identifier(MEASUREMENT)} LIMIT 1"])  # noqa: S608 - a constant

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._query.close()

    def _append(
        self,
        lines: list[str],
        batch: Batch,
        table: Table,
        window_us: tuple[int, int],
        refused: list[RefusedPoint],
    ) -> "_Stretch":
        """Append the lines of a table; return whose they are."""
        start = len(lines)
        prefixes = self._prefixes(batch, table.datastreams)
        times_ns = None if table.qualities else clean_times_ns(batch, table, window_us)
        if times_ns is None:
            prefixed = dict(zip(table.datastreams, prefixes, strict=True))
            points = list(admitted(batch, table, window_us, refused))
            lines.extend(
                f"{prefixed[datastream]}{_field(value)},q={quality}i {time_ns}"
                for datastream, time_ns, value, quality in points
            )
            return _Stretch(start, batch, table, (), points)
        tails = [f",q=0i {time_ns}" for time_ns in times_ns]
        if len(tails) == 1:  # what changes once a second: a loop of its own for each column costs more than its line
            lines += [
                f"{prefix}v={value!r}{tails[0]}" if type(value) is float else f"{prefix}{_field(value)}{tails[0]}"
                for prefix, (value,) in zip(prefixes, table.columns, strict=True)
            ]
            return _Stretch(start, batch, table, times_ns, ())
        for prefix, values in zip(prefixes, table.columns, strict=True):
            for value, tail in zip(values, tails, strict=True):
                if type(value) is float:
                    lines.append(f"{prefix}v={value!r}{tail}")
                else:
                    lines.append(f"{prefix}{_field(value)}{tail}")
        return _Stretch(start, batch, table, times_ns, ())

    def _prefixes(self, batch: Batch, datastreams: tuple[str, ...]) -> list[str]:
        """Return measurement and tags of each datastream, ready-made; kept, because the next parcel has the same."""
        name = (batch.tenant, batch.gateway, datastreams)
        prefixes = self._prefixed.get(name)
        if prefixes is None:
            if self._prefixes_kept > _PREFIXES_KEPT_MAX:
                self._prefixed.clear()
                self._prefixes_kept = 0
            # Tags in the order of their names, which spares the server sorting them.
            end = f",gateway={_tag(batch.gateway)},tenant={_tag(batch.tenant)} "
            prefixes = [f"{MEASUREMENT},datastream={_tag(datastream)}{end}" for datastream in datastreams]
            self._prefixed[name] = prefixes
            self._prefixes_kept += len(prefixes)
        return prefixes

    def _write(
        self, lines: Sequence[str], first: int, stretches: Sequence["_Stretch"], refused: list[RefusedPoint]
    ) -> None:
        problem = self._post(lines)
        if problem is None:
            return
        if len(lines) == 1:
            owner = stretches[bisect_right(stretches, first, key=lambda stretch: stretch.start) - 1]
            datastream, time_ns, value = owner.point(first)
            refused.append(RefusedPoint(owner.batch.tenant, owner.batch.gateway, datastream, time_ns, value, problem))
            return
        middle = len(lines) // 2
        self._write(lines[:middle], first, stretches, refused)
        self._write(lines[middle:], first + middle, stretches, refused)

    def _post(self, lines: Sequence[str]) -> str | None:
        """Send lines; return what the server finds wrong with them, None when they are written."""
        body = gzip.compress("\n".join(lines).encode(), compresslevel=1, mtime=0)
        try:
            self._writer.post_write(
                org=self._address.organisation or "-",
                bucket=self._address.bucket,
                body=body,
                precision="ns",
                content_encoding="gzip",
                content_type="text/plain; charset=utf-8",
            )
        except ApiException as error:
            return self._judge(error, len(lines))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailable(
                f"InfluxDB at {self._address.url} does not answer: {type(error).__name__}"
            ) from error
        return None

    def _judge(self, error: ApiException, lines: int) -> str:
        status = int(error.status or 0)
        words = " ".join(str(error.body or error.reason or "").split())[:300]
        if status in (400, 422) or (status == 413 and lines > 1):
            return words or f"status {status}"
        if status in (401, 403, 404):
            raise StoreRefused(
                f"InfluxDB at {self._address.url} refuses (status {status}): {words}; "
                f"expected database {self._address.database!r} and a token that may write to it"
            ) from error
        raise StoreUnavailable(f"InfluxDB at {self._address.url} answers {status}: {words}") from error


def _tag(value: str) -> str:
    """Escape a tag's value: commas, equals signs and spaces."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ").replace("\n", "\\n")


def _field(value: Value) -> str:
    if isinstance(value, bool):
        return f"b={value}"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f's="{escaped}"'
    return f"v={float(value)!r}"


def _plain(series: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [
        Row(time_ns // 1000, _value(v, s, b), int(q or 0)) for one in series for time_ns, v, s, b, q in one["values"]
    ]


def _means(series: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [
        Row(time_ns // 1000, mean, int(q or 0), low, high)
        for one in series
        for time_ns, mean, low, high, q in one["values"]
        if mean is not None
    ]


def _lasts(series: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [
        Row(time_ns // 1000, _value(None, s, b), int(q or 0)) for one in series for time_ns, s, b, q in one["values"]
    ]


def _value(v: float | None, s: str | None, b: bool | None) -> Value:
    if b is not None:
        return b
    return s if s is not None else (0.0 if v is None else float(v))
