"""What came from the broker, read: a parcel, a status, or something that only the dead letters can take."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field

from haechi.cloud.state.letters import Letter
from haechi.contract import ContractError, FutureVersion, NotAParcel, UnreadableBody, codec, envelope
from haechi.contract.control import GatewayStatus, decode_status
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.topics import UP_STATUS, Address, Priority, parse


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as the broker delivered it."""

    topic: str
    payload: bytes
    received_us: int
    retained: bool = False


@dataclass(slots=True)
class Delivery:
    """A parcel that could be read, and what became of it on the way to the state."""

    address: Address
    name: ParcelName
    parcel: Parcel
    arrival: Arrival
    unpacked_bytes: int = 0
    """Size of its body unpacked."""
    points_written: bool = False
    points_refused: int = 0
    pictures: dict[tuple[str, int], str] = field(default_factory=dict)
    """Evidence id and piece → key in the object store."""

    @property
    def late(self) -> bool:
        """It waited in the gateway's backlog."""
        return self.address.channel == f"up/{Priority.BACKLOG}"

    @property
    def needs_stores(self) -> bool:
        """It holds what must be durable elsewhere before the state may know of it."""
        return bool(self.parcel.tables or self.parcel.evidence)

    @property
    def observations(self) -> int:
        """How many of its observations are stored."""
        return self.parcel.observation_count - self.points_refused

    @property
    def device_time(self) -> frozenset[str]:
        """The datastreams that it describes itself as bearing the device's own record time."""
        return frozenset(stream.id for stream in self.parcel.datastreams if stream.device_time)

    def letter(self, reason: str) -> Letter:
        """Return the whole parcel as a dead letter."""
        return Letter(
            self.address.tenant,
            self.address.gateway,
            self.arrival.topic,
            "parcel",
            reason,
            self.arrival.payload,
            self.name.epoch,
            self.name.seq,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """A status, perhaps with a question."""

    address: Address
    status: GatewayStatus
    arrival: Arrival

    def letter(self, reason: str) -> Letter:
        """Return the whole status as a dead letter."""
        return Letter(
            self.address.tenant, self.address.gateway, self.arrival.topic, "control", reason, self.arrival.payload
        )


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something for the dead letters; ``settles`` names the parcel that nobody needs to send again."""

    letter: Letter
    cause: str
    settles: ParcelName | None = None


def read(arrival: Arrival, tenants: Collection[str], home: str) -> Delivery | Report | Unreadable:
    """Read a message; never raises for anything that a gateway can send.

    Args:
        arrival: the message.
        tenants: the cities that are served here.
        home: the city under which a letter is filed whose own city is unknown or not served.
    """
    try:
        address = parse(arrival.topic)
    except ContractError as error:
        return Unreadable(Letter(home, "", arrival.topic, "control", str(error), arrival.payload), "topic")
    if address.tenant not in tenants:
        reason = f"tenant {address.tenant!r} is not served here; expected {', '.join(sorted(tenants))}"
        return Unreadable(
            Letter(home, address.gateway, arrival.topic, "parcel", reason, arrival.payload), "other_tenant"
        )
    if address.channel == UP_STATUS:
        try:
            return Report(address, decode_status(arrival.payload), arrival)
        except ContractError as error:
            return _unreadable(address, arrival, error, "status", None)
    try:
        name, version, body = envelope.unwrap(arrival.payload)
    except NotAParcel as error:
        return _unreadable(address, arrival, error, "not_a_parcel", None)
    try:
        parcel = codec.decode_body(version, body)
        return Delivery(address, name, parcel, arrival, codec.unpacked_bytes(body))
    except UnreadableBody as error:
        return _unreadable(
            address, arrival, error, "future_version" if isinstance(error, FutureVersion) else "unreadable_body", name
        )


def poison(arrival: Arrival, tenants: Collection[str], home: str, error: Exception) -> Unreadable:
    """Return the dead letter of a message that broke :func:`read`, named as far as it can be.

    Its number is settled, so that its gateway does not send for ever what nobody here can read.
    """
    said = ContractError(f"reading it failed: {type(error).__name__}: {error}")
    try:
        address = parse(arrival.topic)
        if address.tenant not in tenants:
            raise ContractError("of another city")
    except ContractError:
        return Unreadable(Letter(home, "", arrival.topic, "parcel", str(said), arrival.payload), "poison")
    name = None
    if address.channel != UP_STATUS:
        with contextlib.suppress(NotAParcel):
            name = envelope.unwrap(arrival.payload)[0]
    return _unreadable(address, arrival, said, "poison", name)


def _unreadable(
    address: Address, arrival: Arrival, error: Exception, cause: str, name: ParcelName | None
) -> Unreadable:
    letter = Letter(
        address.tenant,
        address.gateway,
        arrival.topic,
        "control" if address.channel == UP_STATUS else "parcel",
        str(error),
        arrival.payload,
        name.epoch if name else None,
        name.seq if name else None,
    )
    return Unreadable(letter, cause, name)
