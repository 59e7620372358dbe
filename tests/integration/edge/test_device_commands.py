"""A command from the cloud's REST interface to a device's wire and back, with the gateway killed in between."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from haechi.cloud.state.engine import opened_state, writing
from haechi.cloud.workflow_manager import people
from haechi.cloud.workflow_manager.roles import Role
from support import siren_post
from support.cloud import CloudProcess
from support.gateway import GatewayProcess
from support.mosquitto import Mosquitto
from support.partner import install
from support.siren_post import SirenDevice

pytestmark = pytest.mark.servers

TOKEN = "a-token-that-is-long-enough-for-anybody"
COMMANDS = "/api/v1/gateways/gw-1/commands"
POST = """
[[device]]
id = "post-1"
kind = "siren_post"
place = "bridge"
adapter = "siren_post"
[device.config]
port = {port}

[[actuator]]
device = "post-1"
name = "siren"
"""


async def give(cloud: CloudProcess, value: bool, on_s: float) -> str:
    order = {"device": "post-1", "actuator": "siren", "value": value, "on_s": on_s, "reason": "drill"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{cloud.http}{COMMANDS}", json=order, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 202, answer.text
    command: str = answer.json()["id"]
    return command


async def becomes(cloud: CloudProcess, command: str, state: str) -> dict[str, Any]:
    answer: dict[str, Any] = await cloud.until(f"{COMMANDS}/{command}", lambda one: one["state"] == state, 20)
    return answer


async def test_a_siren_sounds_once_and_a_kill_before_the_write_is_unknown_and_never_a_second_try(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path / "site", Path(siren_post.__file__), "siren_post", "SirenPost")
    keys = tmp_path / "keys.toml"
    key = tmp_path / "key"
    key.write_text("k" * 40, encoding="utf-8")
    with opened_state(f"sqlite:///{tmp_path / 'cloud' / 'data' / 'state.db'}") as state, writing(state) as connection:
        people.put(connection, "Kim", Role.COMMANDER, 0, token=TOKEN)
    written = f'[[gateway]]\ntenant = "daejeon"\nid = "gw-1"\nkey_file = "{key}"\n'
    keys.write_text(written, encoding="utf-8")
    options = ("--broker", broker.url, "--tenant", "daejeon", "--command-keys", str(keys))
    async with SirenDevice() as siren, CloudProcess(tmp_path / "cloud", *options, token=TOKEN) as cloud:
        gateway = GatewayProcess(tmp_path / "gw", broker.url, POST.format(port=siren.port), command_key_file=key)
        await gateway.start()
        try:
            page = await cloud.until("/api/v1/gateways", lambda page: any(one["online"] for one in page["items"]))
            (told,) = page["items"][0]["actuators"]
            assert (told["device"], told["name"], told["state"], told["on_s_max"]) == ("post-1", "siren", None, 60)
            # It sounds, and is set back after its time by the gateway itself.
            first = await give(cloud, True, 1.0)
            assert (await becomes(cloud, first, "done"))["given_by"] == "Kim"
            await siren.until("ON 1", "OFF")
            await cloud.until("/api/v1/gateways", lambda page: page["items"][0]["actuators"][0]["state"] is False)
            # Killed between the journal and the write: nobody knows, nobody tries again; what may sound is silenced.
            siren.greets.clear()
            met = siren.met
            second = await give(cloud, True, 5.0)
            await siren.is_met(met + 1)
            await gateway.kill()
            siren.greets.set()
            await gateway.start()
            unknown = await becomes(cloud, second, "unknown")
            assert "the gateway ended while it was carried out" in unknown["detail"]
            await siren.until("ON 1", "OFF", "OFF")
            # A stop leaves nothing on.
            third = await give(cloud, True, 30.0)
            await becomes(cloud, third, "done")
            assert await gateway.stop() == 0
            await siren.until("ON 1", "OFF", "OFF", "ON 30", "OFF")
        finally:
            if gateway.running:
                await gateway.kill()
        audit = (await cloud.get(COMMANDS))["items"]
        assert [(one["id"], one["state"]) for one in audit] == [(third, "done"), (second, "unknown"), (first, "done")]
    assert "Traceback" not in gateway.log
