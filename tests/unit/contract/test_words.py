"""Topics, control messages, the catalogue and the published schema."""

import json
from pathlib import Path

import msgspec
import pytest

from haechi.contract import ContractError, vectors_folder
from haechi.contract.catalogue import catalogue, lookup
from haechi.contract.control import (
    Acknowledgement,
    Command,
    GatewayStatus,
    HeldEpoch,
    SettledRanges,
    decode_acknowledgement,
    decode_command,
    decode_status,
    encode_control,
)
from haechi.contract.events import Severity
from haechi.contract.places import Place
from haechi.contract.schema import schema
from haechi.contract.topics import DOWN_ACK, Address, parse, topic

ROOT = Path(__file__).parents[3]


def test_a_topic_is_built_and_taken_apart() -> None:
    name = topic("daejeon", "gw-01", DOWN_ACK)
    assert name == "haechi/v1/daejeon/gw-01/down/ack"
    assert parse(name) == Address("daejeon", "gw-01", "down/ack")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "haechi/v1/a/b/up",
        "haechi/v2/a/b/up/live",
        "haechi/v1/a/b/up/other",
        "haechi/v1/A/b/up/live",
        "haechi/v1/a/b c/up/live",
        "haechi/v1/a/+/up/live",
        "haechi/v1//b/up/live",
        "haechi/v1/a/b/up/live/x",
    ],
)
def test_a_foreign_topic_is_refused(name: str) -> None:
    with pytest.raises(ContractError):
        parse(name)


def test_a_status_of_this_version_is_read_for_ever() -> None:
    status = decode_status((vectors_folder() / "v1-status.json").read_bytes())
    siren, light, sign = status.actuators or ()
    assert (siren.device, siren.name, siren.kind, siren.state, siren.back_us) == (
        *("post-1", "siren", "switch", True),
        1_800_000_020_000_000,
    )
    assert (light.minimum, light.maximum, light.unit, light.fail_safe, light.state) == (0.0, 100.0, "%", 10.0, None)
    assert (sign.characters_max, sign.fail_safe, sign.on_s_max) == (16, "", 3600.0)
    assert [one.state for one in status.commands] == ["done", "unknown"]
    assert status.standing == ("river-1.level.high",)
    (missed,) = status.missed_clips
    assert (missed.event, missed.reason) == ("event-0001", "it was 95 s ago; the camera remembers 30 s (clips.ring_s)")
    before = decode_status(b'{"state":"online","at_us":1}')
    assert before.missed_clips == ()
    assert before.actuators is None, "an earlier gateway does not say what it may be told"


def test_control_messages_survive() -> None:
    held = HeldEpoch(epoch="0" * 32, order=1, lowest=2, next=5)
    status = GatewayStatus(state="online", at_us=1, question="q1", epochs=(held,))
    acknowledgement = Acknowledgement(at_us=1, epochs=(SettledRanges(epoch="0" * 32, settled=((2, 4),)),), answers="q1")
    command = Command(id="c", name="describe", expires_us=2)
    assert decode_status(encode_control(status)) == status
    assert decode_acknowledgement(encode_control(acknowledgement)) == acknowledgement
    assert decode_command(encode_control(command)) == command


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b'{"at_us":1,"epochs":[{"epoch":"x","settled":[]}]}',
        b'{"at_us":1,"epochs":[{"epoch":"' + b"0" * 32 + b'","settled":[[0,1]]}]}',
        b" " * 70_000,
    ],
)
def test_a_broken_acknowledgement_is_refused(payload: bytes) -> None:
    with pytest.raises(ContractError):
        decode_acknowledgement(payload)


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(ContractError):
        SettledRanges(epoch="0" * 32, settled=((4, 2),)).range_set()


def test_every_catalogued_type_is_complete_in_both_languages() -> None:
    assert len(catalogue()) >= 20
    for type_, kind in catalogue().items():
        assert kind.type == type_
        assert set(kind.label) >= {"en", "ko"}
        assert kind.severity in Severity


def test_an_unknown_type_gets_its_domains_defaults() -> None:
    assert lookup("flood.something_new").icon == "flood"
    assert lookup("flood.something_new").severity is Severity.UNKNOWN
    assert lookup("never.heard_of").domain == "never"
    assert lookup("never.heard_of").icon == "other"


def test_the_published_schema_is_the_one_of_the_types() -> None:
    published = json.loads((ROOT / "docs" / "contract.schema.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("name", ["bridge\n", "bridge ", "Bridge", "-bridge", ""])
def test_a_name_that_only_looks_like_another_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": name, "name": "Bridge", "latitude": 1.0, "longitude": 2.0}, Place)
