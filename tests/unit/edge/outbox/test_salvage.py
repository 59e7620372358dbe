"""A damaged outbox file: what can be read comes home under its old name, the rest is a loss record."""

import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haechi.contract.codec import decode_body, encode_body
from haechi.contract.events import Event, Phase, Severity
from haechi.contract.observations import Reading, tables
from haechi.contract.parcel import LossCause, LossRecord, Parcel, ParcelName
from haechi.contract.places import Place
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Draft, Epoch, Rank
from haechi.edge.outbox.damage import DAMAGED
from haechi.edge.outbox.opening import FILE, open_store
from haechi.edge.outbox.queue import Outbox
from haechi.edge.outbox.salvage import Salvage

NOW_US = 1_800_000_000_000_000
PARCELS = 60


def body(epoch: Epoch, number: int, noise: random.Random) -> tuple[Rank, bytes]:
    parcel = Parcel(epoch_order=epoch.order, epoch_number=epoch.number)
    if number == 0:
        parcel.places = [Place(id="bridge", name="Bridge", latitude=36.0, longitude=127.0)]
        return Rank.URGENT, encode_body(parcel)
    # Noise does not pack: small parcels share a page, large ones run over many.
    count = noise.choice((1, 20, 400, 3000))
    readings = [Reading(NOW_US + number * 1000 + i, ("a.b",), (noise.random(),)) for i in range(count)]
    parcel.tables = tables(readings, {})
    return Rank.LIVE, encode_body(parcel)


def filled(folder: Path, *, checkpoint: bool) -> dict[ParcelName, bytes]:
    """Leave an outbox behind as a killed agent does; return what it holds."""
    opening = open_store(folder, 10**8, lambda newest_us: max(newest_us, NOW_US))
    store, noise = opening.store, random.Random(1)
    for number in range(PARCELS):
        rank, content = body(store.epoch, number, noise)
        observations = decode_count(content)
        store.commit(Batch((Draft(rank, content, observations, 0, NOW_US, NOW_US),)), NOW_US + number)
    stated = Event(
        id="event-00001",
        type="flood.level_high",
        source="river-1",
        subject="bridge",
        time_us=1,
        phase=Phase.RAISED,
        condition="river-1.alarm",
        severity=Severity.SEVERE,
    )
    store.commit(Batch((), (stated,)), NOW_US)
    held = [held for rank in Rank for held in store.waiting(rank, 0, None, 1000)]
    kept = {each.name: store.read(each.id) or b"" for each in held}
    if checkpoint:
        store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log = b""
    else:
        log = (folder / f"{FILE}-wal").read_bytes()
    store._database.close()
    if log:
        # Closing the last connection moves the log into the file; a killed agent leaves both.
        (folder / f"{FILE}-wal").write_bytes(log)
    opening.lock.close()
    return kept


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def decode_count(content: bytes) -> int:
    return decode_body(1, content).observation_count


def damage(folder: Path, how: str) -> None:
    path = folder / FILE
    content = bytearray(path.read_bytes())
    pages = len(content) // 4096
    noise = random.Random(how)
    match how:
        case "header":
            content[:4096] = b"rubbish." * 512
        case "truncated":
            del content[len(content) // 2 :]
        case "torn":
            for page in noise.sample(range(1, pages), pages // 10):
                content[page * 4096 + 2048 : (page + 1) * 4096] = bytes(2048)
        case "flipped":
            for _ in range(300):
                content[noise.randrange(4096, len(content))] ^= 1 << noise.randrange(8)
            for page in range(1, pages):
                # The kind of every tree page: the tables are gone, the parcels are not.
                if content[page * 4096] in {2, 5, 10, 13}:
                    content[page * 4096] ^= 0x40
        case "everything":
            content[:] = b"rubbish." * (len(content) // 8)
    path.write_bytes(content)


async def reopened(folder: Path, *, suspect: bool = True) -> Outbox:
    return await Outbox.open(folder, 10**8, lambda newest_us: max(newest_us, NOW_US), suspect=suspect)


async def contents(outbox: Outbox) -> dict[ParcelName, bytes]:
    held = [held for rank in Rank for held in await outbox.waiting(rank, 0, None, 1000)]
    return {each.name: await outbox.read(each.id) or b"" for each in held}


def lost(records: list[LossRecord]) -> set[ParcelName]:
    return {
        ParcelName(bytes.fromhex(part.epoch), seq)
        for record in records
        if record.cause is LossCause.CORRUPT
        for part in record.ranges
        for seq in range(part.first, (part.last or part.first) + 1)
    }


@pytest.fixture
async def outboxes() -> AsyncIterator[list[Outbox]]:
    opened: list[Outbox] = []
    yield opened
    for outbox in opened:
        await outbox.close()


@pytest.mark.parametrize("how", ["header", "truncated", "torn", "flipped", "everything"])
async def test_what_is_whole_comes_home_and_the_rest_is_reported(
    tmp_path: Path, how: str, outboxes: list[Outbox]
) -> None:
    before = filled(tmp_path, checkpoint=True)
    damage(tmp_path, how)
    outbox = await reopened(tmp_path)
    outboxes.append(outbox)
    assert outbox.opened.set_aside
    found: list[None] = []
    await Salvage(outbox, tmp_path, lambda: NOW_US, lambda: found.append(None)).run()

    after = {name: parcel for name, parcel in (await contents(outbox)).items() if name.epoch != outbox.epoch.epoch}
    assert after.items() <= before.items()
    reported = await outbox.losses()
    if how == "everything":
        assert not after
        assert [(record.cause, record.ranges) for record in reported] == [(LossCause.CORRUPT, ())]
        return
    assert len(after) > len(before) // 4
    missing = before.keys() - after.keys()
    known = {record.epoch for record in await outbox.held_epochs()}
    assert {name.epoch.hex() for name in after} <= known
    # Where the tables do not say how far the epoch went, the cloud asks when the epoch is held no more.
    newest = max((name.seq for name in after), default=0)
    assert lost(reported) >= {name for name in missing if name.seq < newest}
    assert not lost(reported) & after.keys()
    assert found


@pytest.mark.parametrize("log_has_header", [True, False])
async def test_the_log_is_read_as_well(tmp_path: Path, outboxes: list[Outbox], log_has_header: bool) -> None:
    before = filled(tmp_path, checkpoint=False)
    damage(tmp_path, "everything")
    if not log_has_header:
        log = tmp_path / f"{FILE}-wal"
        log.write_bytes(b"rubbish." * 4 + log.read_bytes()[32:])
    outbox = await reopened(tmp_path)
    outboxes.append(outbox)
    await Salvage(outbox, tmp_path, lambda: NOW_US, lambda: None).run()
    assert len(set(await contents(outbox)) & set(before)) == len(before)
    assert not any(name.endswith("-log") for name in names(tmp_path))


async def test_tables_that_can_be_read_carry_conditions_totals_and_what_was_settled(
    tmp_path: Path, outboxes: list[Outbox]
) -> None:
    before = filled(tmp_path, checkpoint=True)
    first = await reopened(tmp_path, suspect=False)
    epoch = next(iter(before)).epoch
    await first.settle(epoch, RangeSet([(1, 40)]))
    committed = (await first.figures()).observations_committed
    order = first.epoch.order
    await first.close()
    # A layout of tomorrow: the database is whole, yet this software must not use it.
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    outbox = await reopened(tmp_path)
    outboxes.append(outbox)
    assert [event.condition for event in await outbox.conditions()] == ["river-1.alarm"]
    assert outbox.epoch.order > order
    assert any(held.epoch == epoch.hex() and held.lowest == 1 for held in await outbox.held_epochs())
    await Salvage(outbox, tmp_path, lambda: NOW_US, lambda: None).run()
    assert {name.seq for name in await contents(outbox) if name.epoch == epoch} == set(range(41, PARCELS + 1))
    assert (await outbox.figures()).observations_committed == committed
    assert [record.cause for record in await outbox.losses()] == [LossCause.UNCLEAN_STOP]


async def test_a_salvage_that_is_cut_off_goes_on_and_takes_nothing_twice(
    tmp_path: Path, outboxes: list[Outbox]
) -> None:
    before = filled(tmp_path, checkpoint=True)
    damage(tmp_path, "header")
    outbox = await reopened(tmp_path)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await Salvage(outbox, tmp_path, lambda: NOW_US, stop).run()
    await outbox.close()
    again = await reopened(tmp_path, suspect=False)
    outboxes.append(again)
    await Salvage(again, tmp_path, lambda: NOW_US, lambda: None).run()
    found = [held.name for rank in Rank for held in await again.waiting(rank, 0, None, 1000)]
    assert sorted(name for name in found if name in before) == sorted(before)
    again_found = Salvage(again, tmp_path, lambda: NOW_US, lambda: None)
    await again_found.run()
    assert again_found.parcels_saved == 0


async def test_a_large_file_goes_when_it_is_empty(
    tmp_path: Path, outboxes: list[Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, checkpoint=True)
    damage(tmp_path, "header")
    outbox = await reopened(tmp_path)
    outboxes.append(outbox)
    monkeypatch.setattr("haechi.edge.outbox.salvage._KEPT_BYTES_MAX", 1000)
    await Salvage(outbox, tmp_path, lambda: NOW_US, lambda: None).run()
    assert not any(name.startswith(DAMAGED) for name in names(tmp_path))
