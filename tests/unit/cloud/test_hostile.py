"""Whatever a gateway sends becomes a dead letter of its own, with its name where it has one, and never an exception."""

import json
from typing import Any

import msgspec
import pytest
import zstandard

from haechi.cloud.event_broker.arrivals import Arrival, Report, Unreadable, read
from haechi.contract import codec, envelope
from haechi.contract.parcel import ParcelName
from support.sender import EPOCH, alarm, flood

NAME = ParcelName(EPOCH, 2**62 - 1)
DEEP = b"\x91" * 60_000 + b"\xc0"
"""An array in an array in an array …, in MessagePack."""


def take(channel: str, payload: bytes) -> object:
    return read(Arrival(f"haechi/v1/city/cabinet-1/up/{channel}", payload, 0), ["city"], "city")


def body() -> bytes:
    """A parcel with an event, unpacked."""
    _name, _version, packed = envelope.unwrap(codec.encode(NAME, alarm(flood("event-0001", data={"depth": 1}))))
    return zstandard.decompress(packed)


def nested_in_an_event() -> bytes:
    before, found, after = body().partition(msgspec.msgpack.encode({"depth": 1}))
    assert found
    return before + b"\x81" + msgspec.msgpack.encode("depth") + DEEP + after


def a_gigabyte_of_zeros() -> bytes:
    compressor = zstandard.ZstdCompressor().compressobj(size=2**30)
    return b"".join(compressor.compress(bytes(2**20)) for _ in range(2**10)) + compressor.flush()


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(zstandard.compress(DEEP), id="nested"),
        pytest.param(zstandard.compress(nested_in_an_event()), id="nested in an event"),
        pytest.param(a_gigabyte_of_zeros(), id="a gigabyte of zeros"),
        pytest.param(zstandard.compress(bytes(4_000_000)), id="as many zeros as may be"),
        pytest.param(zstandard.compress(body()[:-1]), id="cut"),
        pytest.param(zstandard.compress(body().replace(b"Bridge", b"\xff\xfeidge")), id="not UTF-8"),
        pytest.param(b"\x28\xb5\x2f\xfd" + bytes(64), id="no size"),
    ],
)
def test_a_body_that_is_made_to_hurt_is_a_dead_letter_and_its_number_is_settled(packed: bytes) -> None:
    came = take("urgent", envelope.wrap(NAME, codec.VERSION, packed))
    assert isinstance(came, Unreadable)
    assert (came.settles, came.letter.gateway) == (NAME, "cabinet-1"), "nobody needs to send it again"
    assert len(came.letter.reason) < 500


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b'{"state":"online","at_us":1,"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", id="nested"),
        pytest.param(b'{"state":"online","at_us":1,"x":' + b'{"x":' * 10_000, id="nested and cut"),
        pytest.param(b'{"state":"online","at_us":' + b"9" * 60_000 + b"}", id="a number without end"),
        pytest.param(b'{"state":"online","at_us":1e400}', id="no number"),
        pytest.param(b'{"state":"online","at_us":1,"question":"' + b"x" * 70_000 + b'"}', id="too long"),
        pytest.param(b'{"state":"online","at_us":1,"software":"\xff"}', id="not UTF-8"),
    ],
)
def test_a_status_that_is_made_to_hurt_is_a_dead_letter(payload: bytes) -> None:
    came = take("status", payload)
    assert isinstance(came, Unreadable)
    assert (came.cause, came.letter.gateway) == ("status", "cabinet-1")


def test_a_status_lists_no_more_epochs_than_it_may() -> None:
    def status(count: int) -> bytes:
        held: list[dict[str, Any]] = [
            {"epoch": f"{number:032x}", "order": 2**62, "lowest": 1, "next": 2} for number in range(count)
        ]
        return json.dumps({"state": "online", "at_us": 1, "epochs": held}).encode()

    assert isinstance(take("status", status(64)), Report)
    assert isinstance(take("status", status(65)), Unreadable)
