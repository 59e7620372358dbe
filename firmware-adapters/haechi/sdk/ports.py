"""Serial ports by a name that stays: by the adapter's serial number, or by the socket it is plugged into.

``/dev/ttyUSB0`` is whichever came first. ``by-id`` follows the adapter; where it has no serial number two of its kind
have one name, so ``by-path``, which follows the socket, is right.
"""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

_BUILT_IN = ("ttyAMA*", "ttyS*", "ttyACM*", "ttyUSB*")


class SerialPort(NamedTuple):
    """One port."""

    name: str
    """What to write into a configuration."""
    path: str
    """Where it is at the moment."""
    is_held: bool
    """Whether a program holds it."""


def serial_ports(root: Path = Path("/dev"), system: Path = Path("/sys")) -> list[SerialPort]:
    """Return the serial ports below ``root``, each once, by its most lasting name; ``system`` is where sysfs is."""
    names: dict[Path, str] = {}
    for folder in ("by-id", "by-path"):
        for link in sorted((root / "serial" / folder).glob("*")):
            # Without a serial number the id says only which kind it is, and two of a kind share it.
            if folder == "by-path" or _has_serial_number(link.resolve(), system):
                names.setdefault(link.resolve(), str(link))
    for pattern in _BUILT_IN:
        for device in sorted(root.glob(pattern)):
            if device.resolve() not in names and _is_there(device, system):
                names[device.resolve()] = str(device)
    return [SerialPort(name, str(path), is_held(path)) for path, name in sorted(names.items(), key=lambda it: it[1])]


def identity_of(path: str, system: Path = Path("/sys")) -> str:
    """Return what is plugged in behind a port: maker, product and serial number of the USB device; else empty."""
    device = _usb_device(Path(path).resolve(), system)
    if device is None:
        return ""
    read = [_line_of(device / name) for name in ("idVendor", "idProduct", "serial")]
    return f"{read[0]}:{read[1]} {read[2]}".rstrip()


def _has_serial_number(device: Path, system: Path) -> bool:
    """Tell whether the USB device behind a port has a serial number (sysfs ``serial``)."""
    usb = _usb_device(device, system)
    return usb is not None and (usb / "serial").is_file()


def _usb_device(device: Path, system: Path) -> Path | None:
    """Return the folder in sysfs of the USB device behind a port."""
    place = (system / "class/tty" / device.name / "device").resolve()
    return next((above for above in (place, *place.parents[:3]) if (above / "idVendor").is_file()), None)


def _line_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _is_there(device: Path, system: Path) -> bool:
    """Tell a port from a name that the kernel keeps for one: ttyS31 exists where nothing is behind it."""
    if not device.name.startswith("ttyS"):
        return True
    kind = system / "class/tty" / device.name / "type"
    try:
        return kind.read_text().strip() != "0"
    except OSError:
        return False


def is_held(path: Path) -> bool:
    """Tell whether a program holds the port: whoever opens it exclusively has locked it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
