"""Modbus RTU answers in a recording → what the master would hand to an adapter, and what the adapter makes of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from haechi.contract.observations import Value
from haechi.sdk.errors import BadReading
from haechi.sdk.testing.peers import told
from haechi.sdk.transports.modbus_frames import Read, crc16, rtu_frame
from haechi.sdk.transports.modbus_poll import ModbusPolled

_FRAME_BYTES = 5
"""Address, function, byte count and two check bytes; a refusal has as many."""
_EXCEPTION_BIT = 0x80


def rounds_in(data: bytes, unit: int, reads: Sequence[Read]) -> Iterator[list[bytes]]:
    """Yield the data bytes of the answers to ``reads``, round by round, up to the first damage.

    Behind damage nobody knows which answer is which, where two are alike. Passed over is what the master passes over:
    the short answers by which it makes sure that nothing late is under way, and its own requests where an adapter
    echoes them. A refusal ends its round.
    """
    place, answers = 0, list[bytes]()
    while place < len(data):
        read = reads[len(answers)]
        echo = rtu_frame(unit, read.pdu)
        if data.startswith(echo, place):
            place += len(echo)
            continue
        end = _end_of_frame(data, place, unit)
        if end is None:
            return
        frame, place = data[place:end], end
        if frame[1] & _EXCEPTION_BIT:
            answers = []
        elif (frame[1], frame[2]) == (read.table, read.data_bytes):
            answers.append(frame[3:-2])
        if len(answers) == len(reads):
            yield answers
            answers = []


def values_in(adapter: ModbusPolled[Any], data: bytes) -> list[tuple[str, Value]]:
    """Return property and value of what ``adapter`` emits for recorded rounds, in order; nothing behind damage."""
    values: list[tuple[str, Value]] = []
    for answers in rounds_in(data, adapter.config.unit_id, adapter.reads()):
        try:
            values += told(adapter.sample_of(answers))
        except BadReading:
            continue
    return values


def _end_of_frame(data: bytes, start: int, unit: int) -> int | None:
    """Return where the sound answer ends that begins at ``start``; None where there is none."""
    if len(data) < start + _FRAME_BYTES or data[start] != unit:
        return None
    end = start + _FRAME_BYTES + (0 if data[start + 1] & _EXCEPTION_BIT else data[start + 2])
    return end if len(data) >= end and crc16(data[start : end - 2]) == data[end - 2 : end] else None
