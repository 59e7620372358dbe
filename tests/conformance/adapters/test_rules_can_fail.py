"""Every rule of the conformance kit can fail: for each there is an adapter or a folder that breaks it."""

import asyncio
import inspect
import re
import shutil
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from msgspec import structs
from pydantic import ConfigDict, Field

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import Actuator, ConfigError, NotConnected, NotDone, Sample
from haechi.sdk.recording import Recording, load_recordings
from haechi.sdk.scaffold.post import test_adapter as sound_post
from haechi.sdk.scaffold.post.adapter import AcmePost
from haechi.sdk.scaffold.post.protocol import Said
from haechi.sdk.scaffold.skeleton import test_adapter as sound
from haechi.sdk.scaffold.skeleton.adapter import AcmeGauge
from haechi.sdk.scaffold.skeleton.config import AcmeGaugeConfig
from haechi.sdk.scaffold.skeleton.protocol import STEP, Lines
from haechi.sdk.scaffold.skeleton.simulator import line_of
from haechi.sdk.testing import AdapterConformance, report
from haechi.sdk.testing.rules import MEMORY, RULES
from haechi.sdk.testing.suite import QUICK, THOROUGH, Run
from haechi.sdk.transports.serial_line import SerialLine
from haechi.sdk.transports.tcp_line import TcpLine
from support.memory_logger import ZONE_S, LoggerDevice, MemoryLogger

SKELETON = Path(inspect.getfile(AcmeGauge)).parent
POST = Path(inspect.getfile(AcmePost)).parent


class Careless(AcmeGauge):
    """Reads like the sound one; what it makes of a line is for others to break."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        line, lines = self._line(), Lines()
        names = (f"{self.device}.level",)
        try:
            line.open()
            while True:
                for level_m in await self.levels(line, lines):
                    yield Sample(names, (level_m,))
        finally:
            line.close()

    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        return [STEP.value((await self._listen(line, lines)).level_mm)]


class Ignores(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Takes any key."""

        model_config = ConfigDict(extra="ignore")


class Undescribed(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Has a key that nobody explains."""

        colour: str = "red"


class Unused(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Has a key that does nothing."""

        colour: str = Field(default="red", description="Nothing looks at it.")


class WrongUnit(AcmeGauge):
    def describe(self) -> list[Datastream]:
        (one,) = super().describe()
        return [Datastream(id=one.id, thing=one.thing, observed_property="water_level", unit="km/h")]


class Surprising(Careless):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            yield Sample((f"{self.device}.depth",), sample.values)


class Smoothing(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        return [(await super().levels(line, lines))[0] / 2 + 0.001]


class Holding(AcmeGauge):
    kept: ClassVar[list[SerialLine]] = []

    async def samples(self) -> AsyncGenerator[Sample, None]:
        line = self._line()
        self.kept.append(line)
        line.open()
        while True:
            yield Sample((f"{self.device}.level",), (STEP.value((await self._listen(line, Lines())).level_mm),))


class Stealing(Careless):
    opened: ClassVar[list[SerialLine]] = []

    def _line(self) -> SerialLine:
        for line in self.opened:
            line.close()
        line = super()._line()
        self.opened.append(line)
        return line


class Leaking(AcmeGauge):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        line = self._line()
        line.open()
        await asyncio.sleep(0.001)  # cancelled here, nobody closes it
        try:
            while True:
                yield Sample((f"{self.device}.level",), (STEP.value((await self._listen(line, Lines())).level_mm),))
        finally:
            line.close()


class Restless(Careless):
    """Leaves a task behind at every start."""

    kept: ClassVar[list["asyncio.Task[None]"]] = []

    async def samples(self) -> AsyncGenerator[Sample, None]:
        self.kept.append(asyncio.create_task(asyncio.sleep(3600)))
        async with aclosing(super().samples()) as samples:
            async for sample in samples:
                yield sample


class Sleepy(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        time.sleep(0.3)  # noqa: ASYNC251 - that is what it does wrong
        return await super().levels(line, lines)


class Zero(AcmeGauge):
    """Counts that there is no echo, and says zero all the same."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        line, lines = self._line(), Lines()
        clock = self.host.clock
        due_s = 0.0
        try:
            line.open()
            while True:
                said = await self._listen(line, lines)
                if not said.has_echo:
                    self.host.count("no_echo")
                if clock.now() >= due_s:
                    due_s = clock.now() + self.config.period_s
                    yield Sample((f"{self.device}.level",), (STEP.value(said.level_mm) if said.has_echo else 0.0,))
        finally:
            line.close()


class Talkative(AcmeGauge):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        try:
            async for sample in super().samples():
                yield sample
        except NotConnected as error:
            raise NotConnected(f"it failed\n{error}", 1.0) from None

    async def probe(self) -> str:
        return f"all is well\n{await super().probe()}"


class Hasty(Careless):
    """Makes up for what it missed while the machine slept."""

    due_s = 0.0

    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        (level_m,) = await super().levels(line, lines)
        now_s = self.host.clock.now()
        missed = min(5000, int((now_s - (self.due_s or now_s)) / self.config.period_s))
        self.due_s = now_s
        return [level_m] * (missed + 1)


class Hoarding(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        came = await super().levels(line, lines)
        self.all = [*getattr(self, "all", ()), [*came]]
        return came


class Offended(AcmeGauge):
    begun = False

    async def samples(self) -> AsyncGenerator[Sample, None]:
        try:
            async for sample in super().samples():
                yield sample
        except NotConnected:
            self.begun = True
            raise
        finally:
            if self.begun:
                self.config = self.config.model_copy(update={"port": None})


class Nervous(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        came = await super().levels(line, lines)
        if lines.bad:
            raise ValueError("a damaged line")
        return came


class Impatient(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        return [int((await line.read())[5:9]) / 1000]


class Credulous(Careless):
    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        data = await line.read()
        return [said.level_mm / 1000 for said in lines.feed(data)] or [int.from_bytes(data[:2], "big") / 1000]


class Inventive(Careless):
    last_m = 0.0

    async def levels(self, line: SerialLine, lines: Lines) -> list[float]:
        try:
            async with asyncio.timeout(0.04):
                (self.last_m,) = await super().levels(line, lines)
        except TimeoutError:
            self.last_m += 0.001  # "it was rising"
        return [self.last_m]


class Indiscreet(AcmeGauge):
    class Config(AcmeGaugeConfig):
        """Has a secret."""

        password: str = Field(default="", max_length=64, description="What opens the line.")

    async def samples(self) -> AsyncGenerator[Sample, None]:
        self.host.log.debug("logging in with %s", getattr(self.config, "password", ""))
        async with aclosing(super().samples()) as samples:
            async for sample in samples:
                yield sample


class Complaining(Indiscreet):
    async def samples(self) -> AsyncGenerator[Sample, None]:
        async with aclosing(AcmeGauge.samples(self)) as samples:
            try:
                async for sample in samples:
                    yield sample
            except NotConnected as error:
                raise NotConnected(f"{error.what} with {getattr(self.config, 'password', '')}", 0.1) from None


class Discreet(Indiscreet):
    samples = AcmeGauge.samples


class Greeting(AcmePost):
    """Silences the siren to be on the safe side, though nobody told it to."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        await self.actuate("siren", value=False, on_s=1.0)
        async for sample in super().samples():
            yield sample


class Trusting(AcmePost):
    def admitted(self, actuator: str, value: Value, on_s: float) -> Actuator:
        if actuator != "siren":
            raise NotDone(actuator)
        return self.actuators()[0]


class Stubborn(AcmePost):
    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        try:
            await super().actuate(actuator, value, on_s)
        except NotConnected:
            await super().actuate(actuator, value, on_s)


class Soothing(AcmePost):
    """Says that nothing was changed where nobody knows."""

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        try:
            await super().actuate(actuator, value, on_s)
        except NotConnected as error:
            raise NotDone(error.what) from None


class Hopeful(AcmePost):
    async def _answer(self, line: TcpLine) -> Said:
        said = await super()._answer(line)
        return said._replace(sounds=True)


class Forgetful(AcmePost):
    """Silences only what it remembers to have sounded."""

    has_sounded = False

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.admitted(actuator, value, on_s)
        if not value and not self.has_sounded:
            return
        await super().actuate(actuator, value, on_s)
        self.has_sounded = bool(value)


class Generous(AcmePost):
    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.admitted(actuator, value, on_s)
        await super().actuate(actuator, value, self.config.on_s_max)


class Insisting(AcmePost):
    """Tells the siren again what it was told first, as long as it reads."""

    wanted = False

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        self.wanted |= bool(value)
        await super().actuate(actuator, value, on_s)

    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            if self.wanted and not sample.values[1]:
                await super().actuate("siren", value=True, on_s=1.0)
            yield sample


class Hurrying(MemoryLogger):
    """Takes for durable what it is about to say."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            yield structs.replace(sample, cursor=str(int(sample.cursor or 0) + 1))


class Restamping(MemoryLogger):
    begun = 0

    async def samples(self) -> AsyncGenerator[Sample, None]:
        Restamping.begun += 1
        async for sample in super().samples():
            yield structs.replace(sample, device_time_us=(sample.device_time_us or 0) + self.begun)


class Local(MemoryLogger):
    """Takes the device's wall clock for UTC."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            yield structs.replace(sample, device_time_us=(sample.device_time_us or 0) + ZONE_S * 1_000_000)


class Zoneless(MemoryLogger):
    def describe(self) -> list[Datastream]:
        return [structs.replace(one, device_clock=None) for one in super().describe()]


class LoggerPeer:
    """The logger as the suite sees it; nothing else of it is tried here."""

    def __init__(self, device: LoggerDevice) -> None:
        self._device = device

    def config(self) -> Mapping[str, Any]:
        return {"port": self._device.port}

    def show(self, property_name: str, value: Value) -> None:
        raise NotImplementedError

    def fall_silent(self) -> None:
        raise NotImplementedError

    def is_held(self) -> bool:
        raise NotImplementedError

    def remember(self) -> Sequence[tuple[int, Mapping[str, Value]]]:
        made = len(self._device.levels_mm)
        self._device.record(*range(1000 + made, 1003 + made))
        levels = [{"level": level_mm / 1000} for level_mm in self._device.levels_mm[made:]]
        return list(zip(self._device.times_us[made:], levels, strict=True))


class LoggerSuite(AdapterConformance):
    adapter = MemoryLogger
    entry_point = "memory_logger"
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[LoggerPeer]:
        async with LoggerDevice() as device:
            yield LoggerPeer(device)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        raise NotImplementedError


def post(adapter: type[AcmePost]) -> type[AdapterConformance]:
    return type("BrokenPost", (sound_post.TestAcmePost,), {"adapter": adapter})


def logger(adapter: type[MemoryLogger]) -> type[AdapterConformance]:
    return type("BrokenLogger", (LoggerSuite,), {"adapter": adapter})


def suite(adapter: type[AcmeGauge] = AcmeGauge, **others: Any) -> type[AdapterConformance]:
    return type("Broken", (sound.TestAcmeGauge,), {"adapter": adapter, **others})


def decode_off_by_one(_self: object, data: bytes, _recording: Recording) -> list[tuple[str, Value]]:
    return [("level", STEP.value(said.level_mm + 1)) for said in Lines().feed(data) if said.has_echo]


def decode_unchecked(_self: object, data: bytes, _recording: Recording) -> list[tuple[str, Value]]:
    return [("level", int(found) / 1000) for found in re.findall(rb"(\d{4}),[01]\*", data)]


def decode_hastily(_self: object, data: bytes, _recording: Recording) -> list[tuple[str, Value]]:
    return [("level", int(found) / 1000) for found in re.findall(rb"\$LVL,(\d{1,4})(?!\d|,2)", data)]


BROKEN: Mapping[str, type[AdapterConformance]] = {
    "unknown_key_is_refused": suite(Ignores),
    "fields_are_described": suite(Undescribed),
    "every_key_is_used": suite(Unused),
    "units_fit": suite(WrongUnit),
    "emits_what_it_describes": suite(Surprising),
    "values_are_the_devices_own": suite(Smoothing),
    "releases_its_port": suite(Holding),
    "opening_twice_is_harmless": suite(Stealing),
    "cancelled_anywhere": suite(Leaking),
    "lets_others_run": suite(Sleepy),
    "silence_is_not_connected": suite(Talkative),
    "probe_says_one_line": suite(Talkative),
    "refusal_is_no_value": suite(Careless),
    "warm_up_is_quality": suite(Careless),
    "clock_jump_is_no_burst": suite(Hasty),
    "reads_without_growth": suite(Hoarding),
    "cable_cut_and_back": suite(Offended),
    "power_cycle_is_survived": suite(Nervous),
    "slow_device_is_read": suite(Impatient),
    "babble_is_never_a_value": suite(Credulous),
    "late_answers_are_never_values": suite(Inventive),
    "foreign_traffic_is_never_a_value": suite(foreign=(line_of(7.777),)),
    "recordings_mean_what_they_meant": suite(decode=decode_off_by_one),
    "damage_is_never_a_value": suite(decode=decode_unchecked),
    "prefix_is_never_a_value": suite(decode=decode_hastily),
    "reads_only_unless_told": post(Greeting),
    "secrets_stay_secret": suite(Indiscreet),
    "bounds_hold_before_the_wire": post(Trusting),
    "written_once": post(Stubborn),
    "done_is_what_stands": post(Hopeful),
    "fail_safe_is_reached": post(Forgetful),
    "on_time_has_an_end": post(Generous),
    "cursor_is_never_ahead": logger(Hurrying),
    "record_keeps_its_time": logger(Restamping),
    "device_clock_has_a_zone": logger(Local),
}
ALSO_BROKEN: Sequence[tuple[str, type[AdapterConformance]]] = (
    ("releases_its_port", suite(Restless)),
    ("cancelled_anywhere", suite(Restless)),
    ("refusal_is_no_value", suite(Zero)),
    ("written_once", post(Soothing)),
    ("on_time_has_an_end", post(Insisting)),
    ("device_clock_has_a_zone", logger(Zoneless)),
    ("values_are_the_devices_own", suite(shown={"level": (1.0, 1.0)})),
    ("secrets_stay_secret", suite(Complaining)),
)


def _delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _write(name: str, old: str, new: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return write


FOLDERS: Sequence[tuple[str, Callable[[Path], None]]] = (
    ("folder_is_complete", _delete("simulator.py")),
    ("folder_is_complete", _write("README.md", "## Limits", "## Bounds")),
    ("folder_is_complete", _write("README.md", "`silence_s`", "`silence`")),
    ("found_by_entry_point", _write("sample.toml", "period", "period")),
    ("sample_loads", _write("sample.toml", "1.0", '"often"')),
    ("keeps_to_its_side", _write("adapter.py", "import asyncio", "import asyncio\nimport threading")),
    ("keeps_to_its_side", _write("adapter.py", "clock = self.host.clock", "clock = self.host.clock; time.time()")),
    ("keeps_to_its_side", _write("protocol.py", "import re", "import re\nfrom time import time")),
    ("keeps_to_its_side", _write("adapter.py", "import asyncio", "import asyncio\nimport time as t\nt.sleep(0)")),
    (
        "keeps_to_its_side",
        _write("adapter.py", "import asyncio", "import asyncio\nfrom datetime import datetime as dt\nNOW = dt.now()"),
    ),
    ("keeps_to_its_side", _write("adapter.py", "import asyncio", "import asyncio\nT = asyncio.to_thread")),
    ("keeps_to_its_side", _write("adapter.py", "import asyncio", "import asyncio\nfrom os import system as s\ns('')")),
    ("licences_are_named", _write("recordings/four_lines.toml", 'licence = "CC0-1.0"', "")),
    ("licences_are_named", _write("conformance.toml", 'licence = "Apache-2.0"', 'licence = ""')),
    ("licences_are_named", lambda folder: (folder / "datasheet.pdf").touch()),
    ("undetectable_damage_is_told", _write("recordings/four_lines.toml", "check_field = true", "check_field = false")),
)


async def judge(rule: str, judged: type[AdapterConformance]) -> None:
    test = getattr(judged(), f"test_{rule}")
    arguments: list[Any] = [lambda *_figure: None] if "record_property" in inspect.signature(test).parameters else []
    outcome = test(*arguments)
    if inspect.isawaitable(outcome):
        await outcome


def _holding_everybody_to_it(folder: Path, rule: str) -> None:
    """Let ``conformance.toml`` claim that ``rule`` is met."""
    path = folder / "conformance.toml"
    others = re.sub(rf"^{rule} = .*\n", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(others.replace("[rules]\n", f'[rules]\n{rule} = "met"\n'))


def _folder_of(judged: type[AdapterConformance], into: Path, rule: str) -> Path:
    """Make the folder of a suite, which claims to keep ``rule``."""
    kept = SKELETON if issubclass(judged.adapter, AcmeGauge) else POST
    folder = into / "broken"
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("__pycache__"))
    _holding_everybody_to_it(folder, rule)
    if issubclass(judged.adapter, MemoryLogger):
        (folder / "sample.toml").write_text("[device.config]\nport = 4001\n")
    return folder


def test_every_rule_is_broken_by_somebody() -> None:
    assert set(RULES) == set(BROKEN) | {rule for rule, _break in FOLDERS}
    assert {f"test_{rule}" for rule in RULES} == {
        name for name in dir(AdapterConformance) if name.startswith("test_") and name != "test_rules_are_all_judged"
    }


@pytest.mark.parametrize(("rule", "broken"), [*BROKEN.items(), *ALSO_BROKEN])
async def test_an_adapter_that_breaks_a_rule_is_caught(
    rule: str, broken: type[AdapterConformance], tmp_path: Path
) -> None:
    broken.folder = _folder_of(broken, tmp_path, rule)
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        await judge(rule, broken)
    assert not isinstance(caught.value, NotImplementedError)
    assert not isinstance(caught.value, TimeoutError), "it was caught by patience alone"
    for line in (*Holding.kept, *Stealing.opened):
        line.close()
    for task in Restless.kept:
        task.cancel()
    Restless.kept.clear()


@pytest.mark.parametrize(("adapter", "why"), [(AcmeGauge, ""), (Smoothing, "played to the adapter it gives")])
async def test_a_recording_is_played_to_the_adapter_that_ships(
    adapter: type[AcmeGauge], why: str, tmp_path: Path
) -> None:
    """What ``decode`` makes of it is the test's own word."""
    folder = _folder_of(suite(), tmp_path, "recordings_mean_what_they_meant")
    path = folder / "recordings/four_lines.toml"
    (recording,) = load_recordings(folder).values()
    passage = f'\n[[wire]]\nway = "came"\nafter_ms = 100\nhex = "{recording.data.hex()}"\n'
    path.write_text(path.read_text() + passage)
    judged = suite(adapter, folder=folder)
    with pytest.raises(AssertionError, match=why) if why else nullcontext():
        await judge("recordings_mean_what_they_meant", judged)


@pytest.mark.parametrize("rule", [rule for rule, one in RULES.items() if one.where == MEMORY])
async def test_a_sound_logger_keeps_the_rules_about_memories(rule: str, tmp_path: Path) -> None:
    LoggerSuite.folder = _folder_of(LoggerSuite, tmp_path, rule)
    await judge(rule, LoggerSuite)


async def test_a_secret_that_nobody_says_breaks_no_rule(tmp_path: Path) -> None:
    discreet = suite(Discreet)
    discreet.folder = _folder_of(discreet, tmp_path, "secrets_stay_secret")
    await judge("secrets_stay_secret", discreet)


@pytest.mark.parametrize("rule", [rule for rule, one in RULES.items() if one.where])
async def test_what_an_adapter_has_not_is_told_and_not_judged(rule: str) -> None:
    noted: dict[str, object] = {}
    test = getattr(sound.TestAcmeGauge(), f"test_{rule}")
    await test(noted.__setitem__)
    assert set(noted) == {"does_not_apply"}


@pytest.mark.parametrize(("rule", "break_it"), FOLDERS, ids=lambda one: one if isinstance(one, str) else "")
async def test_a_folder_that_breaks_a_rule_is_caught(
    rule: str, break_it: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(SKELETON, folder, ignore=shutil.ignore_patterns("__pycache__"))
    _holding_everybody_to_it(folder, rule)
    judged = suite(folder=folder, entry_point="acme_gauge_of_nobody")
    if rule != "found_by_entry_point":
        await judge(rule, judged)  # whole, it holds
    break_it(folder)
    with pytest.raises((AssertionError, ConfigError)):
        await judge(rule, judged)


def test_how_much_is_tried_is_not_for_the_adapter_to_say() -> None:
    with pytest.raises(TypeError, match="for the run to say"):
        suite(effort=QUICK)


def test_files_are_judged_once_by_classes_that_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "recordings_mean_what_they_meant"
    first, again, other = (
        type(name, (sound.TestAcmeGauge,), {"__module__": __name__, "entry_point": name, **others})
        for name, others in (
            ("TestFirst", {}),
            ("TestAgain", {}),
            ("TestDecodesOtherwise", {"decode": decode_off_by_one}),
        )
    )
    assert not again().skips_files(rule)  # the first is nowhere to be run
    monkeypatch.setattr(sys.modules[__name__], "TestFirst", first, raising=False)
    assert not first().skips_files(rule)
    assert again().skips_files(rule)
    assert not other().skips_files(rule)
    first.__test__ = False  # type: ignore[attr-defined]
    assert not again().skips_files(rule)


@pytest.mark.parametrize("name", ["test_damage_is_never_a_value", "skips", "judged", "make", "_reads_without_growth"])
def test_what_a_rule_demands_is_not_for_the_adapter_to_say(name: str) -> None:
    with pytest.raises(TypeError, match=rf"Broken\.{name}: rules, and how they are judged"):
        type("Broken", (sound.TestAcmeGauge,), {name: None})


def test_a_thorough_run_tries_all_of_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "effort", QUICK)
    options = {"--haechi-thorough": True, "--haechi-report": None}
    report.pytest_configure(SimpleNamespace(getoption=options.__getitem__))  # type: ignore[arg-type]
    assert Run.effort == THOROUGH
    assert THOROUGH.reads >= 10_000


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (
            'babble_is_never_a_value = "exempt: our device never babbles, we have never seen it"',
            "nobody is exempt from",
        ),
        ('babble_is_never_a_value = "exempt: no"', "and the reason"),
        ('values_are_nice = "met"', "judges what is no rule: values_are_nice"),
    ],
)
def test_a_verdict_that_cannot_be_is_refused(verdict: str, why: str, tmp_path: Path) -> None:
    shutil.copytree(SKELETON, tmp_path / "broken", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "broken/conformance.toml"
    path.write_text(path.read_text().replace('babble_is_never_a_value = "met"', verdict))
    with pytest.raises(AssertionError, match=why):
        suite(folder=path.parent)().test_rules_are_all_judged()
