"""Where a gateway and the cloud differ about what stands: the gateway is asked, the cloud decides nothing itself."""

from sqlalchemy import Engine

from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, read
from haechi.cloud.event_handler import seen
from haechi.cloud.state.engine import writing
from haechi.contract import codec
from haechi.contract.control import Acknowledgement, Doubt, GatewayStatus, HeldEpoch
from haechi.contract.events import Event, Phase
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.topics import Address
from support.sender import EPOCH, flood

NOW_US = 1_790_000_000_000_000
ALARM = "river-1.level.alarm"


def take(state: Engine, seq: int, event: Event, order: int = 1, epoch: bytes = EPOCH) -> None:
    payload = codec.encode(ParcelName(epoch, seq), Parcel(epoch_order=order, epoch_number=7, events=[event]))
    one = read(Arrival("haechi/v1/city/cabinet-1/up/urgent", payload, NOW_US), ["city"], "city")
    assert isinstance(one, Delivery)
    with writing(state) as connection:
        apply(connection, [one], [], [], NOW_US)


def say(state: Engine, *standing: str, listed: bool = True, retained: bool = False) -> list[Acknowledgement]:
    """Let the gateway say which conditions stand; return what the cloud answers."""
    status = GatewayStatus(
        state="online",
        at_us=NOW_US,
        epochs=(HeldEpoch(epoch=EPOCH.hex(), order=1, lowest=1, next=9),),
        standing=standing if listed else None,
    )
    arrival = Arrival("haechi/v1/city/cabinet-1/up/status", b"", NOW_US, retained)
    with writing(state) as connection:
        report = Report(Address("city", "cabinet-1", "up/status"), status, arrival)
        applied = apply(connection, [], [], [], NOW_US, [report])
    return [answer for _, answer in applied.answers]


def doubts(state: Engine, *standing: str) -> list[Doubt]:
    return [doubt for answer in say(state, *standing) for doubt in answer.doubts]


def test_what_both_say_is_asked_by_nobody(state: Engine) -> None:
    take(state, 1, flood("event-0001"))
    assert doubts(state, ALARM) == []
    take(state, 2, flood("event-0002", Phase.CLEARED))
    assert doubts(state) == []


def test_a_flood_that_the_gateway_does_not_know_is_asked_about_with_its_place(state: Engine) -> None:
    take(state, 1, flood("event-0001"))
    assert doubts(state) == [Doubt(condition=ALARM, type="flood.level_high", subject="bridge")]
    assert doubts(state) == [Doubt(condition=ALARM, type="flood.level_high", subject="bridge")], "until it is answered"


def test_a_flood_that_the_cloud_does_not_show_is_asked_about(state: Engine) -> None:
    assert doubts(state, ALARM) == [Doubt(condition=ALARM)]


def test_what_merely_happened_and_what_the_cloud_says_itself_is_not_the_gateways(state: Engine) -> None:
    take(state, 1, flood("event-0001", Phase.OCCURRED, type="security.emergency_call", condition=""))
    say(state)
    with writing(state) as connection:
        report = Report(
            Address("city", "cabinet-1", "up/status"),
            GatewayStatus(state="offline", at_us=NOW_US),
            Arrival("haechi/v1/city/cabinet-1/up/status", b"", NOW_US),
        )
        apply(connection, [], [], [], NOW_US, [report])
        assert seen.watch(connection, NOW_US + seen.GRACE_US)
    assert doubts(state) == []


def test_a_gateway_that_lists_nothing_or_is_only_remembered_is_not_asked(state: Engine) -> None:
    take(state, 1, flood("event-0001"))
    assert say(state, listed=False) == []
    (answer,) = say(state, retained=True)
    assert answer.doubts == ()


def test_an_answer_tells_the_highest_order_that_is_known(state: Engine) -> None:
    take(state, 1, flood("event-0001"), order=77, epoch=bytes(16))
    (answer,) = say(state, ALARM, retained=True)
    assert answer.order == 77
