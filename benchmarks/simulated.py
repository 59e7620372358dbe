"""Simulated gateways: what they would publish, made beforehand."""

import hashlib
import time
from collections.abc import Iterator

from benchmarks.feeder import Message
from benchmarks.walks import Walk
from haechi.contract.codec import encode
from haechi.contract.control import GatewayStatus, HeldEpoch, encode_control
from haechi.contract.observations import Table, tables
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.places import Datastream, Place, Thing

TENANT = "city"
_EPOCH_NUMBER = 7


def parcels(
    gateway: str, seconds: int, datastreams: int, first_seq: int, start_us: int
) -> Iterator[tuple[Message, list[Table]]]:
    """Yield one parcel a second with one value of each datastream, and what is in it."""
    walk = Walk(datastreams)
    steps, epoch = walk.steps, _epoch(gateway)
    for second in range(seconds):
        inside = tables(list(walk.readings(start_us + 1_000_000 * second, 1)), steps)
        yield _message(gateway, epoch, first_seq + second, "live", _parcel(tables=inside)), inside


def beginning(gateway: str, datastreams: int) -> list[Message]:
    """Return what a gateway publishes first: its description, one parcel of values, and its status with a question."""
    epoch, question = _epoch(gateway), f"q-{gateway}"
    streams = [
        Datastream(id=f"d0.r{number:03d}", thing="d0", observed_property="water_level", unit="m")
        for number in range(datastreams)
    ]
    described = _parcel(
        places=[Place(id="bridge", name="Bridge", latitude=36.37, longitude=127.38)],
        things=[Thing(id="d0", name="d0", kind="river_gauge", place="bridge", latitude=36.37, longitude=127.38)],
        datastreams=streams,
    )
    [(values, _tables)] = parcels(gateway, 1, datastreams, 2, _now_us())
    status = GatewayStatus(
        state="online",
        at_us=_now_us(),
        software="simulated",
        question=question,
        epochs=(HeldEpoch(epoch=epoch.hex(), order=1, lowest=1, next=3),),
    )
    return [
        _message(gateway, epoch, 1, "urgent", described),
        values,
        Message(gateway, "up/status", encode_control(status), question, retain=True),
    ]


def _parcel(**content: object) -> Parcel:
    return Parcel(epoch_order=1, epoch_number=_EPOCH_NUMBER, **content)  # type: ignore[arg-type]


def _message(gateway: str, epoch: bytes, seq: int, channel: str, parcel: Parcel) -> Message:
    return Message(gateway, f"up/{channel}", encode(ParcelName(epoch, seq), parcel), (epoch.hex(), seq))


def _epoch(gateway: str) -> bytes:
    return hashlib.sha256(gateway.encode()).digest()[:16]


def _now_us() -> int:
    return time.time_ns() // 1000
