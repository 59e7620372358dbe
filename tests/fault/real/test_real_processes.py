"""Forty-two seconds of one seed with real processes; docs/faults.md says what is broken and what must be true then."""

from pathlib import Path

import pytest
from fault.real.run import run_seed

from support import influx, mosquitto

SEED, LENGTH_S = 1796, 42.0
"""In this one the broker dies with what the cloud has not stored, over TLS; every program is killed."""


@pytest.mark.servers
async def test_what_devices_handed_out_is_stored_once_or_told(tmp_path: Path) -> None:
    assert mosquitto.PROGRAM
    assert influx.INFLUXD
    outcome = await run_seed(tmp_path, SEED, LENGTH_S)
    assert outcome.audit.stored == outcome.audit.committed > 5_000
    assert outcome.audit.events >= 2
    assert {"gateway_killed", "cloud_killed", "broker_killed", "broker_frozen", "store_killed"} <= set(outcome.struck)
