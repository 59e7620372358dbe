"""What a broker hands to the state, made by hand: parcels, what cannot be read, and what gateways say of themselves."""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from haechi.cloud.event_broker.apply import Applied, apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, Unreadable, read
from haechi.cloud.event_handler import seen
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.ranges import EpochName
from haechi.contract import codec
from haechi.contract.control import GatewayStatus, HeldEpoch
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.topics import Address
from support.sender import EPOCH

NAME = EpochName("city", "cabinet-1", EPOCH)
NOW_US = 1_790_000_000_000_000


def delivery(
    seq: int, parcel: Parcel, gateway: str = "cabinet-1", channel: str = "live", epoch: bytes = EPOCH
) -> Delivery:
    payload = codec.encode(ParcelName(epoch, seq), parcel)
    one = read(Arrival(f"haechi/v1/city/{gateway}/up/{channel}", payload, NOW_US), ["city"], "city")
    assert isinstance(one, Delivery)
    one.points_written = True
    return one


def take(state: Engine, *deliveries: Delivery, unreadable: Sequence[Unreadable] = (), at_us: int = NOW_US) -> Applied:
    with writing(state) as connection:
        return apply(connection, deliveries, unreadable, [], at_us)


def count(state: Engine, table: object) -> int:
    with reading(state) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def status(state: str, *epochs: bytes, at_us: int = NOW_US) -> Report:
    said = GatewayStatus(
        state=state,  # type: ignore[arg-type]
        at_us=at_us,
        software="1.0" if state == "online" else "",
        epochs=tuple(HeldEpoch(epoch=epoch.hex(), order=1, lowest=1, next=2) for epoch in epochs),
    )
    return Report(
        Address("city", "cabinet-1", "up/status"), said, Arrival("haechi/v1/city/cabinet-1/up/status", b"", at_us)
    )


def report(state: Engine, *reports: Report, at_us: int = NOW_US) -> None:
    with writing(state) as connection:
        apply(connection, [], [], [], at_us, reports)


def watch(state: Engine, at_us: int) -> list[str]:
    with writing(state) as connection:
        return [change.kind for _tenant, change in seen.watch(connection, at_us)]


def unreadable(seq: int, epoch: bytes = EPOCH) -> Unreadable:
    letter = Letter("city", "cabinet-1", "t", "parcel", "broken", epoch + bytes([seq]), epoch, seq)
    return Unreadable(letter, "unreadable_body", ParcelName(epoch, seq))
