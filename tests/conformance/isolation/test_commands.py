"""Commands to a device whose adapter runs in a process of its own: given once, set back when the process dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from haechi.sdk import Actuator, ConfigError, Host, NotConnected, NotDone
from haechi.sdk.isolation import Isolated, Limits, voice
from haechi.sdk.switchboard import Switchboard, overhear
from haechi.sdk.wire import attached


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
