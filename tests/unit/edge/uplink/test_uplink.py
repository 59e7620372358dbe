"""Connection after connection: when to hurry and when not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from haechi.edge.health import Health
from haechi.edge.outbox.queue import Outbox
from haechi.edge.uplink import LinkLost, uplink
from haechi.edge.uplink.backoff import Backoff
from haechi.edge.uplink.link import Broker
from haechi.edge.uplink.session import Face

LINKS = 6


class Links:
    """Stands in for sessions: a link that stands for a given time and is then broken."""

    def __init__(self, stands_s: float) -> None:
        self.stands_s = stands_s
        self.left = LINKS
        self.all_gone = asyncio.Event()

    def __call__(self, *_: object, on_established: Any, **__: object) -> "Links":
        self.on_established = on_established
        return self

    async def run(self) -> None:
        if not self.left:
            self.all_gone.set()
            await asyncio.get_running_loop().create_future()
        self.left -= 1
        self.on_established()
        await asyncio.sleep(self.stands_s)
        raise LinkLost("thrown out")


@pytest.mark.parametrize(("steady_s", "longest_s"), [(10.0, 2.0), (0.0, 0.2)])
async def test_a_link_that_is_let_in_and_thrown_out_is_not_hammered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, face: Face, steady_s: float, longest_s: float
) -> None:
    waits: list[float] = []

    class Recorded(Backoff):
        def wait_s(self, refused: bool) -> float:
            waits.append(super().wait_s(refused))
            return 0.0

    links = Links(0.0)
    monkeypatch.setattr(uplink, "Session", links)
    monkeypatch.setattr(uplink, "Backoff", Recorded)
    monkeypatch.setattr(uplink, "_STEADY_S", steady_s)
    outbox = await Outbox.open(tmp_path, 10**7, lambda newest_us: newest_us + 1)
    broker = Broker("127.0.0.1", 1, "gate", 10)
    running = asyncio.create_task(
        uplink.Uplink(
            broker, face, outbox, Health(), window_bytes=65536, status_s=30, freeze_s=10, chance=lambda: 1.0
        ).run()
    )
    await links.all_gone.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await outbox.close()
    assert (len(waits), waits[-1]) == (LINKS, longest_s)
