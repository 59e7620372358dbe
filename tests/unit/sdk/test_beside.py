"""A wire is a device's where all of its address is named, and no other's."""

from typing import Any

import pytest

from haechi.sdk.commands.beside import is_named


@pytest.mark.parametrize(
    ("address", "config", "named"),
    [
        ("10.0.0.1:502", {"host": "10.0.0.1", "port": 502}, True),
        ("10.0.0.12:502", {"host": "10.0.0.1", "port": 502}, False),
        ("10.0.0.1:503", {"host": "10.0.0.1", "port": 502}, False),
        ("10.0.0.1:503", {"host": "10.0.0.1"}, True),
        ("Gauge.local:502", {"host": "gauge.LOCAL", "port": 502}, True),
        ("[::1]:502", {"host": "::1", "port": 502}, True),
        ("0.0.0.0:8888", {"host": "192.0.2.7", "listen": "0.0.0.0", "port": 8888}, True),  # noqa: S104 - it is read, nothing listens
        ("192.0.2.9:1883", {"broker_url": "mqtt://192.0.2.9"}, True),
        ("192.0.2.9:1883", {"broker_url": "mqtt://192.0.2.9:1884"}, False),
        ("192.0.2.9:1883", {"broker_url": "mqtt://[192.0.2.9:1884"}, False),
        ("192.0.2.9:8883", {"protocol": "192.", "topic": "192.0.2.9/level"}, False),
        ("/dev/ttyUSB0", {"serial_port": "/dev/ttyUSB0", "baud": 9600}, True),
        ("/dev/ttyUSB01", {"serial_port": "/dev/ttyUSB0"}, False),
        ("even", {"parity": "even"}, True),
        ("/dev/ttyS0", {"bus": {"ports": ["/dev/ttyS0"]}}, True),
        ("nowhere", {"port": 5}, False),
    ],
)
def test_which_wires_a_configuration_names(address: str, config: dict[str, Any], named: bool) -> None:
    assert is_named(address, config) is named
