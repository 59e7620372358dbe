"""Modbus RTU answers in a recording → what the master would hand to an adapter."""

from collections.abc import Sequence

from haechi.sdk.errors import BadReading
from haechi.sdk.transports.modbus_frames import Read, take_rtu_answer

_FRAME_BYTES = 5
"""Address, function, byte count and two check bytes."""


def answers_in(data: bytes, unit: int, reads: Sequence[Read]) -> list[bytes] | None:
    """Return the data bytes of the answers to ``reads``, one after the other; None where one is not sound."""
    answers, place = [], 0
    for read in reads:
        end = place + _FRAME_BYTES + read.data_bytes
        try:
            answer = take_rtu_answer(bytearray(data[place:end]), unit, read)
        except BadReading:
            return None
        if answer is None:
            return None
        answers.append(answer)
        place = end
    return answers
