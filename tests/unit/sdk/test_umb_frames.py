"""UMB frames agree with the manual's examples; what is not the answer to this very request is never taken for it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk import BadReading
from haechi.sdk.transports.umb_frames import channel_values, channels_request, frame, take_answer

# IRS31Pro-UMB Operating Manual V10, page 49: request of the channels 101, 601 and 900, and the answer.
_REQUEST = bytes.fromhex("01 10 01 90 01 F0 09 02 2F 10 03 65 00 59 02 84 03 03 D2 6C 04")
_ANSWER = bytes.fromhex(
    "01 10 01 F0 01 90 1C 02 2F 10 00 03 08 00 65 00 16 ED 14 CF 41 08 00 59 02 16 80 E3 25 3F"
    "05 00 84 03 10 0A 03 FC A2 04"
)
_CHANNELS = (101, 601, 900)


def answer(stream: bytes, master: int = 0xF001) -> bytes | None:
    return take_answer(bytearray(stream), device=0x9001, master=master)


def test_the_manuals_examples() -> None:
    assert channels_request(0x9001, 0xF001, _CHANNELS) == _REQUEST
    # Page 48: the request of one channel by command 23h, which has the same frame.
    single = bytes.fromhex("01 10 01 90 01 F0 04 02 23 10 65 00 03 85 DC 04")
    assert frame(0x9001, 0xF001, bytes.fromhex("23 10 65 00")) == single
    payload = answer(_ANSWER)
    assert payload is not None
    values = channel_values(payload, _CHANNELS)
    assert [(one.channel, one.status) for one in values] == [(101, 0), (601, 0), (900, 0)]
    assert [one.value for one in values] == [
        struct.unpack("<f", bytes.fromhex("ED14CF41"))[0],
        struct.unpack("<f", bytes.fromhex("80E3253F"))[0],
        10,
    ]


@pytest.mark.parametrize("master", [0xF002, 0xF0FF])
def test_an_answer_to_another_request_is_somebody_elses(master: int) -> None:
    assert answer(_ANSWER, master) is None


def test_our_own_echo_and_others_are_passed_over() -> None:
    other = frame(0xF001, 0x9002, _ANSWER[8:-4])
    stream = b"\x01\xff" + _REQUEST + other + _ANSWER
    assert answer(stream) == _ANSWER[8:-4]


@given(st.binary(max_size=20), st.lists(st.integers(1, 60), max_size=10))
def test_the_answer_is_found_however_it_is_cut(before: bytes, cuts: list[int]) -> None:
    stream = before.replace(b"\x01", b"\x05") + _ANSWER
    buffer, found = bytearray(), []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        buffer += stream[start:end]
        if (payload := take_answer(buffer, device=0x9001, master=0xF001)) is not None:
            found.append(payload)
    assert found == [_ANSWER[8:-4]]


def test_a_status_is_no_value() -> None:
    payload = bytes.fromhex("2F 10 00 02 04 24 65 00 00 05 00 84 03 10 0A")
    values = channel_values(payload.replace(bytes.fromhex("04 24 65 00 00"), bytes.fromhex("03 24 65 00")), (101, 900))
    assert (values[0].status, values[0].value) == (0x24, None)


@pytest.mark.parametrize(
    ("payload", "channels"),
    [
        ("2F 10 10 00", (900,)),  # unknown command
        ("2F 10 00 01 05 00 84 03 10 0A", (901,)),
        ("2F 10 00 02 05 00 84 03 10 0A", (900,)),
        ("2F 10 00 01 05 00 84 03 10", (900,)),
        ("2F 10 00 01 05 00 84 03 99 0A", (900,)),
        ("2F 10 00 01 05 00 84 03 12 0A", (900,)),
        ("2F 10 00", (900,)),
        ("2F 10 00 01 00", (900,)),
    ],
)
def test_what_is_no_answer_to_the_request(payload: str, channels: tuple[int, ...]) -> None:
    with pytest.raises(BadReading):
        channel_values(bytes.fromhex(payload), channels)
