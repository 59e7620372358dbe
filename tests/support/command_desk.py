"""A desk for commands over a real journal, with a post that remembers what it was told and clocks that stand."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from haechi.contract.control import Command, CommandResult
from haechi.contract.observations import Value
from haechi.contract.parcel import ClockQuality
from haechi.contract.places import Datastream
from haechi.contract.seals import is_sealed, sealed
from haechi.edge.commands.allowed import ActuatorConfig, allowed
from haechi.edge.commands.desk import Clocks, CommandDesk
from haechi.edge.commands.journal import Journal
from haechi.edge.health import Health
from haechi.edge.outbox.queue import Outbox
from haechi.sdk import Actuator, Adapter, AdapterConfig, Host, Sample

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


def command(id_: str = "command-1", actuator: str = "siren", value: Value | None = True, **more: Any) -> Command:
    known: dict[str, Any] = {"thing": "post-1", "expires_us": NOW_US + 30_000_000, "by": "Kim", **more}
    made = Command(id=id_, name="actuate", actuator=actuator, value=value, **known)
    return sealed(made, KEY, "city", "gw-1")
