"""Partners' adapters that block, leak and flood: the status names each with its limit, and the others are read on."""

from pathlib import Path

import pytest

from haechi.contract.control import ComponentStatus
from support import faulty_partner
from support.gateway import RIVER, GatewayProcess, River
from support.little_cloud import LittleCloud
from support.mosquitto import Mosquitto
from support.partner import install

pytestmark = pytest.mark.servers

PARTNER = """
[[device]]
id = "{does}-1"
kind = "level_gauge"
place = "bridge"
adapter = "faulty_partner"
[device.config]
does = "{does}"
[device.process]
memory_mib_max = 96
values_per_s_max = 50
silence_s = 3
"""
SAID = {
    "block-1": "it blocks: no sign of life for 3 s",
    "leak-1": "it needs more than 96 MiB of memory",
    "flood-1": "it gives more than 50 values a second",
}


def told(cloud: LittleCloud) -> dict[str, ComponentStatus]:
    """Return the first word of each misbehaving device that its status has ever had."""
    return {
        part.id: part
        for status in reversed(cloud.statuses)
        for part in status.components
        if part.id in SAID and part.state == "retrying"
    }


async def test_what_a_partners_adapter_does_wrong_is_in_the_status_and_costs_nobody_else(
    tmp_path: Path, broker: Mosquitto, river: River, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path / "site", Path(faulty_partner.__file__), "faulty_partner", "Faulty")
    partners = [PARTNER.format(does=does) for does in ("block", "leak", "flood")]
    gateway = GatewayProcess(tmp_path / "gw", broker.url, RIVER.format(port=river.port), *partners)
    async with LittleCloud(broker.port) as cloud:
        await gateway.start()
        try:
            await cloud.until(lambda: told(cloud).keys() == SAID.keys(), 40)
            for name, part in told(cloud).items():
                assert SAID[name] in part.detail
                assert part.kind == "faulty_partner"
            river.is_high()
            await cloud.until(lambda: any(parcel.events for parcel in cloud.parcels.values()))
            status = cloud.status
            assert status is not None
            assert {part.id: part.state for part in status.components}["river-1"] == "running"
            assert await gateway.stop() == 0
        finally:
            if gateway.running:
                await gateway.kill()
    assert "Traceback" not in gateway.log
