"""Modbus RTU answers in a recording → what the master would hand to an adapter, and what the adapter makes of it."""

from collections.abc import Sequence
from typing import Any

from haechi.contract.observations import Value
from haechi.sdk.errors import BadReading
from haechi.sdk.testing.peers import told
from haechi.sdk.transports.modbus_frames import Read, take_rtu_answer
from haechi.sdk.transports.modbus_poll import ModbusPolled

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


def values_in(adapter: ModbusPolled[Any], data: bytes) -> list[tuple[str, Value]]:
    """Return property and value of what ``adapter`` emits for one recorded round, in order; nothing for damage."""
    answers = answers_in(data, adapter.config.unit_id, adapter.reads())
    sample = None if answers is None else adapter.sample_of(answers)
    return told(sample)
