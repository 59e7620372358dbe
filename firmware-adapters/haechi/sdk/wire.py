"""The wire below a transport, where somebody may listen or stand in: to record, to replay, to make faults on purpose.

A transport asks :func:`wire` whenever it opens, connects to where :meth:`Wire.leads_to` points, and lets every byte
pass through the :class:`Tap` that it got. By default nobody is there and bytes pass as they are. Who attaches a wire
with :func:`attached` reaches the transports that open in the same task, or in tasks begun from there, and no others.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Tap:
    """One opening of one transport: sees what passes, and says what the other side gets of it."""

    def came(self, data: bytes) -> bytes:
        """Return what the transport takes for having come, where ``data`` came."""
        return data

    def sent(self, data: bytes) -> bytes:
        """Return what goes onto the wire, where the transport sends ``data``."""
        return data

    def closed(self) -> None:
        """Learn that the transport has closed; it takes nothing more."""


class Wire:
    """What lies between transports and devices; this one is nothing but wire."""

    def leads_to(self, address: str) -> str:
        """Return where to connect in place of ``address``: a path, or ``host:port``.

        Raises:
            OSError: nothing is there; the transport says so as of the real thing.
        """
        return address

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        """Return the tap for a transport that has opened ``address``.

        Args:
            address: as written in the configuration, the same that :meth:`leads_to` got.
            deliver: makes bytes come to the transport; it ignores them when it has closed.
            datagrams: True where bytes come in units that must stay whole.
        """
        return _NOBODY

    async def pause(self, seconds: float) -> None:
        """Return after ``seconds`` of what a protocol demands of its wire: silence between frames, or a break."""
        await asyncio.sleep(seconds)


_NOBODY = Tap()
_attached: ContextVar[Wire] = ContextVar("haechi.sdk.wire", default=Wire())  # noqa: B039 - it has no state


def wire() -> Wire:
    """Return the wire for a transport that opens now."""
    return _attached.get()


@contextmanager
def attached(wire: Wire) -> Iterator[None]:
    """Put ``wire`` below the transports that open within."""
    token = _attached.set(wire)
    try:
        yield
    finally:
        _attached.reset(token)
