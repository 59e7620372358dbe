"""A partner's adapter in a process of its own: what it does wrong is told in one line, and nobody else notices."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from haechi.contract.observations import Quality
from haechi.sdk import Actuator, ConfigError, Host, NotConnected, NotDone, Sample
from haechi.sdk.isolation import Isolated, Limits, voice
from haechi.sdk.switchboard import Switchboard, overhear
from haechi.sdk.wire import attached
from support.processes import is_alive

PARTNER = '''"""A partner's adapter with every fault that there is."""

import asyncio, os, sys, time
from typing import ClassVar, Literal

from pydantic import Field

from haechi.contract.observations import Quality
from haechi.contract.places import Datastream
from haechi.sdk import Adapter, AdapterConfig, NotConnected, Sample


class FaultyConfig(AdapterConfig):
    does: Literal[
        "well", "block", "leak", "crash", "flood", "raise", "lie", "nan", "babble", "files", "gone", "fork",
        "print", "leave a helper", "say nothing often", "say long texts"
    ] = Field(description="What it does.")
    retry: str = Field(default="7", description="After how many seconds it wishes to be tried again.")


class Faulty(Adapter[FaultyConfig]):
    Config: ClassVar = FaultyConfig

    def describe(self):
        while self.config.does == "print":
            sys.stderr.write("x" * 65536)
        if self.config.does == "leave a helper" and os.fork() == 0:
            time.sleep(1000)
        return [Datastream(id=f"{self.device}.level", thing=self.device, observed_property="level", unit="m")]

    async def probe(self):
        return f"process {os.getpid()} answers"

    async def samples(self):
        names = (f"{self.device}.level",)
        self.host.log.warning("begins")
        self.host.count("begun")
        yield Sample(names, (float(os.getpid()),), (Quality.UNCERTAIN,))
        match self.config.does:
            case "block":
                time.sleep(1000)
            case "leak":
                kept = []
                while True:
                    kept.append(bytearray(2**20))
                    await asyncio.sleep(0)
            case "crash":
                sys.stderr.write("about to fail\\n")
                sys.stderr.flush()
                os.kill(os.getpid(), 11)
            case "raise":
                raise LookupError("no such thing\\nmore")
            case "lie":
                yield Sample(("somebody.else",), (1.0,))
            case "nan":
                yield Sample(names, (float("nan"),))
            case "babble":
                for descriptor in range(3, 20):
                    try:
                        os.write(descriptor, b"\\xff" * 64)
                    except OSError:
                        pass
            case "files":
                kept = [open("/dev/null") for _number in range(1000)]
            case "say nothing often":
                while True:
                    yield Sample((), (), cursor="1")
            case "say long texts":
                while True:
                    yield Sample(names, ("x" * 100_000,))
            case "gone":
                raise NotConnected("/dev/ttyUSB7: no such serial port", float(self.config.retry))
            case "fork":
                if os.fork() == 0:
                    time.sleep(1000)
        while True:
            print("what an adapter prints is no message")
            if self.config.does != "flood":
                await asyncio.sleep(0.01)
            yield Sample(names, (1.0,))
'''


POST = '''"""A partner's post with a siren; what was told to it stands in a file."""

import asyncio, os
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from haechi.contract.places import Datastream
from haechi.sdk import Actuator, Adapter, AdapterConfig, NotDone, Sample
from haechi.sdk.wire import wire


class PostConfig(AdapterConfig):
    device: str = Field(description="The file.")
    does: str = Field(default="well", description="What it does when it is told to sound.")
    bounds: float = Field(default=60.0, description="Its maximum on-time.")


class Post(Adapter[PostConfig]):
    Config: ClassVar = PostConfig

    def describe(self):
        return [Datastream(id=f"{self.device}.level", thing=self.device, observed_property="level", unit="m")]

    async def probe(self):
        return "there"

    def actuators(self):
        return [Actuator(name="siren", kind="switch", fail_safe=False, on_s_max=self.config.bounds)]

    async def samples(self):
        tap = wire().tap("post:4001", lambda data: None)
        while True:
            tap.sent(b"how much?")
            tap.came(b"so much")
            yield Sample((f"{self.device}.level",), (float(os.getpid()),))
            await asyncio.sleep(0.01)

    async def actuate(self, actuator, value, on_s):
        device = Path(self.config.device)
        if device.with_name("locked").exists():
            raise NotDone("its door is locked\\nand more")
        with device.open("a") as told:
            told.write(f"{value} {on_s:g}\\n")
        if device.with_name("deaf").exists():
            raise OSError("no answer")
        match self.config.does if value else "well":
            case "die":
                os.kill(os.getpid(), 9)
            case "hang":
                await asyncio.sleep(1000)
            case "talk":
                raise ValueError("x" * 100_000)
'''


@pytest.fixture
def partner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the partner's package where only the child looks for it."""
    folder = tmp_path / "site"
    info = folder / "partner_faulty-1.dist-info"
    info.mkdir(parents=True)
    (folder / "partner_faulty.py").write_text(PARTNER)
    (folder / "partner_post.py").write_text(POST)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: partner-faulty\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[haechi.adapters]\nfaulty = partner_faulty:Faulty\npost = partner_post:Post\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("HAECHI_SECRET", "sesame")
    return folder


def isolated(does: str, **limits: Any) -> Isolated:
    return Isolated("faulty", "river-1", {"does": does}, Host(), Limits()._replace(retry_s=9.0, **limits))


async def how_it_ends(adapter: Isolated) -> tuple[NotConnected, int]:
    """Read until it ends; returns why, and which process that was."""
    process = 0
    with pytest.raises(NotConnected) as caught:  # noqa: PT012 - the error comes at an unknown draw
        async with asyncio.timeout(90), aclosing(adapter.samples()) as samples:
            async for sample in samples:
                process = process or int(sample.values[0])
    assert "\n" not in str(caught.value)
    assert not is_alive(process)
    return caught.value, process


async def test_it_is_an_adapter_like_any_other(partner: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter = isolated("well")
    (described,) = adapter.describe()
    assert (described.id, described.unit) == ("river-1.level", "m")
    assert (await adapter.probe()).endswith(" answers")
    for _time in range(2):
        async with asyncio.timeout(60), aclosing(adapter.samples()) as samples:
            first = await anext(samples)
            process = int(first.values[0])
            assert process != os.getpid()
            assert first == Sample(("river-1.level",), (float(process),), (Quality.UNCERTAIN,))
            assert await anext(samples) == Sample(("river-1.level",), (1.0,))
            while adapter.host.counters["begun"] < _time + 1:
                await anext(samples)
        assert not is_alive(process)
    assert adapter.host.counters["begun"] == 2
    assert [record.getMessage() for record in caplog.records].count("begins") == 2
    assert "partner_faulty" not in sys.modules


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("crash", "faulty: its process ended with signal 11: about to fail"),
        ("raise", "faulty: LookupError: no such thing"),
        ("flood", "faulty: it gives more than 2000 values a second"),
        ("say nothing often", "faulty: it gives more than 2000 values a second"),
        ("say long texts", "faulty: it gives more than 2000 values a second"),
        ("lie", "faulty: it emits what it did not describe"),
        ("nan", "faulty: it emits a number that is not finite"),
        ("babble", "faulty: it says what is no message: a message that is too large"),
        ("files", "faulty: OSError: [Errno 24] Too many open files"),
    ],
)
async def test_what_it_does_wrong_is_one_line(partner: Path, does: str, why: str) -> None:
    error, _process = await how_it_ends(isolated(does, burst_s=1.0))
    assert error.what.startswith(why)
    assert error.retry_after_s == 9.0


async def test_one_that_blocks_is_ended(partner: Path) -> None:
    adapter = isolated("block", silence_s=2.5)
    error, _process = await how_it_ends(adapter)
    assert error.what == "faulty: it blocks: no sign of life for 2.5 s"
    assert adapter.host.counters["hangs"] == 1


async def test_one_that_leaks_is_ended_at_its_limit(partner: Path) -> None:
    error, _process = await how_it_ends(isolated("leak", memory_bytes_max=96 * 2**20))
    assert error.what == "faulty: it needs more than 96 MiB of memory"


async def test_a_device_that_is_not_there_is_told_as_the_adapter_told_it(partner: Path) -> None:
    error, _process = await how_it_ends(isolated("gone"))
    assert (error.what, error.retry_after_s) == ("/dev/ttyUSB7: no such serial port", 7.0)


@pytest.mark.parametrize(("wished", "granted_s"), [("0", 1.0), ("1e300", 3600.0), ("nan", 9.0)])
async def test_it_may_not_have_itself_started_without_pause(partner: Path, wished: str, granted_s: float) -> None:
    adapter = Isolated("faulty", "river-1", {"does": "gone", "retry": wished}, Host(), Limits()._replace(retry_s=9.0))
    error, _process = await how_it_ends(adapter)
    assert error.retry_after_s == granted_s


def test_one_that_prints_without_end_is_refused_in_one_line(partner: Path) -> None:
    with pytest.raises(ConfigError, match="an adapter that says less than 2 MiB") as caught:
        isolated("print")
    assert len(str(caught.value)) < 500


async def test_describing_leaves_nothing_behind(partner: Path) -> None:
    isolated("leave a helper")
    folder = str(partner).encode()
    async with asyncio.timeout(5):
        while _alive(lambda process: folder in (process / "environ").read_bytes()):  # noqa: ASYNC110 - killed already; the kernel tells nobody when it is done
            await asyncio.sleep(0.01)


async def test_nothing_of_it_is_left_behind(partner: Path) -> None:
    adapter = isolated("fork")
    async with asyncio.timeout(60), aclosing(adapter.samples()) as samples:
        group = int((await anext(samples)).values[0])
        await anext(samples)
        await anext(samples)
    async with asyncio.timeout(5):
        while _alive_in(group):  # noqa: ASYNC110 - killed already; the kernel tells nobody when it is done
            await asyncio.sleep(0.01)


def _alive_in(group: int) -> list[int]:
    """Return the processes of a group that run."""
    return _alive(lambda process: os.getpgid(int(process.name)) == group)


def _alive(wanted: Callable[[Path], bool]) -> list[int]:
    """Return the processes that run and are wanted, by their folder in /proc."""
    found = []
    for path in Path("/proc").iterdir():
        with suppress(OSError):  # it may end between being listed and being looked at
            if path.name.isdigit() and wanted(path) and is_alive(int(path.name)):
                found.append(int(path.name))
    return found


async def test_the_others_do_not_notice(partner: Path) -> None:
    """While one floods, one blocks and one raises, a fourth is read without a gap."""
    faulty = [isolated(does, silence_s=2.0, burst_s=2.0) for does in ("flood", "block", "raise")]
    ends = [asyncio.ensure_future(how_it_ends(adapter)) for adapter in faulty]
    async with asyncio.timeout(90), aclosing(isolated("well").samples()) as samples:
        read = 0
        while not all(end.done() for end in ends):
            await anext(samples)
            read += 1
    assert read > 20
    for end in ends:
        await end


class Cabinet:
    """A post in a process of its own, read by a task as a gateway does, once."""

    def __init__(self, folder: Path, does: str = "well") -> None:
        self.device = folder / "device"
        self.device.touch()
        written = {"device": str(self.device), "does": does}
        self.adapter = Isolated("post", "post-1", written, Host(), Limits()._replace(retry_s=9.0))
        self.process = 0
        self.ended: NotConnected | None = None

    @property
    def told(self) -> list[str]:
        return self.device.read_text().splitlines()

    async def read(self, reading: asyncio.Event) -> None:
        try:
            async with aclosing(self.adapter.samples()) as samples:
                async for sample in samples:
                    self.process = int(sample.values[0])
                    reading.set()
        except NotConnected as error:
            self.ended = error

    @asynccontextmanager
    async def being_read(self) -> AsyncIterator["asyncio.Task[None]"]:
        reading = asyncio.Event()
        task = asyncio.create_task(self.read(reading))
        async with asyncio.timeout(60):
            await reading.wait()
            yield task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_command_crosses_to_the_process_that_reads_and_the_way_back_needs_none(
    partner: Path, tmp_path: Path
) -> None:
    post = Cabinet(tmp_path)
    assert post.adapter.actuators() == [Actuator(name="siren", kind="switch", fail_safe=False, on_s_max=60.0)]
    with pytest.raises(NotDone, match="post: its process does not run; nothing was sent"):
        await post.adapter.actuate("siren", True, 5.0)
    async with post.being_read():
        await post.adapter.actuate("siren", True, 5.0)
        for wrong, value, on_s in (("siren", 1, 5.0), ("siren", True, 61.0), ("door", True, 5.0)):
            with pytest.raises(NotDone):
                await post.adapter.actuate(wrong, value, on_s)
        (tmp_path / "locked").touch()
        with pytest.raises(NotDone, match=r"^its door is locked$"):
            await post.adapter.actuate("siren", True, 6.0)
        (tmp_path / "locked").unlink()
    assert post.told == ["True 5"]
    await post.adapter.actuate("siren", False, 60.0)  # as a gateway does when it stops
    assert post.told == ["True 5", "False 60"]


async def test_a_siren_whose_process_dies_is_set_back_at_once(partner: Path, tmp_path: Path) -> None:
    post = Cabinet(tmp_path)
    async with post.being_read() as reading:
        await post.adapter.actuate("siren", True, 5.0)
        os.kill(post.process, signal.SIGKILL)
        await reading
    assert post.told == ["True 5", "False 60"]
    assert post.ended is not None
    assert post.ended.what == "post: its process ended with signal 9; siren was set back"
    assert post.adapter.host.counters["set_back"] == 1


async def test_a_command_under_which_the_process_dies_is_unknown_and_given_once(partner: Path, tmp_path: Path) -> None:
    post = Cabinet(tmp_path, "die")
    async with post.being_read() as reading:
        with pytest.raises(NotConnected, match="has not said what became of a command"):
            await post.adapter.actuate("siren", True, 5.0)
        await reading
    assert post.told == ["True 5", "False 60"]


async def test_what_cannot_be_set_back_is_told_and_is_the_first_thing_that_the_next_process_does(
    partner: Path, tmp_path: Path
) -> None:
    post = Cabinet(tmp_path)
    async with post.being_read() as reading:
        await post.adapter.actuate("siren", True, 5.0)
        (tmp_path / "deaf").touch()
        os.kill(post.process, signal.SIGKILL)
        await reading
    assert post.ended is not None
    assert post.ended.what.endswith("siren may be away from its fail-safe state (OSError: no answer)")
    (tmp_path / "deaf").unlink()
    told = len(post.told)
    async with post.being_read():
        assert post.told[told:] == ["False 60"]
        assert post.adapter.host.counters["set_back"] == 1
    async with post.being_read():
        assert len(post.told) == told + 1


async def test_a_command_that_hangs_or_babbles_is_unknown_in_one_line(
    partner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Cabinet(tmp_path, "talk")
    async with post.being_read():
        with pytest.raises(NotConnected) as caught:
            await post.adapter.actuate("siren", True, 5.0)
        assert len(str(caught.value)) < 600
    (tmp_path / "device").unlink()
    monkeypatch.setattr(voice, "_WAITS_S", 0.2)
    post = Cabinet(tmp_path, "hang")
    async with post.being_read():
        with pytest.raises(NotConnected, match="has not said what became"):
            await post.adapter.actuate("siren", True, 5.0)
        await post.adapter.actuate("siren", False, 5.0)
    assert post.told == ["True 5", "False 5"]


def test_an_actuator_without_an_end_is_refused_in_one_line(partner: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"describes what there can be \(.*on_s_max"):
        Isolated("post", "post-1", {"device": str(tmp_path / "d"), "bounds": 1e9}, Host(), Limits())


async def test_what_passes_its_wires_is_heard_here(partner: Path, tmp_path: Path) -> None:
    async with Switchboard(tmp_path / "wire.sock") as board:
        post = Cabinet(tmp_path)
        with attached(board):
            async with post.being_read(), aclosing(overhear(tmp_path / "wire.sock")) as passing:
                heard = {(one.way, one.address, one.data) for one in [await anext(passing) for _frame in range(4)]}
    assert heard == {("sent", "post:4001", b"how much?"), ("came", "post:4001", b"so much")}


@pytest.mark.parametrize(
    ("name", "written", "line"),
    [
        ("faulty", {"does": "good"}, "does = 'good': expected 'well', 'block'"),
        ("faulty", {"does": "well", "speed": 1}, "speed = 1: expected no such key"),
        ("nobody", {}, "adapter = 'nobody': expected an installed adapter"),
    ],
)
def test_a_configuration_that_cannot_work_is_one_line(
    partner: Path, name: str, written: dict[str, object], line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Isolated(name, "river-1", written, Host(), Limits())
    assert line in str(caught.value)


def test_a_python_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigError, match="a process that runs"):
        Isolated("faulty", "river-1", {}, Host(), Limits(python="/opt/none/bin/python"))


def test_a_child_ends_with_its_gateway(partner: Path, tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from haechi.sdk import Host\n"
        "from haechi.sdk.isolation import Isolated, Limits\n"
        "async def main():\n"
        "    async for sample in Isolated('faulty', 'd', {'does': 'block'}, Host(), Limits()).samples():\n"
        "        print(int(sample.values[0]), flush=True)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        child = int(gateway.stdout.readline())
        assert is_alive(child)
        gateway.send_signal(signal.SIGKILL)
    until_s = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not is_alive(child)
