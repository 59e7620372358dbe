"""MQTT packets in a recording → the messages that an adapter would be handed, and what it makes of them."""

from contextlib import suppress
from typing import Any

from haechi.contract.observations import Value
from haechi.sdk.errors import BadReading
from haechi.sdk.listening import Listening
from haechi.sdk.transports.mqtt_frames import Kind, Message, Packets, matches, message_of
from haechi.sdk.transports.mqtt_stream import PACKET_BYTES_MAX


def messages_in(data: bytes) -> list[Message]:
    """Return the messages of a stream, up to where it stops being what a broker says to one who listens.

    A recording of a live device begins with the broker's answers to being connected and subscribed to.
    """
    messages: list[Message] = []
    with suppress(BadReading):
        for packet in Packets(PACKET_BYTES_MAX).feed(data):
            if packet.kind == Kind.PUBLISH:
                messages.append(message_of(packet))
            elif packet.kind != Kind.PINGRESP and (messages or packet.kind not in (Kind.CONNACK, Kind.SUBACK)):
                break
    return messages


def values_in(adapter: Listening[Any], data: bytes) -> list[tuple[str, Value]]:
    """Return property and value of what ``adapter`` emits for the messages of a stream, in order."""
    values: list[tuple[str, Value]] = []
    for message in messages_in(data):
        if not any(matches(one, message.topic) for one in adapter.filters()):
            continue
        try:
            samples = (adapter.state_of(message) if message.retained else adapter.samples_of(message)) or ()
        except BadReading:
            continue
        for sample in samples:
            names = (name.partition(".")[2] for name in sample.datastreams)
            values += zip(names, sample.values, strict=True)
    return values
