"""Peers whose protocol the SDK speaks: a device's own tests only say how its numbers are shown.

Each takes what the configuration needs besides the way to the device. Sentences of the suite about silence, held
ports and hurrying are the same for all of a kind.
"""

from collections.abc import Mapping
from typing import Any

from haechi.contract.observations import Value
from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.sample import Sample
from haechi.sdk.sdi12_sensor import Sdi12Sensor
from haechi.sdk.simulated import OnTerminal
from haechi.sdk.talker import Talker

ASKED = {"period_s": 0.01, "timeout_s": 0.3, "retry_s": 0.1}
"""Keys that make a device that is asked quick."""
TALKING = {"period_s": 0.01, "silence_s": 0.5, "retry_s": 0.1}
"""Keys that make a device that talks by itself quick."""
TRANSLATED = {"parity": "none", "databits": 8}
"""A pseudo-terminal has neither parity nor seven bits."""


class _OnAPort:
    """A peer on a serial port."""

    def __init__(self, device: Talker | Sdi12Sensor | ModbusSlave, keys: Mapping[str, Any]) -> None:
        self._device, self._keys = device, keys

    def config(self) -> Mapping[str, Any]:
        """Return the configuration that reaches the device."""
        port = self._device.port if isinstance(self._device, OnTerminal) else self._device.serial_port
        return {"serial_port": port, **self._keys}

    def fall_silent(self) -> None:
        """Make it say nothing more."""
        self._device.silent = True

    def is_held(self) -> bool:
        """Tell whether somebody holds its port."""
        return self._device.is_held


class TalkerPeer(_OnAPort):
    """A device that talks by itself."""

    def __init__(self, talker: Talker, **keys: Any) -> None:
        """``keys`` go into the configuration."""
        super().__init__(talker, {**TALKING, **keys})
        self._talker = talker

    def hurry(self) -> None:
        """Make it talk without a pause."""
        self._talker.period_s = 0.0


class SensorPeer(_OnAPort):
    """A device on an SDI-12 bus."""

    def __init__(self, sensor: Sdi12Sensor, **keys: Any) -> None:
        """``keys`` go into the configuration."""
        super().__init__(sensor, {**ASKED, **TRANSLATED, **keys})


class SlavePeer(_OnAPort):
    """A device on a Modbus RTU bus."""

    def __init__(self, slave: ModbusSlave, **keys: Any) -> None:
        """``keys`` go into the configuration."""
        super().__init__(slave, {**ASKED, "baud": 115200, **keys})


def told(sample: Sample | None) -> list[tuple[str, Value]]:
    """Return property and value of what a sample holds, in order; nothing where there is none."""
    if sample is None:
        return []
    return [(name.partition(".")[2], value) for name, value in zip(sample.datastreams, sample.values, strict=True)]
