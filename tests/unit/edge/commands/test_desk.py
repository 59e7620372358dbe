"""Commands to devices: at most once, journalled before they are written, unknown after a crash, set back in time."""

import asyncio

import pytest
from msgspec.structs import replace

from haechi.contract.control import Command
from haechi.contract.observations import Value
from haechi.contract.parcel import ClockQuality
from haechi.contract.seals import sealed
from haechi.edge.commands.journal import Journal
from haechi.edge.outbox import OutboxFailed
from haechi.sdk import NotDone
from support.command_desk import KEY, NOW_US, Scene, command, running


async def test_a_command_without_this_gateways_seal_is_counted_and_nothing_else(scene: Scene) -> None:
    true = command()
    forged = [
        replace(true, seal=""),
        replace(true, value=False),
        replace(true, expires_us=true.expires_us + 1),
        replace(true, id="command-2"),
        sealed(true, KEY, "city", "gw-2"),
        sealed(true, b"y" * 32, "city", "gw-1"),
    ]
    async with running(scene):
        for one in forged:
            scene.desk.give(one)
        scene.desk.give(command("command-9", "light", 20.0))
        await scene.result("command-9")
    assert (scene.desk.counters["forged"], len(scene.desk.results)) == (len(forged), 1)
    assert [name for name, _value, _on_s in scene.post.told] == ["light"]


async def test_a_clip_is_asked_for_on_the_same_way_sealed_and_once(scene: Scene) -> None:
    wish = Command(id="clip-0001", name="clip", expires_us=NOW_US + 1, thing="camera-1", event="event-0001")
    scene.desk.give(wish)
    assert (scene.clips, scene.desk.counters["forged"]) == ([], 1)
    true = sealed(wish, KEY, "city", "gw-1")
    for _time in range(2):
        scene.desk.give(true)
    assert scene.clips == [true]
    assert scene.desk.results == ()


async def test_a_command_is_carried_out_once_however_often_it_comes(scene: Scene) -> None:
    async with running(scene):
        for _time in range(3):
            scene.desk.give(command(on_s=5.0))
        scene.desk.give(command("command-2", "light", 40.0))
        assert (await scene.result("command-2")).state == "done"
        assert (await scene.result("command-1")).state == "done"
    assert scene.post.told == [("siren", True, 5.0), ("light", 40.0, 3600.0)]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (command(actuator="door"), "post-1.door may not be commanded here"),
        (command(thing="post-2"), "post-2.siren may not be commanded here"),
        (command(value=None), "no value"),
        (command(value=1.0), "expected true or false"),
        (command(actuator="light", value=True), "expected 0 to 100 %"),
        (command(actuator="light", value=100.5), "expected 0 to 100 %"),
        (command(actuator="light", value="full"), "expected 0 to 100 %"),
        (command(actuator="sign", value="TOO LONG A TEXT"), "expected a text of at most 8 characters"),
        (command(actuator="sign", value="A\nB"), "expected a text of at most 8 characters"),
        (command(on_s=61.0), "on_s: expected at most 60"),
        (command(expires_us=NOW_US + 3600 * 1_000_000), "one of the clocks is wrong"),
    ],
)
async def test_what_may_not_be_is_refused_and_never_written(scene: Scene, asked: Command, why: str) -> None:
    async with running(scene):
        scene.desk.give(asked)
        result = await scene.result(asked.id)
        assert result.state == "refused"
        assert why in result.detail
    assert scene.post.told == []


async def test_a_command_expires_by_the_clock_and_by_waiting(scene: Scene) -> None:
    async with running(scene):
        scene.desk.give(command("late-by-clock", expires_us=NOW_US - 1))
        assert (await scene.result("late-by-clock")).state == "expired"
        scene.post.hangs.clear()
        scene.desk.give(command("command-1"))
        await scene.until(lambda: bool(scene.post.told), scene.post.changed)
        scene.desk.give(command("late-by-wait", "light", 20.0, valid_s=5.0))
        scene.now_s += 6
        scene.post.hangs.set()
        assert (await scene.result("late-by-wait")).state == "expired"
    assert [name for name, _value, _on_s in scene.post.told] == ["siren"]


async def test_without_the_time_nothing_is_carried_out(scene: Scene) -> None:
    scene.quality = ClockQuality.LIFTED
    async with running(scene):
        scene.desk.give(command())
        assert (await scene.result("command-1")).state == "refused"
    assert scene.post.told == []


@pytest.mark.parametrize(
    ("trouble", "state"), [(NotDone("locked"), "refused"), (OSError("cable"), "unknown"), (TimeoutError(), "unknown")]
)
async def test_only_what_changed_nothing_for_certain_is_refused(scene: Scene, trouble: Exception, state: str) -> None:
    scene.post.trouble = trouble
    async with running(scene):
        scene.desk.give(command())
        assert (await scene.result("command-1")).state == state
        (entry,) = await Journal(scene.outbox).entries()
        assert (entry.state, entry.away) == (state, state == "unknown")
    assert len(scene.post.told) == 1


async def test_it_is_set_back_after_its_time_and_again_until_the_device_confirms(scene: Scene) -> None:
    shown = asyncio.Event()
    scene.health.on_change = shown.set
    async with running(scene):
        scene.desk.give(command(on_s=0.05))
        await scene.result("command-1")
        scene.post.trouble = OSError("cable")
        scene.now_s += 1
        await scene.until(lambda: bool(scene.health.problems), shown)
        assert "post-1.siren cannot be set back" in scene.health.problems[0]
        scene.post.trouble = None
        scene.now_s += 10
        scene.desk.give(command("command-2", "light", 10.0))  # it wakes sooner than for its next look
        await scene.until(lambda: not scene.health.problems, shown)
    assert [told[:2] for told in scene.post.told] == [
        ("siren", True),
        ("siren", False),
        ("light", 10.0),
        ("siren", False),
    ]


async def test_what_may_be_told_is_told_with_how_it_stands(scene: Scene) -> None:
    def siren() -> tuple[Value | None, int | None]:
        one = next(one for one in scene.desk.actuators if one.name == "siren")
        return one.state, one.back_us

    async with running(scene):
        light = next(one for one in scene.desk.actuators if one.name == "light")
        assert (light.device, light.kind, light.unit, light.maximum) == ("post-1", "level", "%", 100.0)
        assert siren() == (None, None), "nobody knows how it stands before it was told anything"
        scene.desk.give(command(on_s=20.0))
        await scene.result("command-1")
        assert siren() == (True, NOW_US + 20_000_000)
        scene.now_s += 30
        scene.desk.give(command("command-2", "light", 20.0))  # it wakes sooner than for its next look
        await scene.until(lambda: siren() == (False, None), scene.told)
        scene.post.trouble = OSError("cable")
        scene.desk.give(command("command-3"))
        await scene.result("command-3")
        state, back_us = siren()
        assert state is None
        assert back_us is not None, "it may be on, so it is set back"


async def test_what_is_due_to_be_set_back_goes_before_what_waits(scene: Scene) -> None:
    async with running(scene):
        scene.desk.give(command(on_s=5.0))
        await scene.result("command-1")
        scene.post.hangs.clear()
        scene.desk.give(command("command-2", "sign", "A"))
        await scene.until(lambda: len(scene.post.told) == 2, scene.post.changed)
        for number in range(3, 6):
            scene.desk.give(command(f"command-{number}", "sign", "B"))
        scene.now_s += 5  # its time is over while another command hangs
        scene.post.hangs.set()
        await scene.result("command-5")
    assert [(name, value) for name, value, _on_s in scene.post.told] == [
        ("siren", True),
        ("sign", "A"),
        ("siren", False),
        *[("sign", "B")] * 3,
    ]


async def test_what_was_carried_out_is_never_told_as_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(_work: object) -> None:
        raise OutboxFailed("the disk of the outbox refused")

    async with running(scene):
        scene.desk.give(command())
        assert (await scene.result("command-1")).state == "done"
        monkeypatch.setattr(scene.outbox, "within", refuses)
        scene.desk.give(command())
        scene.desk.give(command("command-2"))
        assert (await scene.result("command-2")).state == "refused"
        monkeypatch.undo()
        scene.post.hangs.clear()
        for number in range(100, 118):  # one is under way, sixteen wait, the last is refused
            scene.desk.give(command(f"command-{number}", "sign", "A"))
            await asyncio.sleep(0)
        scene.desk.give(command())
        scene.desk.give(command("command-105", "sign", "A"))
        states = {one.id: one.state for one in scene.desk.results}
        assert (states["command-1"], states.get("command-105"), states["command-117"]) == ("done", None, "refused")
        scene.post.hangs.set()
        assert (await scene.result("command-105")).state == "done"
