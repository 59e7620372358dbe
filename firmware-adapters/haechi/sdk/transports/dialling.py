"""What transports over TCP have in common: how they connect, what they say when they cannot, and how they let go.

A connection lies on the wire (:mod:`haechi.sdk.wire`). Who cannot connect says so in one line that names the address
and what to look at.
"""

import asyncio
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from haechi.sdk.errors import NotConnected
from haechi.sdk.wire import Tap, wire
from haechi.text import _

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


class Connection(ABC, asyncio.Protocol):
    """One connection: what came is handed to :meth:`_deliver`, as the wire below lets it pass."""

    def __init__(self, name: str) -> None:
        """``name`` is its address, as wires know it."""
        self._name = name
        self._tap = Tap()
        self._transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """Close without waiting for anything."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it to a stream protocol
        self._transport = transport
        self._tap = wire().tap(self._name, self._deliver)

    def data_received(self, data: bytes) -> None:
        """Hand on what came."""
        self._deliver(self._tap.came(data))

    @abstractmethod
    def _deliver(self, data: bytes) -> None:
        """Take bytes; empty ones, and those that come after the end, mean nothing."""


def name_of(host: str, port: int) -> str:
    """Return the address as people write it, and as wires know it: ``host:port``, an IPv6 address in brackets."""
    return f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"


async def dial(
    host: str,
    port: int,
    protocol: Callable[[], ProtocolT],
    *,
    timeout_s: float,
    retry_s: float,
    tls: ssl.SSLContext | None = None,
) -> ProtocolT:
    """Connect, over whatever wire is attached, and return the protocol of the connection.

    Raises:
        NotConnected: nobody answers, or the certificate is not trusted.
    """
    name = name_of(host, port)
    try:
        async with asyncio.timeout(timeout_s):
            there, _colon, its_port = wire().leads_to(name).rpartition(":")
            _transport, made = await asyncio.get_running_loop().create_connection(
                protocol, there.strip("[]"), int(its_port), ssl=tls, server_hostname=host if tls else None
            )
    except TimeoutError:
        what = _("{name} does not answer within {seconds} s").format(name=name, seconds=timeout_s)
    except ConnectionRefusedError:
        what = _("{name} refuses connections").format(name=name)
    except ssl.SSLError as error:
        # What OpenSSL found wrong: the name, the dates (look at the clock), or the authority.
        said = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
        what = _("{name}: no trusted TLS connection ({why})").format(name=name, why=said or error)
    except (socket.gaierror, UnicodeError) as error:
        why = getattr(error, "strerror", None) or _("not a host name")
        what = _("{host}: no such host ({why})").format(host=host, why=why)
    except OSError as error:
        what = _("{name} cannot be reached ({why})").format(name=name, why=error.strerror or error)
    else:
        return made
    raise NotConnected(what, retry_s)
