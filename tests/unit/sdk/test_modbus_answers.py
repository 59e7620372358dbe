"""A recording of a Modbus device, as ``haechi adapter record`` writes it, means its values, and damage means none."""

import struct
from collections.abc import Sequence
from typing import ClassVar

from haechi.contract.places import Datastream
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.testing.modbus_answers import rounds_in, values_in
from haechi.sdk.transports.modbus_frames import Read, Table, rtu_frame
from haechi.sdk.transports.modbus_poll import ModbusKeys, ModbusPolled

UNIT = 7
READS = (Read(Table.HOLDING, 0, 2), Read(Table.HOLDING, 10, 2))


class Pair(ModbusPolled[ModbusKeys]):
    Config: ClassVar = ModbusKeys
    kind = "a pair"

    def describe(self) -> list[Datastream]:
        return [self.datastream(name, "m") for name in ("first", "second")]

    def reads(self) -> Sequence[Read]:
        return READS

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        first, second = (struct.unpack(">f", answer)[0] for answer in answers)
        if first < 0:
            raise BadReading("it is below the ground")
        return Sample(("p.first", "p.second"), (first, second))


def answer(value: float) -> bytes:
    return rtu_frame(UNIT, b"\x03\x04" + struct.pack(">f", value))


PAIR = Pair("p", ModbusKeys(serial_port="/dev/null", unit_id=UNIT), Host())
FENCE = rtu_frame(UNIT, b"\x03\x02\x00\x00")
REFUSAL = rtu_frame(UNIT, b"\x83\x02")
ROUNDS = answer(1.0) + answer(2.0) + answer(3.0) + answer(4.0)
VALUES = [("first", 1.0), ("second", 2.0), ("first", 3.0), ("second", 4.0)]


def test_every_round_is_told_and_the_masters_own_precautions_are_not() -> None:
    assert values_in(PAIR, FENCE + ROUNDS) == VALUES
    assert values_in(PAIR, REFUSAL + ROUNDS) == VALUES
    echoed = b"".join(
        rtu_frame(UNIT, read.pdu) + answer(value) for read, value in zip(READS * 2, (1.0, 2.0, 3.0, 4.0), strict=True)
    )
    assert values_in(PAIR, echoed) == VALUES


def test_a_refused_part_costs_its_round() -> None:
    assert values_in(PAIR, answer(9.0) + REFUSAL + FENCE + ROUNDS) == VALUES


def test_what_the_adapter_refuses_is_no_value() -> None:
    assert values_in(PAIR, answer(-1.0) + answer(2.0) + ROUNDS) == VALUES


def test_no_damage_makes_the_second_answer_the_first() -> None:
    whole = FENCE + ROUNDS
    for place in range(len(whole)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= change
            assert [value for value in values_in(PAIR, bytes(damaged)) if value not in VALUES] == []


def test_what_breaks_off_is_the_beginning_of_the_whole() -> None:
    for size in range(len(ROUNDS)):
        decoded = list(rounds_in(ROUNDS[:size], UNIT, READS))
        assert len(decoded) == size // (len(ROUNDS) // 2)
