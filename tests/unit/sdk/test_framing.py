"""Frames are found in a stream however it is cut, and damage is counted."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk.framing import Delimited, FixedSize


def is_digits(frame: bytes) -> bool:
    return len(frame) == 4 and frame.isdigit()


def sum_agrees(frame: bytes) -> bool:
    return sum(frame[:3]) & 0xFF == frame[3]


def sealed(high: int, low: int) -> bytes:
    body = bytes([0xFF, high, low])
    return body + bytes([sum(body) & 0xFF])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=20), st.lists(st.integers(0, 200)))
def test_lines_are_the_same_however_they_are_cut(numbers: list[int], places: list[int]) -> None:
    frames = Delimited(b"\r", size_max=4, is_sound=is_digits)
    found = [
        frame for part in cut(b"\r" + b"".join(b"%04d\r" % n for n in numbers), places) for frame in frames.feed(part)
    ]
    assert found == [b"%04d" % n for n in numbers]
    assert frames.bad == 0


def test_the_tail_of_a_line_that_began_before_us_is_nobodys_fault() -> None:
    frames = Delimited(b"\r", size_max=4, is_sound=is_digits)
    assert frames.feed(b"34\r1234\r12\r") == [b"1234"]
    assert frames.bad == 1


def test_a_tail_that_looks_like_a_whole_line_is_not_taken_for_one() -> None:
    frames = Delimited(b"\r", size_max=6, is_sound=bytes.isdigit)
    assert frames.feed(b"34\r1234\r") == [b"1234"]


def test_endless_bytes_without_delimiter_are_counted_once_and_not_kept() -> None:
    frames = Delimited(b"\r", size_max=4, is_sound=is_digits)
    frames.feed(b"\r1234\r")
    for _part in range(1000):
        assert frames.feed(b"x" * 1000) == []
    assert frames.bad == 1
    assert len(frames._rest) < 100
    assert frames.feed(b"\r1234\r") == [b"1234"]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=2, max_size=20), st.lists(st.integers(0, 99))
)
def test_binary_frames_are_the_same_however_they_are_cut(pairs: list[tuple[int, int]], places: list[int]) -> None:
    stream = b"".join(sealed(*pair) for pair in pairs)
    frames = FixedSize(b"\xff", size=4, is_sound=sum_agrees)
    found = [frame for part in cut(stream, places) for frame in frames.feed(part)]
    assert b"".join(found) == stream
    assert frames.bad == 0


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 255)), min_size=3, max_size=10),
    st.integers(0, 1000),
    st.integers(1, 255),
)
def test_one_changed_byte_never_makes_a_frame_that_was_not_sent(
    pairs: list[tuple[int, int]], place: int, change: int
) -> None:
    sent = [sealed(*pair) for pair in pairs]
    stream = bytearray(b"".join(sent))
    stream[place % len(stream)] ^= change
    frames = FixedSize(b"\xff", size=4, is_sound=sum_agrees)
    assert all(frame in sent for frame in frames.feed(bytes(stream)))


def test_a_stream_is_found_again_after_noise() -> None:
    frames = FixedSize(b"\xff", size=4, is_sound=sum_agrees)
    good = sealed(7, 0xA1)
    assert frames.feed(good + good) == [good, good]
    assert frames.feed(b"\xff\x00\x01noise\xff") == []
    assert frames.feed(good + good) == [good, good]
    assert frames.bad == 1
