"""What goes beside parcels: small JSON messages, readable by a person with any MQTT client.

Status (retained, also the last will) carries the resynchronisation question: "these are the epochs I still hold; what
is settled?". The cloud answers with an acknowledgement; it also sends acknowledgements as parcels are settled.
"""

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from haechi.contract import ContractError
from haechi.contract.actuators import Bounds, Seconds
from haechi.contract.events import ConditionId, EventId, EventType
from haechi.contract.observations import Value
from haechi.contract.parcel import ClockQuality, EpochHex, Seq
from haechi.contract.places import Identifier, Text
from haechi.contract.ranges import RangeSet

ACK_RANGES_MAX = 256
"""An acknowledgement carries at most this many ranges an epoch: the lowest ones."""
EPOCHS_MAX = 64
"""A status or acknowledgement lists at most this many epochs."""
CONDITIONS_MAX = 200
"""A status or acknowledgement names at most this many conditions."""
RESULTS_MAX = 16
"""A status tells what became of at most this many commands: the newest."""
MISSED_CLIPS_MAX = 16
"""A status tells of at most this many clips that are not to come: the newest."""
ACTUATORS_MAX = 100
"""A status tells of at most this many actuators."""
COMMAND_S_MAX = 600
"""A command to a device expires at most so long after it was given."""
CONTROL_BYTES_MAX = 64 * 1024

Order = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Time = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Microseconds since 1970 UTC; what no database holds is no time."""

CommandId = Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]

Message = TypeVar("Message")


class HeldEpoch(Struct, frozen=True, kw_only=True):
    """An epoch of which the gateway still holds parcels, or in which it commits now."""

    epoch: EpochHex
    order: Order
    lowest: Seq
    """The lowest seq that is held and not acknowledged; ``next`` where none is."""
    next: Seq
    """The seq that the next parcel will get: everything below was committed."""


class ComponentStatus(Struct, frozen=True, kw_only=True):
    """How one adapter or camera is doing."""

    id: Identifier
    kind: Identifier
    state: Literal["starting", "running", "retrying", "failed", "stopped"]
    detail: Text = ""
    """The one line that tells a technician what is wrong; empty when nothing is."""
    counters: dict[str, int | float] = {}


class CommandResult(Struct, frozen=True, kw_only=True):
    """What became of a command to a device."""

    id: CommandId
    state: Literal["done", "refused", "expired", "unknown"]
    """``done``: the device has confirmed it; ``refused``, ``expired``: nothing was written; ``unknown``: it was begun,
    and nobody knows what the device did. None of them is ever tried again by itself."""
    at_us: Time
    detail: Text = ""
    """One line: why."""


class MissedClip(Struct, frozen=True, kw_only=True):
    """A clip that a person or a rule wanted, and that is not to come."""

    event: EventId
    """Which it was to show."""
    at_us: Time
    """When that was known."""
    reason: Text
    """One line: why, and what would help."""


class ActuatorStatus(Bounds, frozen=True, kw_only=True):
    """One thing that a device of the gateway may be told, within which bounds, and how it stands."""

    device: Identifier
    name: Identifier
    state: Value | None = None
    """What the device has confirmed last; None where nobody knows: before the first command, after ``unknown``."""
    back_us: Time | None = None
    """When the gateway sets it back, or has been trying to since; None while it need not."""


class GatewayStatus(Struct, frozen=True, kw_only=True):
    """How a gateway is doing, and its resynchronisation question. Retained; the last will says ``offline``."""

    state: Literal["online", "offline"]
    at_us: Time
    software: Text = ""
    clock: ClockQuality = ClockQuality.FREE
    question: Annotated[str, Meta(max_length=32)] | None = None
    """Names the question "what is settled?"; the answer bears the same name. None when nothing is asked."""
    epochs: Annotated[tuple[HeldEpoch, ...], Meta(max_length=EPOCHS_MAX)] = ()
    """Oldest first; the last one is the current one."""
    versions: tuple[int, ...] = (1,)
    """Body versions that the gateway can write."""
    outbox_parcels: Annotated[int, Meta(ge=0)] = 0
    outbox_bytes: Annotated[int, Meta(ge=0)] = 0
    outbox_bytes_max: Annotated[int, Meta(ge=0)] = 0
    oldest_us: Time | None = None
    """When the oldest parcel that is not acknowledged was committed."""
    components: tuple[ComponentStatus, ...] = ()
    problems: tuple[Text, ...] = ()
    """One line each: what is wrong with the gateway itself (disk, refusal by the broker)."""
    standing: Annotated[tuple[ConditionId, ...], Meta(max_length=CONDITIONS_MAX)] | None = None
    """The conditions that are active, whatever has become of the words that said so: the cloud compares, and asks about
    those on which it thinks otherwise. None where they are too many to be listed."""
    commands: Annotated[tuple[CommandResult, ...], Meta(max_length=RESULTS_MAX)] = ()
    """What became of the last commands to devices, oldest first."""
    actuators: Annotated[tuple[ActuatorStatus, ...], Meta(max_length=ACTUATORS_MAX)] | None = None
    """What its devices may be told. None where that is not said: by an earlier version, or for want of room."""
    missed_clips: Annotated[tuple[MissedClip, ...], Meta(max_length=MISSED_CLIPS_MAX)] = ()
    """The last clips that were wanted and are not to come, oldest first."""


class SettledRanges(Struct, frozen=True, kw_only=True):
    """What is settled of one epoch: stored, or known to be lost."""

    epoch: EpochHex
    settled: Annotated[tuple[tuple[Seq, Seq], ...], Meta(max_length=ACK_RANGES_MAX)]

    def range_set(self) -> RangeSet:
        """Return the ranges as a set.

        Raises:
            ContractError: a range runs backwards.
        """
        return _range_set(self.settled)


class LackedRanges(Struct, frozen=True, kw_only=True):
    """Numbers of one epoch that the cloud has not, or not any more."""

    epoch: EpochHex
    ranges: Annotated[tuple[tuple[Seq, Seq], ...], Meta(max_length=ACK_RANGES_MAX)]

    def range_set(self) -> RangeSet:
        """Return the ranges as a set.

        Raises:
            ContractError: a range runs backwards.
        """
        return _range_set(self.ranges)


class Doubt(Struct, frozen=True, kw_only=True):
    """A condition on which a status and what the cloud shows differ: the last word on it was lost somewhere."""

    condition: ConditionId
    type: EventType | None = None
    """Of the event that the cloud shows for it; None where it shows nothing and the gateway says that it stands."""
    subject: Identifier | None = None
    """The place that the cloud shows it at; None with ``type``."""


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """What the cloud has settled; only this frees a parcel in the outbox."""

    at_us: Time
    epochs: Annotated[tuple[SettledRanges, ...], Meta(max_length=EPOCHS_MAX)]
    answers: Annotated[str, Meta(max_length=32)] | None = None
    """The question that this answers; None for an acknowledgement in passing."""
    again: Annotated[tuple[LackedRanges, ...], Meta(max_length=EPOCHS_MAX)] = ()
    """What the cloud has not, although the gateway was told that it is settled: the cloud was restored to an older day.
    What is still kept is to be sent again; what is not becomes a loss."""
    reads: tuple[int, ...] = (1,)
    """Body versions that the cloud reads."""
    order: Order = 0
    """The highest order of an epoch that the cloud knows of this gateway. What an epoch below it says is history: a
    gateway whose current one is lower (a new card, and no clock) begins another above it."""
    doubts: Annotated[tuple[Doubt, ...], Meta(max_length=CONDITIONS_MAX)] = ()
    """Conditions about which the gateway is asked to state again how they are."""


class Command(Struct, frozen=True, kw_only=True):
    """Something that a gateway is asked to do now."""

    id: Annotated[str, Meta(max_length=64)]
    name: Literal["restate", "describe", "clip", "actuate"]
    """``restate``: state active conditions again; ``describe``: send places, things and datastreams again; ``clip``:
    send a clip of the seconds around ``at_us`` by the camera ``thing``, as evidence of ``event``; ``actuate``: bring
    ``actuator`` of the device ``thing`` into the state ``value``, at most once, and back after ``on_s``."""
    expires_us: Time
    thing: Identifier | None = None
    event: EventId | None = None
    at_us: Time | None = None
    actuator: Identifier | None = None
    value: Value | None = None
    on_s: Seconds | None = None
    """For so long; None for as long as the gateway allows."""
    valid_s: Seconds | None = None
    """The gateway does not begin it later than so long after it came, whatever the clocks say."""
    by: Text = ""
    """Who gave it."""
    seal: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of ``actuate``: that somebody with the gateway's key gave it (:mod:`haechi.contract.seals`)."""


_encoder = msgspec.json.Encoder()
_status = msgspec.json.Decoder(GatewayStatus)
_acknowledgement = msgspec.json.Decoder(Acknowledgement)
_command = msgspec.json.Decoder(Command)


def encode_control(message: GatewayStatus | Acknowledgement | Command) -> bytes:
    """Return the message as JSON."""
    return _encoder.encode(message)


def decode_status(payload: bytes) -> GatewayStatus:
    """Read a status.

    Raises:
        ContractError: it is not one.
    """
    return _decode(_status, payload, "status")


def decode_acknowledgement(payload: bytes) -> Acknowledgement:
    """Read an acknowledgement.

    Raises:
        ContractError: it is not one.
    """
    return _decode(_acknowledgement, payload, "acknowledgement")


def decode_command(payload: bytes) -> Command:
    """Read a command.

    Raises:
        ContractError: it is not one.
    """
    return _decode(_command, payload, "command")


def _range_set(ranges: tuple[tuple[int, int], ...]) -> RangeSet:
    try:
        return RangeSet(ranges)
    except ValueError as error:
        raise ContractError(f"an acknowledgement holds an impossible range: {error}") from error


def _decode(decoder: "msgspec.json.Decoder[Message]", payload: bytes, what: str) -> Message:
    if len(payload) > CONTROL_BYTES_MAX:
        raise ContractError(f"a {what} of {len(payload)} bytes is over the limit of {CONTROL_BYTES_MAX}")
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ContractError(f"this {what} does not decode: {error}") from error
