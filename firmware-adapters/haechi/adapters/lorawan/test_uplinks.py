"""What network servers publish is read as it was meant: whose time, which frames are new, what a TPS110 says."""

import asyncio
import base64
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.adapters.lorawan.adapter import Lorawan
from haechi.adapters.lorawan.payloads.bosch_tps110 import BoschTps110
from haechi.adapters.lorawan.simulator import LorawanSimulator
from haechi.adapters.lorawan.uplinks import from_chirpstack, from_the_things_stack
from haechi.contract.observations import Quality
from haechi.sdk import BadReading, ConfigError, Host, Sample
from haechi.sdk.transports.mqtt_frames import Message

EUI = "0004a30b001c0530"
AT_US = 1_658_136_855_775_023
"""2022-07-18T09:34:15.775023Z"""


def park(server: str = "chirpstack", **written: Any) -> Lorawan:
    bay = {"dev_eui": EUI.upper(), "name": "bay-1", "payload": "bosch_tps110"}
    config = {"broker_url": "mqtt://127.0.0.1", "network_server": server, "application": "a", "end_device": [bay]}
    return Lorawan("park", Lorawan.load_config({**config, **written}), Host())


def chirpstack(payload: bytes = b"\1", *, port: int = 1, counter: int = 7, **other: Any) -> Message:
    event = {
        "deviceInfo": {"devEui": EUI},
        "devAddr": "00189440",
        "fCnt": counter,
        "fPort": port,
        "data": base64.b64encode(payload).decode(),
        "rxInfo": [{"gwTime": "2022-07-18T09:34:15.775023242+00:00", "nsTime": "2022-07-18T09:34:15.9+00:00"}],
    }
    return Message("application/a/device/x/event/up", json.dumps({**event, **other}).encode())


def at(second: int, *, server_s: int | None = None) -> dict[str, Any]:
    server = f"2022-07-18T09:35:{second if server_s is None else server_s:02d}+00:00"
    return {"rxInfo": [{"gwTime": f"2022-07-18T09:35:{second:02d}+00:00", "nsTime": server}]}


def taken(samples: list[Sample] | None) -> list[tuple[Any, ...]]:
    assert samples is not None
    return [(one.values, one.device_time_us, one.qualities) for one in samples]


def test_the_time_is_the_radio_gateways() -> None:
    assert taken(park().samples_of(chirpstack())) == [((True,), AT_US, None)]


def test_of_several_gateways_the_one_in_the_middle_is_believed_and_none_with_a_wrong_clock() -> None:
    times = ("1970-01-01T00:00:05Z", "2022-07-18T09:34:15.7Z", "2022-07-18T09:34:15.8Z", "2031-01-01T00:00:00Z")
    said = [{"gwTime": time, "nsTime": "2022-07-18T09:34:16Z"} for time in times]
    one = park()
    assert taken(one.samples_of(chirpstack(rxInfo=said))) == [((True,), AT_US - 75_023, None)]
    assert not one.host.counters


@pytest.mark.parametrize(
    ("gateway", "counter"), [(None, "gateway_time_missing"), ("1970-01-01T00:01:00Z", "gateway_time_wrong")]
)
def test_without_a_gateways_time_the_servers_is_taken_and_the_value_uncertain(
    gateway: str | None, counter: str
) -> None:
    said = [{"gwTime": gateway, "nsTime": "2022-07-18T09:34:15.775023Z"}]
    one = park()
    assert taken(one.samples_of(chirpstack(rxInfo=said))) == [((True,), AT_US, (Quality.UNCERTAIN,))]
    assert one.host.counters == {counter: 1}
    good = park(server_time_is_good=True)
    assert taken(good.samples_of(chirpstack(rxInfo=said))) == [((True,), AT_US, None)]


def test_the_things_stack_says_the_same_in_its_own_words() -> None:
    body = {
        "end_device_ids": {"device_id": "bay-1", "dev_eui": EUI.upper(), "dev_addr": "00BCB929"},
        "received_at": "2022-07-18T09:34:16.2Z",
        "uplink_message": {
            "session_key_id": "AXBSH1Pk6Z0G166RlH16CQ==",
            "f_port": 2,
            "frm_payload": "Af8=",
            "rx_metadata": [{"gateway_ids": {"gateway_id": "roof"}, "time": "2022-07-18T09:34:15.775023Z"}],
            "received_at": "2022-07-18T09:34:15.9Z",
        },
    }
    one = park("the_things_stack")
    assert one.filters() == ("v3/a/devices/+/up",)
    message = Message("v3/a/devices/bay-1/up", json.dumps(body).encode())
    assert taken(one.samples_of(message)) == [((True, -1.0), AT_US, None)]
    with pytest.raises(BadReading, match="simulated"):
        one.samples_of(Message(message.topic, json.dumps({**body, "simulated": True}).encode()))


def test_frames_that_come_again_are_dropped_and_missing_ones_are_counted() -> None:
    one = park()
    for second, counter, payload, comes in (
        (1, 7, b"\1", True),
        (1, 7, b"\1", False),  # by the broker
        (9, 7, b"\1", False),  # by the device, unanswered
        (20, 10, b"\0", True),  # 8 and 9 are missing
        (15, 9, b"\1", False),  # late
        (30, 0, b"\1", True),  # restarted
        (40, 1, b"\0", True),
        (45, 1, b"\1", True),  # restarted again
    ):
        samples = one.samples_of(chirpstack(payload, counter=counter, **at(second)))
        assert samples is not None
        assert bool(samples) is comes, (second, counter)
    counted = {"frames_repeated": 2, "frames_missed": 2, "frames_old": 1, "counter_restarts": 2}
    assert one.host.counters == counted


def test_a_device_that_joins_anew_begins_a_new_counter() -> None:
    one = park()
    assert one.samples_of(chirpstack(counter=500, **at(1)))
    assert one.samples_of(chirpstack(counter=600, devAddr="01000000", **at(2)))
    assert not one.samples_of(chirpstack(counter=499, **at(1)))
    assert one.host.counters == {"counter_restarts": 1, "frames_old": 1}


def test_what_a_radio_gateway_kept_is_of_the_past() -> None:
    one = park()
    late = one.samples_of(
        chirpstack(counter=1, rxInfo=[{"gwTime": "2022-07-18T09:00:00Z", "nsTime": "2022-07-18T09:05:01Z"}])
    )
    new = one.samples_of(chirpstack(counter=2))
    assert late is not None
    assert new is not None
    assert [late[0].history, new[0].history] == [True, False]


def test_what_holds_no_value_is_counted_and_what_is_foreign_is_none_of_ours() -> None:
    one = park()
    assert one.samples_of(chirpstack(b"", port=0)) == []
    assert one.samples_of(chirpstack(b"\1\2", port=5, counter=8)) == []
    assert one.host.counters == {"no_value": 2}
    assert one.samples_of(chirpstack(deviceInfo={"devEui": "0" * 16})) is None


@pytest.mark.parametrize(
    ("port", "payload", "values"),
    [
        (1, "00", {"occupied": False}),
        (2, "01", {"occupied": True}),
        (2, "01ff", {"occupied": True, "temperature": -1.0}),
        (
            3,
            "24030000750300000000000000 1d 02 03 01",
            {"occupied": True, "firmware": "0.29.2", "startup_codes": "804 885", "reset_cause": "system_request"},
        ),
        (3, "000000000000000000000000 00 17 03 09 00", {"occupied": False, "firmware": "0.23.3", "startup_codes": ""}),
        (4, "0102", {}),
        (6, "01000000 9401 0000 0700", {"debug_code": 404.0}),
    ],
)
def test_payloads_of_a_tps110(port: int, payload: str, values: dict[str, Any]) -> None:
    assert BoschTps110().values(port, bytes.fromhex(payload)) == values


@pytest.mark.parametrize(("port", "payload"), [(1, "02"), (1, "010101"), (2, ""), (3, "01"), (6, "0000"), (7, "01")])
def test_what_a_tps110_never_sends_is_no_reading(port: int, payload: str) -> None:
    with pytest.raises(BadReading):
        BoschTps110().values(port, bytes.fromhex(payload))


@settings(max_examples=300)
@given(st.integers(0, 255), st.binary(max_size=24))
def test_no_payload_gives_what_was_not_described(port: int, payload: bytes) -> None:
    described = {one.name: one.kind for one in BoschTps110.properties}
    kinds = {"bool": bool, "number": float, "text": str}
    try:
        values = BoschTps110().values(port, payload)
    except BadReading:
        return
    for name, value in values.items():
        assert type(value) is kinds[described[name]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"deviceInfo":{"devEui":"0004a30b001c053"}}',
        b'{"deviceInfo":{"devEui":"0004a30b001c0530"},"fCnt":-1}',
        b'{"deviceInfo":{"devEui":"0004a30b001c0530"},"fPort":256}',
        b'{"deviceInfo":{"devEui":"0004a30b001c0530"},"data":"AQ"}',
        b'{"deviceInfo":{"devEui":"0004a30b001c0530"},"time":"yesterday"}',
        b'{"deviceInfo":{"devEui":"0004a30b001c0530"},"time":"2022-07-18T09:34:15"}',
        b'{"deviceInfo":{"devEui":"0004a30b001c0530"},"time":"1960-07-18T09:34:15Z"}',
        b"[" * 5000,
    ],
)
def test_what_no_network_server_says_is_no_reading(body: bytes) -> None:
    for read in (from_chirpstack, from_the_things_stack):
        with pytest.raises(BadReading):
            read(body)


def test_an_uplink_without_any_time_is_no_reading() -> None:
    with pytest.raises(BadReading, match="without any time"):
        park().samples_of(chirpstack(rxInfo=[]))


@pytest.mark.parametrize("server", ["chirpstack", "the_things_stack"])
async def test_both_servers_are_heard_over_their_own_topics(server: Literal["chirpstack", "the_things_stack"]) -> None:
    async with LorawanSimulator(server) as simulator:
        one = park(server, broker_url=simulator.broker.url, application=simulator.application)
        simulator.occupied = True
        async with aclosing(one.samples()) as samples, asyncio.timeout(5):
            turns = [await anext(samples) for _turn in range(4)]
            assert ("park.bay-1.occupied", "park.bay-1.temperature") in [one.datastreams for one in turns]
            assert (True, 12.0) in [one.values for one in turns]
            times_us = [one.device_time_us or 0 for one in turns]
            assert times_us == [times_us[0] + 1_000_000 * turn for turn in range(4)]
        assert "passes on what the device says: bay-1." in await one.probe()
        assert not one.host.counters


ACME = """
from haechi.sdk import BadReading
from haechi.sdk.payloads import Property

class Bin:
    properties = (Property("fill", "fill_level", "number", "%", (1, 1)),)

    def values(self, port, payload):
        if port != 2 or len(payload) != 1:
            raise BadReading("no bin")
        return {"fill": float(payload[0])}

class Half:
    properties = ()
"""


def test_a_partners_decoder_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_payload.py").write_text(ACME, encoding="utf-8")
    package = tmp_path / "acme-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n", encoding="utf-8")
    points = "acme_bin = acme_payload:Bin\nacme_half = acme_payload:Half\nacme_none = acme_payload:Gone\n"
    (package / "entry_points.txt").write_text(f"[haechi.payloads]\n{points}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    one = park(end_device=[{"dev_eui": EUI, "name": "bin-1", "payload": "acme_bin"}])
    assert [(told.id, told.unit) for told in one.describe()] == [("park.bin-1.fill", "%")]
    assert taken(one.samples_of(chirpstack(b"\x50", port=2))) == [((80.0,), AT_US, None)]
    for name, why in (("acme_half", "has no properties and values"), ("acme_none", "has no attribute 'Gone'")):
        with pytest.raises(ConfigError, match=f"payload = '{name}': expected a decoder that can be loaded .*{why}"):
            park(end_device=[{"dev_eui": EUI, "name": "bin-1", "payload": name}])


@pytest.mark.parametrize(
    ("bays", "line"),
    [
        ([("0" * 16, "a", "elsys")], "end_device[0].payload = 'elsys': expected one of bosch_tps110"),
        ([("0" * 16, "a", "bosch_tps110"), ("0" * 16, "b", "bosch_tps110")], "end_device.dev_eui = '0000000000000000'"),
        ([("0" * 16, "a", "bosch_tps110"), ("1" * 16, "a", "bosch_tps110")], "end_device.name = 'a': expected each"),
        ([("xyz", "a", "bosch_tps110")], "end_device[0].dev_eui = 'xyz'"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(bays: list[tuple[str, str, str]], line: str) -> None:
    written = [{"dev_eui": eui, "name": name, "payload": payload} for eui, name, payload in bays]
    with pytest.raises(ConfigError) as caught:
        park(end_device=written)
    assert str(caught.value).startswith(line)
