"""What devices need of a serial line is known before it is opened, and too much is refused with what would fit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.adapters.campbell_cs475.adapter import CampbellCs475
from haechi.adapters.eastron_sdm.adapter import EastronSdm
from haechi.adapters.lufft_irs31.adapter import LufftIrs31
from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.ott_pls.adapter import OttPls
from haechi.adapters.sdi12.adapter import Sdi12Sensor
from haechi.adapters.senseair_s8.adapter import SenseairS8
from haechi.adapters.sutron_tipping_bucket.adapter import SutronTippingBucket
from haechi.adapters.vegapuls61.adapter import Vegapuls61
from haechi.sdk import Adapter, Host, find_adapters, load_adapter
from haechi.sdk.polled import Polled
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_rtu import load_of
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.wire_load import SHARE_MAX, WireLoad, overload

SLOW = LineSettings("/dev/ttyUSB0", 9600)


def on_a_bus(count: int, **keys: Any) -> Modbus:
    row = {"name": "r{index}", "first": 0, "count": count}
    written = {"transport": "rtu", "serial_port": "/dev/ttyUSB0", "registers": [row], **keys}
    return Modbus("d", Modbus.load_config(written), Host())


def test_a_read_needs_its_characters_and_its_silences() -> None:
    load = load_of(SLOW, [(Read(Table.HOLDING, 0, 10), 1.0)])
    # 8 bytes there, 25 back, two silences of 3.5 characters, ten bits each at 9600 bit/s.
    assert load.share() == pytest.approx((8 + 25 + 7) * 10 / 9600)
    assert load.share(115200) == pytest.approx(33 * 10 / 115200 + 2 * 0.00175)


def test_what_fits_is_not_refused() -> None:
    loads = [(f"d{number}", on_a_bus(10).wire_load()) for number in range(16)]
    assert overload([(device, load) for device, load in loads if load]) == ""


def test_what_does_not_fit_is_one_line_that_says_what_would() -> None:
    loads = [("meter", on_a_bus(100, period_s=0.25).wire_load()), ("gauge", on_a_bus(1).wire_load())]
    assert overload([(device, load) for device, load in loads if load]) == (
        "/dev/ttyUSB0 9600 8N1: its devices need 94% of the line's time, at most 70% may be needed"
        " (meter 92%, gauge 2%); what would fit: every period_s 1.4 times as long, or baud = 19200"
    )


def test_lines_do_not_count_together_and_tcp_counts_for_none() -> None:
    busy = load_of(SLOW, [(Read(Table.HOLDING, 0, 100), 0.4)])
    assert overload([("a", busy)]) == ""
    assert overload([("a", busy), ("b", busy)]) != ""
    other = load_of(SLOW._replace(port="/dev/ttyUSB1"), [(Read(Table.HOLDING, 0, 100), 0.4)])
    assert overload([("a", busy), ("b", other)]) == ""
    written = {"transport": "tcp", "host": "127.0.0.1", "register": [{"name": "a", "address": 0}]}
    assert Modbus("d", Modbus.load_config(written), Host()).wire_load() is None


def test_devices_that_want_one_line_in_two_ways_are_refused() -> None:
    loads = [
        (name, load)
        for name, keys in (("a", {}), ("b", {"baud": 19200}), ("c", {}))
        if (load := on_a_bus(1, **keys).wire_load()) is not None
    ]
    assert overload(loads) == (
        "a /dev/ttyUSB0 9600 8N1, b /dev/ttyUSB0 19200 8N1: the devices of one line need one speed and character format"
    )
    assert overload([loads[0], loads[2]]) == ""


def test_a_device_whose_map_its_maker_fixed_counts_as_well() -> None:
    written = {"model": "sdm630", "serial_port": "/dev/ttyUSB0", "period_s": 0.5}
    meters = [
        EastronSdm(f"m{unit}", EastronSdm.load_config({**written, "unit_id": unit}), Host()) for unit in (1, 2, 3)
    ]
    loads = [(meter.device, load) for meter in meters if (load := meter.wire_load()) is not None]
    assert len(loads) == 3
    line = overload(loads)
    assert line.startswith("/dev/ttyUSB0 9600 8N1: its devices need ")
    assert "what would fit: every period_s" in line
    assert overload(loads[:2]) == ""
    behind = {"model": "sdm630", "transport": "tcp", "host": "192.0.2.7"}
    assert EastronSdm("m", EastronSdm.load_config(behind), Host()).wire_load() is None


@given(st.lists(st.tuples(st.integers(1, 125), st.floats(0.05, 60)), min_size=1, max_size=20))
def test_what_would_fit_fits(schedule: list[tuple[int, float]]) -> None:
    load = load_of(SLOW, [(Read(Table.HOLDING, 0, count), period_s) for count, period_s in schedule])
    line = overload([("d", load)])
    assert bool(line) == (load.share() > SHARE_MAX)
    if line:
        factor = float(line.split("every period_s ")[1].split(" ")[0])
        slower = load_of(SLOW, [(Read(Table.HOLDING, 0, count), period_s * factor) for count, period_s in schedule])
        assert slower.share() <= SHARE_MAX * 1.0001
        if "baud = " in line:
            assert load.share(int(line.rpartition("baud = ")[2])) <= SHARE_MAX


def on_the_sdi12_line(device: str, **keys: Any) -> tuple[str, WireLoad]:
    row = {"place": 9, "name": "level", "unit": "m"}
    adapter = Sdi12Sensor(
        device, Sdi12Sensor.load_config({"serial_port": "/dev/ttyUSB3", "value": [row], **keys}), Host()
    )
    load = adapter.wire_load()
    assert load is not None
    return device, load


def test_a_measurement_holds_an_sdi12_line_while_the_sensor_measures() -> None:
    # 1200 baud 7E1: 8.33 ms a character. Twice woken (20 + 15 + 10 ms); 0MC! and its announcement 12 characters,
    # three pages of three values 3 * (4 + 6) + 81, a service request 3; four answers that begin within 15 ms.
    told_s = 2 * 0.045 + (12 + 111 + 3) * 10 / 1200 + 4 * 0.015
    _device, load = on_the_sdi12_line("g", period_s=10.0, measuring_s=5.0)
    assert load.share() == pytest.approx((told_s + 5.0) / 10.0)
    assert load.share(9600) == load.share()
    _device, free = on_the_sdi12_line("g", period_s=10.0, measuring_s=5.0, concurrent=True)
    assert free.share() < 0.15


def test_sensors_of_one_sdi12_line_count_together_and_are_told_what_would_fit() -> None:
    loads = [on_the_sdi12_line(f"s{address}", address=str(address), period_s=10.0) for address in range(10)]
    assert overload(loads[:2]) == ""
    assert overload(loads) == (
        "/dev/ttyUSB3 1200 7E1: its devices need 320% of the line's time, at most 70% may be needed"
        " (s0 32%, s1 32%, s2 32%, …); what would fit: every period_s 4.6 times as long"
    )
    slower = [on_the_sdi12_line(f"s{address}", address=str(address), period_s=46.0) for address in range(10)]
    assert overload(slower) == ""


@pytest.mark.parametrize(
    ("adapter", "written", "share"),
    [
        (OttPls, {"period_s": 10.0}, (0.4, 0.5)),
        (CampbellCs475, {"period_s": 10.0}, (0.25, 0.35)),
        (SutronTippingBucket, {"period_s": 10.0, "unit": "mm"}, (0.07, 0.1)),
        (LufftIrs31, {"period_s": 1.0}, (0.05, 0.08)),
        (LufftIrs31, {"period_s": 1.0, "baud": 1200}, (0.6, 0.8)),
        (SenseairS8, {"period_s": 1.0}, (0.02, 0.05)),
        (Vegapuls61, {"period_s": 1.0}, (0.05, 0.15)),
    ],
)
def test_every_device_that_is_asked_on_a_serial_line_counts(
    adapter: type[Adapter[Any]], written: dict[str, Any], share: tuple[float, float]
) -> None:
    load = adapter("d", adapter.load_config({"serial_port": "/dev/ttyUSB0", **written}), Host()).wire_load()
    assert load is not None
    assert share[0] < load.share() < share[1]


def test_no_polled_device_on_a_serial_line_is_silent_about_what_it_needs() -> None:
    for name in find_adapters():
        adapter = load_adapter(name)
        if issubclass(adapter, Polled) and "serial_port" in adapter.Config.model_fields:
            assert adapter.wire_load is not Polled.wire_load, name
