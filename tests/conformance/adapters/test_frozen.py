"""What was written for SDK 1.0 goes on working, because nothing of it is touched: ``support/frozen_sdk_1_0``.

When this fails, the SDK has broken a promise to partners; mend the SDK, not the frozen adapter.
"""

from importlib import import_module
from pathlib import Path

from haechi.sdk.testing.mark import folder_sum

FOLDER = Path(__file__).parents[2] / "support/frozen_sdk_1_0"
SUM = "86a1820c96f2e2ec511ea00a8e9ef6a50479af778c24099f8ffa2370d1d7d7d4"
NAMES_OF_1_0 = {
    "haechi.sdk": "Adapter AdapterConfig AdapterError BadReading Clock ConfigError Host MonotonicClock NotConnected "
    "Sample find_adapters load_adapter",
    "haechi.sdk.errors": "wrong key_path",
    "haechi.sdk.framing": "Delimited FixedSize",
    "haechi.sdk.readme": "with_tables key_tables",
    "haechi.sdk.testing": "AdapterConformance Peer Recording",
    "haechi.sdk.transports.serial_line": "LineSettings SerialLine",
    "haechi.sdk.transports.modbus_tcp": "ModbusTcp",
    "haechi.sdk.transports.modbus_rtu": "ModbusRtu",
    "haechi.sdk.transports.modbus_frames": "Read Refused Table crc16 rtu_frame tcp_frame data_of TARGET_SILENT",
}


def test_the_frozen_adapter_is_as_it_was() -> None:
    assert folder_sum(FOLDER) == SUM


def test_every_name_that_partners_import_since_1_0_is_there() -> None:
    for module, names in NAMES_OF_1_0.items():
        missing = [name for name in names.split() if not hasattr(import_module(module), name)]
        assert not missing, f"{module} has lost {missing}"
