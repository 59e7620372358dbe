"""The outbox: commits beside bare SQLite, opening, salvaging a damaged file, draining through the whole agent."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.agent import Agent
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit
from benchmarks.listener import Listener
from benchmarks.processes import Process
from benchmarks.walks import Walk
from haechi.contract.parcel import ClockQuality
from haechi.edge.builder import Builder
from haechi.edge.outbox import Batch, Draft, Rank
from haechi.edge.outbox.opening import FILE, open_store
from haechi.edge.outbox.schema import PAGE_BYTES, connect
from haechi.edge.outbox.store import Store
from support.mosquitto import Mosquitto

_DATASTREAMS = 1_000
_BYTES_MAX = 2**40
_SLICES = 8
_PARCELS_A_COMMIT = 50
_LARGE_BYTES = 60_000
_DAMAGED_BYTES = 100_000_000
_LARGE_DATASTREAMS = 5_000


async def measure(bench: Bench) -> Sequence[Figure]:
    """Measure commits, opening and draining."""
    figures = [await asyncio.to_thread(_commits, bench)]
    figures += await _opening(bench)
    figures += await salvage(bench, _DAMAGED_BYTES)
    return figures + await _drain(bench)


def _commits(bench: Bench) -> Figure:
    """One parcel of 1,000 values a commit, in turns with the same rows and pragmas bare."""
    bench.say("commits, in turns with bare SQLite")
    store = _open(bench.folder / "commits")
    bare = connect(bench.folder / "bare.sqlite")
    [draft] = _drafts(store, 1)
    slice_s = bench.choose(0.5, 1.5)
    done_ours = done_bare = 0
    for _ in range(_SLICES):
        done_ours += _repeat(slice_s, lambda: store.commit(Batch((draft,)), _now_us()))
        done_bare += _repeat(slice_s, lambda: _commit_bare(bare, draft))
    store.close()
    bare.close()
    limit = Limit("bare SQLite, same pragmas and rows", done_bare / slice_s / _SLICES, "commits/s")
    return Figure("outbox.commits_per_s", done_ours / slice_s / _SLICES, "commits/s", compared_with=limit)


def _repeat(duration_s: float, work: Callable[[], object]) -> int:
    until_s = time.perf_counter() + duration_s
    done = 0
    while time.perf_counter() < until_s:
        work()
        done += 1
    return done


def _commit_bare(database: sqlite3.Connection, draft: Draft) -> None:
    database.execute("BEGIN IMMEDIATE")
    row = (1, 1, draft.rank, len(draft.body), 0, _now_us(), draft.observations, 0, draft.first_us, draft.last_us)
    cursor = database.execute(
        "INSERT INTO parcels (n, seq, rank, size, keeps, committed_at_us, observations, events, first_us, last_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    database.execute("INSERT INTO bodies VALUES (?, ?)", (cursor.lastrowid, draft.body))
    database.execute("COMMIT")


async def _opening(bench: Bench) -> list[Figure]:
    """Fill a large outbox, open it in a process of its own."""
    gigabytes = bench.choose(0.25, 1.0)
    bench.say(f"opening a backlog of {gigabytes:g} GB")
    folder = bench.folder / "large"
    await asyncio.to_thread(_fill_large, folder, int(gigabytes * 1e9))
    with Process(bench.folder, "benchmarks.opening", str(folder)) as opening:
        answer = await opening.line()
    assert answer["bytes"] >= 0.99 * gigabytes * 1e9
    return [
        Figure(f"outbox.open_{gigabytes:g}_gb", answer["seconds"], "s", 1),
        Figure(f"outbox.open_{gigabytes:g}_gb_memory", answer["grown_mb"], "MB"),
    ]


def _fill_large(folder: Path, size: int) -> None:
    store = _open(folder)
    body = bytes(_LARGE_BYTES)
    drafts = (Draft(Rank.LIVE, body, 8_000, 0, 1, 2),) * _PARCELS_A_COMMIT
    for _ in range(0, size, _LARGE_BYTES * _PARCELS_A_COMMIT):
        store.commit(Batch(drafts), _now_us())
    store.close()


async def salvage(bench: Bench, size: int) -> list[Figure]:
    """Fill an outbox with parcels that are worth reading, take its first page away, bring everything home."""
    bench.say(f"bringing home {size / 1e9:g} GB from a damaged file")
    folder = bench.folder / "damaged"
    parcels = await asyncio.to_thread(_fill_damaged, folder, size)
    with Process(bench.folder, "benchmarks.salvaging", str(folder)) as salvaging:
        answer = await salvaging.line()
    assert answer["parcels"] == parcels
    return [
        Figure("outbox.open_damaged", answer["opened_s"], "s", 1),
        Figure("outbox.salvage_mb_per_s", size / 1e6 / (answer["seconds"] - answer["opened_s"]), "MB/s", better="more"),
        Figure("outbox.salvage_memory", answer["grown_mb"], "MB"),
    ]


def _fill_damaged(folder: Path, size: int) -> int:
    store = _open(folder)
    drafts = tuple(_drafts(store, 50, _LARGE_DATASTREAMS))
    while store.figures().bytes < size:
        store.commit(Batch(drafts), _now_us())
    parcels = store.figures().parcels
    store.close()
    with (folder / FILE).open("r+b") as file:
        file.write(bytes(PAGE_BYTES))
    return parcels


async def _drain(bench: Bench) -> list[Figure]:
    """Fill an outbox with an outage of one-second parcels, then let the agent send it."""
    seconds = int(bench.choose(600, 3_600))
    bench.say(f"draining {seconds:,} parcels of {_DATASTREAMS:,} values")
    store = _open(bench.folder / "gateway" / "data")
    drafts = _drafts(store, 60)
    an_hour_ago_us = _now_us() - 3_600_000_000
    for number in range(seconds // len(drafts)):
        store.commit(Batch(tuple(drafts)), an_hour_ago_us + number * 60_000_000)
    held = store.figures().parcels
    store.close()
    async with Mosquitto(bench.folder) as broker, Listener(broker.port) as listener:

        def backlog_us() -> list[int]:
            return [one.at_us for one in listener.arrivals.values() if one.channel == "up/backlog"]

        with Agent(bench.folder / "gateway", broker.port) as agent:
            await listener.until(lambda: len(listener.arrivals) >= held and len(backlog_us()) >= held)
            await agent.stop()
        times_us = backlog_us()
    parcels_a_s = (len(times_us) - 1) / ((max(times_us) - min(times_us)) / 1e6)
    return [
        Figure("outbox.drain_parcels_per_s", parcels_a_s, "parcels/s"),
        Figure("outbox.drain_values_per_s", parcels_a_s * _DATASTREAMS, "values/s"),
        Figure("outbox.drain_repeats", listener.repeats, "parcels"),
    ]


def _open(folder: Path) -> Store:
    return open_store(folder, _BYTES_MAX, lambda _newest_us: _now_us()).store


def _drafts(store: Store, seconds: int, datastreams: int = _DATASTREAMS) -> list[Draft]:
    walk = Walk(datastreams)
    builder = Builder(walk.steps)
    drafts: list[Draft] = []
    for second in range(seconds):
        readings = list(walk.readings(_now_us() + 1_000_000 * second, 1))
        drafts += builder.observations(readings, store.epoch, ClockQuality.SYNCHRONISED)
    return drafts


def _now_us() -> int:
    return time.time_ns() // 1000
