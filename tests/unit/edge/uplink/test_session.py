"""What a session counts of what it sends."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from haechi.contract.control import Acknowledgement, decode_status, encode_control
from haechi.contract.events import PIECE_BYTES_MAX, Evidence
from haechi.contract.parcel import ClockQuality
from haechi.edge.builder import Builder
from haechi.edge.health import Health
from haechi.edge.outbox import Batch
from haechi.edge.outbox.queue import Outbox
from haechi.edge.uplink import LinkLost, session
from haechi.edge.uplink.budget import Budget
from haechi.edge.uplink.link import Broker, Ears
from haechi.edge.uplink.schedule import Schedule
from haechi.edge.uplink.session import Face, Questions, Session

NOW_US = 1_800_000_000_000_000
PICTURE = Evidence(
    id="picture-1", event="event-0001", source="cam-1", time_us=NOW_US, width_px=1, height_px=1, content=b"jpeg"
)
CLIP = Evidence(
    id="clip-1",
    event="event-0001",
    source="cam-1",
    time_us=NOW_US,
    width_px=1,
    height_px=1,
    content=bytes(2 * PIECE_BYTES_MAX + 1),
    media_type="video/mp4",
)
PARCELS = 4  # the picture, and the clip in three pieces


class Wire:
    """Takes every parcel and answers what is asked, confirms nothing, and breaks when all parcels have passed."""

    slots, packet_bytes_max, has_room = 20, 256 * 1024, True

    def __init__(self, _broker: Broker, _version: int, _will: tuple[str, bytes], ears: Ears) -> None:
        self._ears = ears
        self._parcels = 0
        self.ended: str | None = None
        self.heard_s = asyncio.get_running_loop().time()

    async def open(self) -> None: ...

    async def subscribe(self, topics: list[str]) -> None: ...

    def tend(self) -> None: ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        if topic.endswith("status"):
            answer = Acknowledgement(at_us=NOW_US, epochs=(), answers=decode_status(payload).question)
            self._ears.message("haechi/v1/city/gate/down/ack", encode_control(answer))
            return 0
        self._parcels += 1
        if self._parcels == PARCELS:
            self.drop("cut")
        return self._parcels

    def drop(self, why: str) -> None:
        self.ended = self.ended or why
        self._ears.wake()


async def test_pieces_of_clips_are_counted_once_however_often_they_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face: Face
) -> None:
    monkeypatch.setattr(session, "Link", Wire)
    outbox = await Outbox.open(tmp_path, 10**7, lambda newest_us: max(newest_us, NOW_US))
    drafts = Builder({}).evidence([PICTURE, CLIP], outbox.epoch, ClockQuality.SYNCHRONISED)
    await outbox.commit(Batch(tuple(drafts)), NOW_US)
    counters: Counter[str] = Counter()
    schedule = Schedule(10**7)

    async def connect() -> None:
        with pytest.raises(LinkLost, match="cut"):
            await Session(
                Broker("127.0.0.1", 1, "gate", 10),
                5,
                face,
                outbox,
                schedule,
                Questions(),
                Health(),
                Budget(None),
                counters,
                status_s=30,
                freeze_s=10,
                on_established=lambda: None,
                on_settled=lambda: None,
            ).run()

    async with asyncio.timeout(10):
        await connect()
        assert (counters["parcels_sent"], counters["clip_pieces_sent"]) == (4, 3)
        await connect()
    await outbox.close()
    assert (counters["parcels_sent"], counters["parcels_sent_again"], counters["clip_pieces_sent"]) == (4, 4, 3)
