"""Finding ONVIF cameras on the gateway's network, when somebody asks (WS-Discovery 2005/04; ONVIF Core, clause 7).

Promise: one question to the multicast group, answers for so long, at most so many; nothing is believed of them
but what is shown: an address, a name, a model.
"""

from __future__ import annotations

import socket
import time
import uuid
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from haechi.sdk.onvif import soap
from haechi.sdk.onvif.soap import SoapError

GROUP = ("239.255.255.250", 3702)
_ANSWERS_MAX = 256
_DATAGRAM_BYTES_MAX = 65_535
_SHOWN_CHARACTERS = 64
_HOPS = 1
_PROBE = "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"


class Found(NamedTuple):
    """A camera that answered."""

    host: str
    port: int
    name: str
    hardware: str


def discover(
    seconds: float,
    *,
    interface: str | None = None,
    group: tuple[str, int] = GROUP,
) -> list[Found]:
    """The cameras that answer within so many seconds, by address; blocks as long.

    Args:
        seconds: how long to listen.
        interface: our address on the network to ask; the default route's when None.
        group: whom to ask.

    Raises:
        OSError: there is no such interface, or no network.
    """
    found: dict[tuple[str, int], Found] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
        if interface is not None:
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
            asking.bind((interface, 0))
        asking.sendto(_question(str(uuid.uuid4())), group)
        until_s = time.monotonic() + seconds
        for _number in range(_ANSWERS_MAX):
            asking.settimeout(max(0.01, until_s - time.monotonic()))
            try:
                data, (sender, _port) = asking.recvfrom(_DATAGRAM_BYTES_MAX)
            except TimeoutError:
                break
            for one in answers(data, sender):
                found.setdefault((one.host, one.port), one)
    return [found[key] for key in sorted(found)]


def answers(data: bytes, sender: str) -> list[Found]:
    """The cameras that an answer names, at the address that sent it; none when it is no answer. Pure."""
    try:
        said = soap.answer(data)
    except SoapError:
        return []
    cameras = []
    for match in said.findall("d:ProbeMatch", soap.NAMESPACES):
        scopes = soap.text_of(match, "d:Scopes").split()
        ports = [_port_of(address) for address in soap.text_of(match, "d:XAddrs").split()]
        # What it calls itself may be of another network; where the answer came from can be reached.
        port = next((port for port in ports if port), 80)
        cameras.append(Found(sender, port, _scope(scopes, "name"), _scope(scopes, "hardware")))
    return cameras


def _question(id_: str) -> bytes:
    head = (
        f"<wsa4:MessageID>uuid:{id_}</wsa4:MessageID>"
        "<wsa4:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa4:To>"
        f"<wsa4:Action>{_PROBE}</wsa4:Action>"
    )
    body = "<d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe>"
    return soap.request(body, login=None, at=datetime.now(UTC), nonce=b"", headers=head)


def _port_of(address: str) -> int:
    try:
        parts = urlsplit(address)
        return (parts.port or 80) if parts.scheme == "http" else 0
    except ValueError:
        return 0


def _scope(scopes: list[str], name: str) -> str:
    begin = f"onvif://www.onvif.org/{name}/"
    value = next((unquote(scope[len(begin) :]) for scope in scopes if scope.startswith(begin)), "")
    return "".join(letter for letter in value if letter.isprintable())[:_SHOWN_CHARACTERS]
