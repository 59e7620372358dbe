"""A serial port is named by what stays: the adapter's serial number, else the socket that it is plugged into."""

import fcntl
from pathlib import Path

from haechi.sdk.ports import SerialPort, identity_of, serial_ports


def machine(tmp_path: Path) -> tuple[Path, Path]:
    """Make a machine with one adapter that has a serial number and one that has none."""
    devices, system = tmp_path / "dev", tmp_path / "sys"
    for name, numbered in (("ttyUSB0", True), ("ttyUSB1", False)):
        (devices / "serial/by-id").mkdir(parents=True, exist_ok=True)
        (devices / "serial/by-path").mkdir(exist_ok=True)
        (devices / name).touch()
        (devices / f"serial/by-id/usb-Maker_{name}-if00").symlink_to(devices / name)
        (devices / f"serial/by-path/platform-usb-{name}").symlink_to(devices / name)
        usb = system / f"devices/usb-{name}"
        (usb / f"1-1:1.0/{name}").mkdir(parents=True)
        (usb / "idVendor").write_text("0403\n")
        (usb / "idProduct").write_text("6001\n")
        if numbered:
            (usb / "serial").write_text("FT8A\n")
        (system / f"class/tty/{name}").mkdir(parents=True)
        (system / f"class/tty/{name}/device").symlink_to(usb / f"1-1:1.0/{name}")
    for name, kind in (("ttyS0", "4"), ("ttyS1", "0")):
        (devices / name).touch()
        (system / f"class/tty/{name}").mkdir(parents=True)
        (system / f"class/tty/{name}/type").write_text(kind + "\n")
    return devices, system


def test_ports_have_names_that_stay(tmp_path: Path) -> None:
    devices, system = machine(tmp_path)
    assert serial_ports(devices, system) == [
        SerialPort(str(devices / "serial/by-id/usb-Maker_ttyUSB0-if00"), str(devices / "ttyUSB0"), is_held=False),
        SerialPort(str(devices / "serial/by-path/platform-usb-ttyUSB1"), str(devices / "ttyUSB1"), is_held=False),
        SerialPort(str(devices / "ttyS0"), str(devices / "ttyS0"), is_held=False),
    ]


def test_a_port_that_a_program_holds_is_told(tmp_path: Path) -> None:
    devices, system = machine(tmp_path)
    with (devices / "ttyS0").open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [port.is_held for port in serial_ports(devices, system)] == [False, False, True]


def test_what_is_plugged_in_is_told_where_it_is_known(tmp_path: Path) -> None:
    devices, system = machine(tmp_path)
    names = ("serial/by-id/usb-Maker_ttyUSB0-if00", "ttyUSB0", "ttyUSB1", "ttyS0", "none")
    assert [identity_of(str(devices / name), system) for name in names] == [
        "0403:6001 FT8A",
        "0403:6001 FT8A",
        "0403:6001",
        "",
        "",
    ]
