"""MQTT packets read back as written, in whatever pieces they come; what breaks a rule is refused, and never hangs."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.sdk import BadReading
from haechi.sdk.transports import mqtt_frames as frames
from haechi.sdk.transports.mqtt_frames import Kind, Message, Packet, Packets, is_filter, matches

TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="+#\0"), min_size=1, max_size=40)
MESSAGES = st.builds(
    lambda topic, payload, qos, retained, packet_id: Message(
        topic, payload, qos, retained, False, packet_id * bool(qos)
    ),
    TOPICS,
    st.binary(max_size=300),
    st.integers(0, 1),
    st.booleans(),
    st.integers(1, 65535),
)


@given(st.lists(MESSAGES, max_size=4), st.integers(1, 50))
def test_messages_read_back_as_written_in_pieces_of_any_size(messages: list[Message], size: int) -> None:
    stream = b"".join(map(frames.publish, messages))
    packets = Packets(1000)
    read = []
    for start in range(0, len(stream), size):
        read += [frames.message_of(packet) for packet in packets.feed(stream[start : start + size])]
    assert read == messages


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=64), max_size=10))
def test_no_bytes_raise_anything_but_bad_reading(pieces: list[bytes]) -> None:
    packets = Packets(200)
    with suppress(BadReading):
        for piece in pieces:
            for packet in packets.feed(piece):
                for read in (frames.message_of, frames.connack_of, frames.suback_of):
                    with suppress(BadReading):
                        read(packet)


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384])
def test_lengths_of_one_to_three_bytes(size: int) -> None:
    assert Packets(20_000).feed(frames.packet(Kind.PUBLISH, bytes(size))) == [Packet(3, 0, bytes(size))]


@pytest.mark.parametrize("stream", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\x7f", b"\x30\xc8\x01"])
def test_what_is_longer_than_allowed_is_refused_before_it_has_come(stream: bytes) -> None:
    with pytest.raises(BadReading):
        Packets(100).feed(stream)


@pytest.mark.parametrize(
    "packet",
    [
        Packet(2, 0, b"\0\1a"),
        Packet(3, 6, b"\0\1a\0\1"),  # QoS 3
        Packet(3, 8, b"\0\1a"),  # a duplicate of QoS 0
        Packet(3, 2, b"\0\1a\0\0"),  # packet identifier 0
        Packet(3, 2, b"\0\1a\0"),
        Packet(3, 0, b"\0\5ab"),
        Packet(3, 0, b"\0\0"),
        Packet(3, 0, b"\0\1+"),
        Packet(3, 0, b"\0\1\xff"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(packet: Packet) -> None:
    with pytest.raises(BadReading):
        frames.message_of(packet)


def test_connect_is_what_the_standard_writes() -> None:
    """3.1.2, non normative example: flags and keep alive stand where a broker looks for them."""
    written = frames.connect("a", 10, clean=True, username="u", password="p")
    assert written == b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x0a\x00\x01a\x00\x01u\x00\x01p"
    kept = frames.connect("a", 10, clean=False, username=None, password=None)
    assert kept == b"\x10\x0d\x00\x04MQTT\x04\x00\x00\x0a\x00\x01a"
    assert frames.subscribe(1, ("a/#",), 1) == b"\x82\x08\x00\x01\x00\x03a/#\x01"


@pytest.mark.parametrize(
    ("topic_filter", "topic", "belongs"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/load", False),
        ("+/load", "$SYS/load", False),
        ("$SYS/#", "$SYS/load", True),
        ("+/+", "/b", True),
        ("A/b", "a/b", False),
    ],
)
def test_subscriptions_take_what_the_standard_says(topic_filter: str, topic: str, belongs: bool) -> None:
    assert matches(topic_filter, topic) is belongs


@pytest.mark.parametrize(
    ("topic_filter", "sound"),
    [("a/+/b", True), ("#", True), ("a/#", True), ("", False), ("a/#/b", False), ("a+", False), ("a/b#", False)],
)
def test_filters_that_no_broker_takes_are_known(topic_filter: str, sound: bool) -> None:
    assert is_filter(topic_filter) is sound
