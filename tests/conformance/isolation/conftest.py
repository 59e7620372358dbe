"""A partner's package with a faulty adapter and a post, installed where only the child looks for it."""

import os
from pathlib import Path

import pytest

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
