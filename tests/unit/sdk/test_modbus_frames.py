"""Only what agrees with its request in everything is an answer to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk import BadReading
from haechi.sdk.transports.modbus_frames import (
    Read,
    Refused,
    Table,
    crc16,
    data_of,
    rtu_frame,
    take_rtu_answer,
    take_tcp_frame,
    tcp_frame,
)

# MODBUS Application Protocol Specification V1.1b3, the examples of clauses 6.1 to 6.4.
EXAMPLES = [
    (Read(Table.COIL, 0x13, 0x13), "01 00 13 00 13", "01 03 CD 6B 05"),
    (Read(Table.DISCRETE, 0xC4, 0x16), "02 00 C4 00 16", "02 03 AC DB 35"),
    (Read(Table.HOLDING, 0x6B, 3), "03 00 6B 00 03", "03 06 02 2B 00 00 00 64"),
    (Read(Table.INPUT, 8, 1), "04 00 08 00 01", "04 02 00 0A"),
]
READ = Read(Table.HOLDING, 100, 3)
DATA = bytes(range(6))
ANSWER = bytes([3, 6]) + DATA


@pytest.mark.parametrize(("read", "request_pdu", "answer_pdu"), EXAMPLES)
def test_examples_of_the_specification(read: Read, request_pdu: str, answer_pdu: str) -> None:
    assert read.pdu == bytes.fromhex(request_pdu)
    answer = bytes.fromhex(answer_pdu)
    assert data_of(read, answer) == answer[2:]


def test_check_bytes_of_a_known_frame() -> None:
    assert crc16(bytes.fromhex("11 03 00 6B 00 03")) == bytes.fromhex("76 87")


def test_an_exception_says_what_was_asked_and_why_not() -> None:
    with pytest.raises(Refused) as caught:
        data_of(READ, b"\x83\x02")
    assert str(caught.value) == "holding 100…102: illegal data address (exception 2)"
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "pdu",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x03", id="cut short"),
        pytest.param(b"\x04" + ANSWER[1:], id="another function"),
        pytest.param(b"\x84\x02", id="exception to another function"),
        pytest.param(b"\x03\x04" + DATA[:4], id="fewer registers"),
        pytest.param(b"\x03\x08" + DATA + b"\0\0", id="more registers"),
        pytest.param(ANSWER + b"\0", id="a byte too many"),
        pytest.param(b"\x03\x07" + DATA, id="wrong byte count"),
    ],
)
def test_what_does_not_agree_is_no_answer(pdu: bytes) -> None:
    with pytest.raises(BadReading):
        data_of(READ, pdu)


@given(st.binary(max_size=40), st.integers(0, 40))
def test_a_tcp_frame_comes_out_whole_however_it_is_cut(rest: bytes, at: int) -> None:
    stream = tcp_frame(7, 1, ANSWER) + rest
    buffer = bytearray(stream[:at])
    frame = take_tcp_frame(buffer)
    if frame is None:
        buffer += stream[at:]
        frame = take_tcp_frame(buffer)
    assert frame == (7, 1, ANSWER)


@pytest.mark.parametrize("start", ["00 01 00 01 00 05 01", "00 01 00 00 00 02 01", "00 01 00 00 ff ff 01"])
def test_what_is_not_modbus_tcp_is_noticed(start: str) -> None:
    with pytest.raises(BadReading, match="not Modbus/TCP"):
        take_tcp_frame(bytearray.fromhex(start))


FRAME = rtu_frame(9, ANSWER)


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (b"", "nothing"),
        (rtu_frame(9, READ.pdu), "an echo of the request"),
        (rtu_frame(9, b"\x03\x02\x00\x01"), "a late answer of another length"),
        (rtu_frame(8, ANSWER), "another unit's answer"),
        (rtu_frame(8, b"\x83\x02"), "another unit's exception"),
        (b"\x00", "a byte of noise"),
        (b"\x09\x00", "noise that looks like the unit"),
    ],
)
def test_an_rtu_answer_is_found_behind(before: bytes, name: str) -> None:
    assert take_rtu_answer(bytearray(before + FRAME), 9, READ) == DATA, name


@given(st.integers(0, len(FRAME) - 1))
def test_an_rtu_answer_is_awaited_to_its_end(length: int) -> None:
    assert take_rtu_answer(bytearray(FRAME[:length]), 9, READ) is None


@given(st.binary(max_size=300))
def test_noise_is_no_answer(noise: bytes) -> None:
    try:
        data = take_rtu_answer(bytearray(noise), 9, READ)
    except Refused:
        data = None
    assert data is None


def test_no_changed_byte_of_an_rtu_answer_passes() -> None:
    for place in range(len(FRAME)):
        for change in range(1, 256):
            damaged = bytearray(FRAME)
            damaged[place] ^= change
            assert take_rtu_answer(damaged, 9, READ) is None
