"""Every rule of the conformance kit can fail: for each there is an adapter or a folder that breaks it."""

import inspect
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from haechi.sdk import ConfigError
from haechi.sdk.recording import load_recordings
from haechi.sdk.scaffold.post import test_adapter as sound_post
from haechi.sdk.scaffold.post.adapter import AcmePost
from haechi.sdk.scaffold.skeleton import test_adapter as sound
from haechi.sdk.scaffold.skeleton.adapter import AcmeGauge
from haechi.sdk.scaffold.skeleton.simulator import line_of
from haechi.sdk.testing import AdapterConformance, report
from haechi.sdk.testing.rules import MEMORY, RULES
from haechi.sdk.testing.suite import QUICK, THOROUGH, Run
from support.broken_gauges import (
    Careless,
    Complaining,
    Credulous,
    Discreet,
    Hasty,
    Hoarding,
    Holding,
    Ignores,
    Impatient,
    Indiscreet,
    Inventive,
    Leaking,
    Nervous,
    Offended,
    Restless,
    Sleepy,
    Smoothing,
    Stealing,
    Surprising,
    Talkative,
    Undescribed,
    Unused,
    WrongUnit,
    Zero,
    decode_hastily,
    decode_off_by_one,
    decode_unchecked,
)
from support.broken_loggers import Hurrying, Local, LoggerSuite, Restamping, Zoneless
from support.broken_posts import Forgetful, Generous, Greeting, Hopeful, Insisting, Soothing, Stubborn, Trusting
from support.memory_logger import MemoryLogger

SKELETON = Path(inspect.getfile(AcmeGauge)).parent
POST = Path(inspect.getfile(AcmePost)).parent


def post(adapter: type[AcmePost]) -> type[AdapterConformance]:
    return type("BrokenPost", (sound_post.TestAcmePost,), {"adapter": adapter})


def logger(adapter: type[MemoryLogger]) -> type[AdapterConformance]:
    return type("BrokenLogger", (LoggerSuite,), {"adapter": adapter})


def suite(adapter: type[AcmeGauge] = AcmeGauge, **others: Any) -> type[AdapterConformance]:
    return type("Broken", (sound.TestAcmeGauge,), {"adapter": adapter, **others})


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
