"""What network servers publish → uplinks: one frame of one radio device, with when it was received. No I/O.

- ChirpStack 4, *Integrations, Event types*, event ``up`` as JSON (protobuf's mapping: what is 0 or empty is left out).
- The Things Stack 3, *Concepts, Data formats*, uplink messages as JSON (empty fields are left out as well). Uplinks
  that somebody simulated in the console are none.

**When.** A frame is as old as the radio gateway says that received it, by its own clock; of several, the one in the
middle. A gateway without a clock says nothing, and one with a wrong clock nonsense: ahead of the network server by
more than a tolerance, or behind it by more than frames are ever kept. Then only the time is left at which the server
got the frame, late by nobody knows how much.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from haechi.contract.observations import EPOCH
from haechi.sdk.errors import BadReading
from haechi.text import _

_MICROSECOND = timedelta(microseconds=1)
_PORT_MAX = 255

Payload = Annotated[bytes, Meta(max_length=255)]
Counter32 = Annotated[int, Meta(ge=0, lt=2**32)]
Eui = Annotated[str, Meta(pattern="^[0-9A-Fa-f]{16}$")]


class Uplink(NamedTuple):
    """One frame."""

    dev_eui: str
    """16 hexadecimal digits, lower case."""
    session: str
    """Changes when the device joins anew, and its counter begins anew."""
    counter: int
    port: int
    """0 where there is no payload, or one for the network server only."""
    payload: bytes
    gateway_times_us: tuple[int, ...]
    """When radio gateways received it, by their clocks."""
    server_time_us: int | None
    """When the network server got it."""


class Received(NamedTuple):
    """When a frame was received."""

    time_us: int
    by_gateway: bool
    """False: by the network server's clock, since no radio gateway's can be believed."""
    delay_us: int = 0
    """How long the radio gateway kept it until the network server had it, as far as is known."""


class _ChirpstackDevice(Struct, rename="camel"):
    dev_eui: Eui


class _ChirpstackGateway(Struct, rename="camel"):
    gw_time: str | None = None
    ns_time: str | None = None


class _ChirpstackUp(Struct, rename="camel"):
    device_info: _ChirpstackDevice
    dev_addr: str = ""
    f_cnt: Counter32 = 0
    f_port: int = 0
    data: Payload = b""
    time: str | None = None
    rx_info: list[_ChirpstackGateway] = []


class _ThingsIds(Struct):
    dev_eui: Eui
    dev_addr: str = ""


class _ThingsGateway(Struct):
    time: str | None = None


class _ThingsUplink(Struct):
    session_key_id: str = ""
    f_cnt: Counter32 = 0
    f_port: int = 0
    frm_payload: Payload = b""
    rx_metadata: list[_ThingsGateway] = []
    received_at: str | None = None


class _ThingsUp(Struct):
    end_device_ids: _ThingsIds
    uplink_message: _ThingsUplink
    simulated: bool = False


_CHIRPSTACK = msgspec.json.Decoder(_ChirpstackUp)
_THINGS = msgspec.json.Decoder(_ThingsUp)


def from_chirpstack(body: bytes) -> Uplink:
    """Return the uplink in an event ``up`` of ChirpStack 4.

    Raises:
        BadReading: it is none.
    """
    event = _decoded(_CHIRPSTACK, body)
    servers = [_time_us(one.ns_time) for one in event.rx_info if one.ns_time]
    if not servers and event.time:
        servers = [_time_us(event.time)]
    return Uplink(
        event.device_info.dev_eui.lower(),
        event.dev_addr.lower(),
        event.f_cnt,
        _port(event.f_port),
        event.data,
        tuple(_time_us(one.gw_time) for one in event.rx_info if one.gw_time),
        min(servers) if servers else None,
    )


def from_the_things_stack(body: bytes) -> Uplink:
    """Return the uplink in an uplink message of The Things Stack 3.

    Raises:
        BadReading: it is none, or a simulated one.
    """
    said = _decoded(_THINGS, body)
    if said.simulated:
        raise BadReading(_("an uplink that was simulated on the network server"))
    up = said.uplink_message
    return Uplink(
        said.end_device_ids.dev_eui.lower(),
        f"{said.end_device_ids.dev_addr}/{up.session_key_id}".lower(),
        up.f_cnt,
        _port(up.f_port),
        up.frm_payload,
        tuple(_time_us(one.time) for one in up.rx_metadata if one.time),
        _time_us(up.received_at) if up.received_at else None,
    )


def received(uplink: Uplink, *, tolerance_us: int, delay_max_us: int) -> Received:
    """Return when a frame was received, and by whose clock.

    Raises:
        BadReading: nobody says.
    """
    server_us = uplink.server_time_us
    believed: Iterable[int] = uplink.gateway_times_us
    if server_us is not None:
        believed = [one for one in believed if -delay_max_us <= one - server_us <= tolerance_us]
    times = list(believed)
    if times:
        time_us = median_low(times)
        return Received(time_us, by_gateway=True, delay_us=0 if server_us is None else server_us - time_us)
    if server_us is None:
        raise BadReading(_("an uplink without any time"))
    return Received(server_us, by_gateway=False)


def _decoded(decoder: "msgspec.json.Decoder[Any]", body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadReading(_("no uplink ({why})").format(why=error)) from None


def _port(port: int) -> int:
    if not 0 <= port <= _PORT_MAX:
        raise BadReading(_("port {port}").format(port=port))
    return port


def _time_us(written: str) -> int:
    """Return RFC 3339 as microseconds since 1970; digits beyond those are cut."""
    try:
        read = datetime.fromisoformat(written)
        if read.tzinfo is None:
            raise ValueError
        time_us = (read.astimezone(UTC) - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        raise BadReading(_("no time: {written}").format(written=written[:40])) from None
    if time_us < 0:
        raise BadReading(_("no time: {written}").format(written=written[:40]))
    return time_us
