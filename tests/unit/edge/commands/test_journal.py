"""What a crash, a stop or a lost journal leaves: nothing is given twice, everything is set back."""

import asyncio

import pytest

from haechi.edge.commands.journal import ENTRIES_MAX, Entry, Journal, JournalFull
from haechi.edge.outbox import OutboxFailed
from support.command_desk import NOW_US, Scene, command, running


async def test_it_is_in_the_journal_before_it_is_written(scene: Scene) -> None:
    scene.post.hangs.clear()
    async with running(scene):
        scene.desk.give(command())
        await scene.until(lambda: bool(scene.post.told), scene.post.changed)
        (entry,) = await Journal(scene.outbox).entries()
        assert (entry.state, entry.away, entry.by) == ("begun", True, "Kim")


async def test_what_was_under_way_at_a_crash_is_unknown_not_sent_again_and_set_back(scene: Scene) -> None:
    begun = Entry(
        id="command-1", device="post-1", actuator="siren", value=True, by="Kim", state="begun", at_us=NOW_US, away=True
    )
    assert await Journal(scene.outbox).put(begun)
    async with running(scene):
        result = await scene.result("command-1")
        assert (result.state, "is not tried again" in result.detail) == ("unknown", True)
        scene.desk.give(command())
        scene.desk.give(command("command-2", "sign", "FLOOD"))
        await scene.result("command-2")
        await scene.until(lambda: len(scene.post.told) == 2, scene.post.changed)
        assert sorted(scene.post.told) == [("sign", "FLOOD", 3600.0), ("siren", False, 60.0)]
        assert (await scene.result("command-1")).state == "unknown"


async def test_a_command_before_the_journal_is_read_is_unknown_until_the_journal_tells(
    scene: Scene,
) -> None:
    done = Entry(id="command-1", device="post-1", actuator="siren", value=True, by="", state="done", at_us=NOW_US - 9)
    assert await Journal(scene.outbox).put(done)
    scene.desk.give(command())
    scene.desk.give(command("command-2"))
    assert {one.state for one in scene.desk.results} == {"unknown"}
    async with running(scene):
        assert (await scene.result("command-1")).state == "done"
        assert next(one.at_us for one in scene.desk.results if one.id == "command-1") == NOW_US
        scene.desk.give(command("command-2"))
        scene.desk.give(command("command-3", "light", 20.0))
        await scene.result("command-3")
    assert [name for name, _value, _on_s in scene.post.told] == ["light"]


async def test_what_was_left_away_and_may_not_be_commanded_any_more_is_told(scene: Scene) -> None:
    left = Entry(
        id="command-1", device="gate-1", actuator="barrier", value=True, by="", state="done", at_us=NOW_US, away=True
    )
    assert await Journal(scene.outbox).put(left)
    async with running(scene):
        assert "gate-1.barrier may be away from its fail-safe state" in scene.health.problems[0]


async def test_setting_back_after_a_lost_journal_waits_for_no_disk(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(_work: object) -> None:
        raise OutboxFailed("the disk of the outbox refused")

    scene.new_desk(journal_lost=True)
    scene.post.trouble = OSError("cable")
    monkeypatch.setattr(scene.outbox, "within", refuses)
    task = asyncio.create_task(scene.desk.run(lambda: None))
    await scene.until(lambda: len(scene.post.told) == 3 and len(scene.health.problems) == 3, scene.post.changed)
    scene.post.trouble = None
    scene.now_s += 10
    await scene.until(lambda: len(scene.post.told) == 6, scene.post.changed)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_stop_sets_everything_back(scene: Scene) -> None:
    async with running(scene):
        scene.desk.give(command())
        await scene.result("command-1")
    await scene.desk.finish()
    assert [told[:2] for told in scene.post.told] == [("siren", True), ("siren", False)]
    (entry,) = await Journal(scene.outbox).entries()
    assert (entry.state, entry.away) == ("done", False)


async def test_a_journal_that_cannot_be_written_lets_nothing_through(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(_work: object) -> None:
        raise OutboxFailed("the disk of the outbox refused")

    async with running(scene):
        monkeypatch.setattr(scene.outbox, "within", refuses)
        scene.desk.give(command())
        result = await scene.result("command-1")
        assert (result.state, "the disk of the outbox refused" in result.detail) == ("refused", True)
    assert scene.post.told == []


async def test_after_a_lost_journal_all_is_set_back_and_refused_until_nothing_old_is_valid(scene: Scene) -> None:
    scene.new_desk(journal_lost=True)
    async with running(scene):
        assert sorted(told[:2] for told in scene.post.told) == [("light", 10.0), ("sign", ""), ("siren", False)]
        scene.desk.give(command())
        assert (await scene.result("command-1")).state == "unknown"
        scene.now_s += 600
        scene.desk.give(command("command-2"))
        assert (await scene.result("command-2")).state == "done"


async def test_the_journal_is_bounded_and_forgets_only_what_is_over(scene: Scene) -> None:
    journal = Journal(scene.outbox)

    def entry(number: int, at_us: int, *, away: bool = False) -> Entry:
        return Entry(
            id=f"command-{number}",
            device="post-1",
            actuator="siren",
            value=True,
            by="",
            state="done",
            at_us=at_us,
            away=away,
        )

    await journal.finish([entry(number, NOW_US, away=number == 0) for number in range(ENTRIES_MAX)])
    with pytest.raises(JournalFull):
        await journal.put(entry(9999, NOW_US + 1))
    assert await journal.put(entry(9999, NOW_US + 3_700_000_000))
    assert [one.id for one in await journal.entries()] == ["command-0", "command-9999"]
