"""What devices need of a serial line is known before it is opened, and too much is refused with what would fit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.adapters.eastron_sdm.adapter import EastronSdm
from haechi.adapters.modbus.adapter import Modbus
from haechi.sdk import Host
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_rtu import load_of
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.wire_load import SHARE_MAX, overload

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
