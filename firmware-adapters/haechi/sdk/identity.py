"""Who answers at an address: read again whenever a device is opened again; nobody's values go by another's name.

A port, an address on a bus or a host says where a device is, not which one. What a device says of itself (maker, model,
serial number) is remembered from its first answer on. Whoever answers there later with another identity is not read:
that is told, until a person has looked. One damaged answer never makes a stranger: what is new must be said twice.
"""

from collections.abc import Awaitable, Callable

from haechi.sdk.errors import BadReading, NotConnected
from haechi.text import _

_SHOWN_CHARACTERS = 64


class OtherDevice(NotConnected):
    """Another device answers than before; what it says must not be taken."""


class Identity:
    """Who answered at one place since the gateway started, or who must."""

    def __init__(self, expected: str = "") -> None:
        """``expected``: who must answer; empty believes the first who does."""
        self.known = expected

    async def heed(self, name: str, read: Callable[[], Awaitable[str]], *, retry_s: float) -> None:
        """Read who answers at ``name``, and compare.

        Args:
            name: where it is, for texts.
            read: asks the device; empty where it has no identity to say.
            retry_s: what a ``NotConnected`` asks its receiver to wait.

        Raises:
            OtherDevice: it is not the one from before.
            NotConnected: it does not say who it is any more.
            BadReading: it does not say the same twice.
        """
        try:
            said = await read()
        except NotConnected:
            if self.known:
                raise
            return  # one that answers other questions and never this: nothing can be known of it
        if said == self.known:
            return
        if await read() != said:
            raise BadReading(_("{name} does not say twice who it is").format(name=name))
        if self.known:
            what = _(
                "{name}: another device answers, {now}; it was {before}. Nothing is read of it: "
                "put the right one there, or restart the gateway if it was replaced"
            )
            raise OtherDevice(what.format(name=name, now=_shown(said), before=_shown(self.known)), retry_s)
        self.known = said


def _shown(identity: str) -> str:
    text = "".join(one if one.isprintable() else "?" for one in identity[:_SHOWN_CHARACTERS])
    return repr(text) if text else _("one that does not say who it is")
