"""Commands to devices: at most once, journalled before they are written, unknown after a crash, set back in time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from haechi.contract.control import Command, CommandResult
from haechi.contract.observations import Value
from haechi.contract.parcel import ClockQuality
from haechi.contract.places import Datastream
from haechi.contract.seals import is_sealed, sealed
from haechi.edge.commands.allowed import ActuatorConfig, allowed, read_key
from haechi.edge.commands.desk import Clocks, CommandDesk
from haechi.edge.commands.journal import ENTRIES_MAX, Entry, Journal, JournalFull
from haechi.edge.health import Health
from haechi.edge.outbox import OutboxFailed
from haechi.edge.outbox.queue import Outbox
from haechi.sdk import Actuator, Adapter, AdapterConfig, Host, NotDone, Sample

KEY = b"k" * 32
NOW_US = 1_800_000_000_000_000
SIREN = Actuator(name="siren", kind="switch", fail_safe=False, on_s_max=60.0)
LIGHT = Actuator(name="light", kind="level", fail_safe=10.0, on_s_max=3600.0, minimum=0.0, maximum=100.0, unit="%")
SIGN = Actuator(name="sign", kind="text", fail_safe="", on_s_max=3600.0, characters_max=8)


class Post(Adapter[AdapterConfig]):
    """A post with a siren, a light and a sign, which remembers what it was told."""

    Config: ClassVar = AdapterConfig

    def __init__(self) -> None:
        super().__init__("post-1", AdapterConfig(), Host())
        self.told: list[tuple[str, Value, float]] = []
        self.changed = asyncio.Event()
        self.trouble: BaseException | None = None
        self.hangs = asyncio.Event()
        self.hangs.set()

    def describe(self) -> list[Datastream]:
        return []

    async def probe(self) -> str:
        return ""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        yield Sample((), ())

    def actuators(self) -> list[Actuator]:
        return [SIREN, LIGHT, SIGN]

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.told.append((actuator, value, on_s))
        self.changed.set()
        await self.hangs.wait()
        if self.trouble is not None:
            raise self.trouble


@dataclass
class Scene:
    """A desk over a real journal, its post and its clocks."""

    outbox: Outbox
    post: Post
    desk: CommandDesk = None  # type: ignore[assignment]
    now_us: int = NOW_US
    now_s: float = 0.0
    quality: ClockQuality = ClockQuality.SYNCHRONISED
    health: Health = field(default_factory=Health)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    clips: list[Command] = field(default_factory=list)

    def new_desk(self, *, journal_lost: bool = False) -> None:
        written = [ActuatorConfig(device="post-1", name=name) for name in ("siren", "light", "sign")]
        self.desk = CommandDesk(
            allowed(written, {"post-1": self.post}),
            Journal(self.outbox),
            Clocks(lambda: self.now_us, lambda: self.quality, lambda: self.now_s),
            self.health,
            self.told.set,
            lambda command: is_sealed(command, KEY, "city", "gw-1"),
            order_clip=self.clips.append,
            journal_lost=journal_lost,
        )

    async def until(self, reached: Callable[[], bool], event: asyncio.Event) -> None:
        async with asyncio.timeout(10):
            while not reached():
                event.clear()
                await event.wait()

    async def result(self, command: str) -> CommandResult:
        await self.until(lambda: any(one.id == command for one in self.desk.results), self.told)
        return next(one for one in self.desk.results if one.id == command)


@contextlib.asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[Scene]:
    ready = asyncio.Event()
    task = asyncio.create_task(scene.desk.run(ready.set))
    async with asyncio.timeout(10):
        await ready.wait()
    yield scene
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    outbox = await Outbox.open(tmp_path, 10**7, lambda newest_us: max(newest_us, NOW_US))
    made = Scene(outbox, Post())
    made.new_desk()
    yield made
    await outbox.close()


def command(id_: str = "command-1", actuator: str = "siren", value: Value | None = True, **more: Any) -> Command:
    known: dict[str, Any] = {"thing": "post-1", "expires_us": NOW_US + 30_000_000, "by": "Kim", **more}
    made = Command(id=id_, name="actuate", actuator=actuator, value=value, **known)
    return sealed(made, KEY, "city", "gw-1")


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


@pytest.mark.parametrize("wrong", [{"maximum": float("inf")}, {"unit": "x" * 33}, {"characters_max": 9999}])
def test_what_no_status_could_say_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="light: "):
        replace(LIGHT, **wrong).checked()


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


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (
            {"device": "post-2", "name": "siren"},
            r"actuator\[0\]\.device = 'post-2': there is no such thing; known: post-1",
        ),
        ({"device": "post-1", "name": "door"}, r"actuator\[0\]\.name = 'door': post-1 only has: light, sign, siren"),
        (
            {"device": "post-1", "name": "light", "minimum": 20},
            r"its fail-safe state 10.0 lies outside: expected 20 to",
        ),
    ],
)
def test_an_actuator_that_cannot_be_is_one_line(written: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        allowed([ActuatorConfig(**written)], {"post-1": Post()})


def test_the_tighter_bounds_hold() -> None:
    written = ActuatorConfig(device="post-1", name="light", minimum=-5, maximum=50, on_s_max=9999)
    (one,) = allowed([written], {"post-1": Post()}).values()
    assert (one.actuator.minimum, one.actuator.maximum, one.actuator.on_s_max) == (0.0, 50.0, 3600.0)
    assert one.fault(60.0, None) == "expected 0 to 50 %"


def test_a_key_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("short-secret\n", encoding="ascii")
    with pytest.raises(ValueError, match="expected 32 characters or more") as caught:
        read_key(path)
    assert "short-secret" not in str(caught.value)
    with pytest.raises(ValueError, match="No such file"):
        read_key(tmp_path / "nowhere")
    path.write_text("k" * 40 + "\nmore\n", encoding="ascii")
    assert (read_key(path), read_key(None)) == (b"k" * 40, b"")
