"""A master takes the answer to its own request, however late others come."""

import struct

import pytest

from haechi.sdk import NotConnected
from haechi.sdk.terminal import Terminal
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.transports.umb import Umb
from haechi.sdk.transports.umb_frames import frame

_CHANNEL, _DEVICE = 101, 0x9001


class SlowDevice:
    """Answers a request only when it hears the next one; its value counts the requests."""

    def __init__(self) -> None:
        self.terminal = Terminal()
        self.terminal.listen(self._heard)
        self._owed: list[bytes] = []

    def _heard(self, request: bytes) -> None:
        (master,) = struct.unpack_from("<H", request, 4)
        value = bytes([0]) + _CHANNEL.to_bytes(2, "little") + bytes([0x10, len(self._owed) + 1])
        payload = b"\x2f\x10\x00\x01" + bytes([len(value)]) + value
        self._owed.append(frame(master, _DEVICE, payload))
        if len(self._owed) > 1:
            self.terminal.say(b"".join(self._owed))


async def test_a_late_answer_is_never_taken_for_the_next() -> None:
    device = SlowDevice()
    master = Umb(LineSettings(device.terminal.path, 115200), _DEVICE, timeout_s=0.1, retry_s=1)
    master.join()
    with pytest.raises(NotConnected, match=r"device 9001h does not answer within 0\.1 s"):
        await master.read([_CHANNEL])
    (said,) = await master.read([_CHANNEL])
    assert said.value == 2
    master.close()
    with pytest.raises(NotConnected, match="the bus was left"):
        await master.read([_CHANNEL])
    device.terminal.close()
