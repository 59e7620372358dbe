"""What passed the wires of a child, put on the gateway's own: ``trace`` and ``record`` hear isolated adapters too."""

from haechi.sdk.isolation.messages import Passed
from haechi.sdk.wire import Tap, wire

_WIRES_MAX = 64
_ADDRESS_CHARACTERS_MAX = 200


class Overheard:
    """The wires of one child; nothing comes back to it from here."""

    def __init__(self) -> None:
        """Begin with none."""
        self._taps: dict[str, Tap] = {}

    def pass_on(self, passed: Passed) -> None:
        """Let whoever listens to this process's wires hear it; a child has only so many wires."""
        address = passed.address[:_ADDRESS_CHARACTERS_MAX]
        tap = self._taps.get(address)
        if tap is None:
            if len(self._taps) >= _WIRES_MAX:
                return
            tap = self._taps[address] = wire().tap(address, lambda _data: None)
        (tap.came if passed.way == "came" else tap.sent)(passed.data)

    def close(self) -> None:
        """Take the taps off."""
        for tap in self._taps.values():
            tap.closed()
        self._taps.clear()
