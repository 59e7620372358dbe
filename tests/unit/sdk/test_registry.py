"""Adapters are found by entry point; a wrong one is refused in one line that says what is installed."""

from importlib.metadata import EntryPoint

import pytest

from haechi.sdk import ConfigError, find_adapters, load_adapter

GROUP = "haechi.adapters"


def installed(value: str) -> dict[str, EntryPoint]:
    return {"gauge": EntryPoint("gauge", value, GROUP)}


def test_adapters_of_this_distribution_are_found_and_load() -> None:
    assert {"modbus", "serial_level"} <= set(find_adapters())
    assert load_adapter("modbus").__name__ == "Modbus"


def test_an_unknown_name_lists_what_is_installed() -> None:
    with pytest.raises(
        ConfigError, match=r"adapter = 'modbuss': expected an installed adapter: .*modbus.*serial_level"
    ):
        load_adapter("modbuss")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("no_such_package_anywhere.adapter:Gauge", "the package no_such_package_anywhere"),
        ("haechi.sdk.adapter:NoSuchClass", "an adapter that can be imported"),
        ("haechi.sdk.host:Host", "a class derived from haechi.sdk.Adapter"),
        ("haechi.sdk.adapter:Adapter", "a class derived from haechi.sdk.Adapter that has a Config"),
    ],
)
def test_what_is_not_an_adapter_is_refused(value: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        load_adapter("gauge", installed(value))
