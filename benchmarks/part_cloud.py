"""The cloud: MQTT → embedded store and → InfluxDB, beside the same points written bare to the same kind of store."""

import asyncio
import gzip
import http.client
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.feeder import Feeder, Message
from benchmarks.figures import Figure, Limit, percentile
from benchmarks.processes import Meter, rss_mb
from benchmarks.simulated import TENANT, parcels
from haechi.contract.observations import Table
from support.cloud import CloudProcess
from support.influx import DATABASE, InfluxServer
from support.mosquitto import Mosquitto

FLOOR_RATIO = 0.8
_GATEWAYS = 10
_DATASTREAMS = 1_000
_ROUNDS = 5
_LINES_A_REQUEST = 5_000
_ROWS_A_COMMIT = 50_000
_SERIES = "gateway-{number}"


class _Load:
    """What all gateways send, round by round; every round has times of its own, so that no point is written twice."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._start_us = time.time_ns() // 1000 - 3_600_000_000
        self.observations = seconds * _GATEWAYS * _DATASTREAMS

    def messages(self, turn: int) -> list[Message]:
        """Return the parcels of one round, gateways in turns."""
        return [message for message, _tables in self._all(turn, bare=False)]

    def tables(self, turn: int) -> list[tuple[str, Table]]:
        """Return the same number of points as gateway and table, at other times."""
        return [(message.gateway, table) for message, inside in self._all(turn, bare=True) for table in inside]

    def _all(self, turn: int, *, bare: bool) -> Iterator[tuple[Message, list[Table]]]:
        start_us = self._start_us + 1_000_000 * self._seconds * (2 * turn + bare)
        streams = [
            parcels(_SERIES.format(number=number), self._seconds, _DATASTREAMS, 1 + turn * self._seconds, start_us)
            for number in range(_GATEWAYS)
        ]
        return chain.from_iterable(zip(*streams, strict=True))


async def measure_embedded(bench: Bench) -> Sequence[Figure]:
    """MQTT → embedded store."""
    load = await asyncio.to_thread(_Load, int(bench.choose(8, 20)))
    bare = _BareSqlite(bench.folder / "bare.sqlite")
    rates = await _in_turns(bench, load, bare.write, ())
    bare.close()
    limit = Limit("bare SQLite, same pragmas and rows", rates.bare, "rows/s")
    return [
        Figure("cloud.embedded_observations_per_s", rates.cloud, "observations/s", compared_with=limit),
        Figure("cloud.embedded_cpu_per_1000", rates.cpu_s_a_1000, "s"),
        Figure("cloud.embedded_rss", rates.rss_mb, "MB"),
    ]


async def measure_influx(bench: Bench) -> Sequence[Figure]:
    """MQTT → InfluxDB."""
    load = await asyncio.to_thread(_Load, int(bench.choose(8, 20)))
    with InfluxServer(bench.folder) as influx:
        store = f"influxdb://127.0.0.1:{influx.port}/{DATABASE}"
        rates = await _in_turns(bench, load, lambda tables: _post_bare(influx.port, tables), ("--store", store))
    limit = Limit("bare loop posting the same lines", rates.bare, "lines/s")
    return [
        Figure("cloud.influx_observations_per_s", rates.cloud, "observations/s", compared_with=limit),
        # The median of the turns: what else the machine does rarely meets both halves of one turn alike.
        Figure("cloud.influx_share_of_bare", percentile(rates.shares, 0.5), "×", FLOOR_RATIO, "more", limit),
        Figure("cloud.influx_cpu_per_1000", rates.cpu_s_a_1000, "s"),
        Figure("cloud.influx_rss", rates.rss_mb, "MB"),
    ]


class _Rates:
    """Observations per second, this way and bare."""

    def __init__(self) -> None:
        self.cloud = self.bare = self.cpu_s_a_1000 = self.rss_mb = 0.0
        self.shares: list[float] = []


async def _in_turns(
    bench: Bench, load: _Load, write_bare: Callable[[list[tuple[str, Table]]], None], options: tuple[str, ...]
) -> _Rates:
    rates = _Rates()
    cloud_s = bare_s = cpu_used_s = 0.0
    async with (
        Mosquitto(bench.folder) as broker,
        CloudProcess(bench.folder / "cloud", "--broker", f"mqtt://127.0.0.1:{broker.port}", *options) as cloud,
        Feeder(broker.port, TENANT) as feeder,
    ):
        for turn in range(_ROUNDS + 1):
            messages = await asyncio.to_thread(load.messages, turn)
            tables = await asyncio.to_thread(load.tables, turn)
            meter = Meter(cloud.pid)
            took_s = await feeder.feed(messages, 60)
            spent_s = meter.read()[1]
            begun_s = time.monotonic()
            await asyncio.to_thread(write_bare, tables)
            took_bare_s = time.monotonic() - begun_s
            bench.say(
                f"{load.observations / took_s:,.0f} observations/s, bare {load.observations / took_bare_s:,.0f}"
                + ("" if turn else " (to warm up: not counted)")
            )
            if turn:
                rates.shares.append(took_bare_s / took_s)
                cloud_s, bare_s, cpu_used_s = cloud_s + took_s, bare_s + took_bare_s, cpu_used_s + spent_s
        rates.rss_mb = rss_mb(cloud.pid)
    total = load.observations * _ROUNDS
    rates.cloud, rates.bare, rates.cpu_s_a_1000 = total / cloud_s, total / bare_s, 1000 * cpu_used_s / total
    return rates


def _post_bare(port: int, tables: Iterable[tuple[str, Table]]) -> None:
    """Build the lines and post them, 5,000 a request, gzip level 1, one connection: what a bare loop would do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    lines = chain.from_iterable(_lines(gateway, table) for gateway, table in tables)
    while some := list(islice(lines, _LINES_A_REQUEST)):
        body = gzip.compress("\n".join(some).encode(), compresslevel=1)
        where = f"/api/v2/write?org=-&bucket={DATABASE}&precision=ns"
        connection.request("POST", where, body, {"Content-Encoding": "gzip", "Content-Type": "text/plain"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 204, answer.status
    connection.close()


def _lines(gateway: str, table: Table) -> Iterator[str]:
    for datastream, values in zip(table.datastreams, table.columns, strict=True):
        for time_us, value in zip(table.times_us, values, strict=True):
            tags = f"datastream={datastream},gateway={gateway},tenant={TENANT}"
            yield f"observation,{tags} v={value!r},q=0i {time_us * 1000}"


class _BareSqlite:
    """The rows of the embedded store, written by hand."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(
            "CREATE TABLE points (series INTEGER NOT NULL, time_ns INTEGER NOT NULL, v REAL, text TEXT, truth INTEGER,"
            " quality INTEGER NOT NULL, PRIMARY KEY (series, time_ns)) WITHOUT ROWID"
        )
        self._numbers: dict[tuple[str, str], int] = {}

    def write(self, tables: Iterable[tuple[str, Table]]) -> None:
        """Write rows in transactions of 50,000, about what the cloud commits at once."""
        rows = chain.from_iterable(self._rows(gateway, table) for gateway, table in tables)
        while some := list(islice(rows, _ROWS_A_COMMIT)):
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, NULL, NULL, 0)", some)
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _rows(self, gateway: str, table: Table) -> Iterator[tuple[int, int, object]]:
        for datastream, values in zip(table.datastreams, table.columns, strict=True):
            number = self._numbers.setdefault((gateway, datastream), len(self._numbers))
            for time_us, value in zip(table.times_us, values, strict=True):
                yield number, time_us * 1000, value
