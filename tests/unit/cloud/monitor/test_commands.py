"""Commands to devices: of commanders alone, within bounds, written down before they are sent, and followed."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from haechi.cloud.command_keys import load
from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Report
from haechi.cloud.event_monitor.app import create_app
from haechi.cloud.state import commands
from haechi.cloud.state.changes import Change
from haechi.cloud.state.engine import writing
from haechi.cloud.workflow_manager import people
from haechi.cloud.workflow_manager.roles import Role
from haechi.command import UsageError
from haechi.contract.control import ActuatorStatus, CommandResult, GatewayStatus
from haechi.contract.seals import is_sealed
from haechi.contract.topics import UP_STATUS, Address
from support.city import GATEWAY, TENANT, City

TOKEN = "x" * 40
KEY = b"k" * 32
KIM = {"Authorization": f"Bearer {TOKEN}"}
ORDER = {"device": "post-1", "actuator": "siren", "value": True, "on_s": 20.0, "reason": "water at the bridge"}
MINUTE_US = 60_000_000
SIREN = ActuatorStatus(device="post-1", name="siren", kind="switch", fail_safe=False, on_s_max=60.0)
LIGHT = ActuatorStatus(
    device="post-1", name="light", kind="level", fail_safe=10.0, on_s_max=3600.0, maximum=100.0, unit="%"
)


@pytest.fixture
def app(city: City, tmp_path: Path) -> FastAPI:
    city.command_keys[TENANT, GATEWAY] = KEY
    city.account("Kim", Role.COMMANDER, token=TOKEN)
    city.gateway(actuators=(SIREN, LIGHT))
    return create_app(city.services(), console=tmp_path / "no-console")


async def give(client: httpx.AsyncClient, order: object = ORDER, token: str = TOKEN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await client.post(f"/api/v1/gateways/{GATEWAY}/commands", json=order, headers=headers)


async def shown(client: httpx.AsyncClient, command: str) -> dict[str, object]:
    response = await client.get(f"/api/v1/gateways/{GATEWAY}/commands/{command}", headers=KIM)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


def say(city: City, *results: CommandResult) -> None:
    """Let the gateway say in its status what became of commands."""
    address = Address(TENANT, GATEWAY, UP_STATUS)
    status = GatewayStatus(state="online", at_us=city.now_us, commands=results)
    with writing(city.state) as connection:
        apply(connection, [], [], [], city.now_us, [Report(address, status, Arrival("", b"", city.now_us))])


async def test_a_command_is_written_down_sent_and_followed(city: City, client: httpx.AsyncClient) -> None:
    response = await give(client)
    assert response.status_code == 202, response.text
    given = response.json()
    assert (given["state"], given["given_by"], given["value"]) == ("sent", "Kim", True)
    ((tenant, gateway, sent),) = city.commands
    assert tenant == TENANT
    assert (gateway, sent.id, sent.name, sent.thing, sent.actuator) == (
        GATEWAY,
        given["id"],
        "actuate",
        "post-1",
        "siren",
    )
    assert (sent.value, sent.on_s, sent.by, sent.valid_s) == (True, 20.0, "Kim", 30.0)
    assert sent.expires_us == city.now_us + 30_000_000
    assert is_sealed(sent, KEY, TENANT, GATEWAY)
    assert not is_sealed(sent, KEY, TENANT, "gw-other")
    (deed,) = (await client.get("/api/v1/audit", headers=KIM)).json()["items"]
    assert (deed["who"], deed["action"], deed["reason"]) == ("Kim", "command", "water at the bridge")
    assert (deed["key"], deed["detail"], deed["outcome"]) == (sent.id, "post-1.siren = true, 20 s", "sent")
    say(city, CommandResult(id=sent.id, state="done", at_us=5))
    assert (await client.get("/api/v1/audit", headers=KIM)).json()["items"][0]["outcome"] == "done"
    assert (await shown(client, sent.id))["state"] == "done"
    listed = (await client.get(f"/api/v1/gateways/{GATEWAY}/commands", headers=KIM)).json()["items"]
    assert [one["id"] for one in listed] == [sent.id]


async def test_a_gateway_whose_key_is_not_known_gets_none(city: City, client: httpx.AsyncClient, app: FastAPI) -> None:
    city.command_keys.clear()
    app.state.services = city.services()
    response = await give(client)
    assert (response.status_code, "obeys nobody" in response.json()["detail"]) == (409, True)
    assert city.commands == []


@pytest.mark.parametrize("token", ["", "short", "y" * 40])
async def test_nobody_else_commands(city: City, client: httpx.AsyncClient, token: str) -> None:
    response = await give(client, token=token)
    assert response.status_code == 401
    assert city.commands == []
    assert (await client.get(f"/api/v1/gateways/{GATEWAY}/commands", headers=KIM)).json()["items"] == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_who_is_no_commander_commands_nothing(city: City, client: httpx.AsyncClient, role: Role) -> None:
    city.account("Lee", role, token="z" * 40)
    response = await give(client, token="z" * 40)
    assert (response.status_code, response.json()["detail"]) == (403, f"Lee is {role}; this needs commander or more")
    assert city.commands == []


async def test_without_accounts_nobody_commands(city: City, client: httpx.AsyncClient) -> None:
    with writing(city.state) as connection:
        people.remove(connection, "Kim")
    response = await give(client, token="")
    assert (response.status_code, "this needs an account" in response.json()["detail"]) == (403, True)
    assert city.commands == []


async def test_a_commander_commands_only_their_own_gateways(city: City, client: httpx.AsyncClient) -> None:
    city.account("Kim", Role.COMMANDER, token=TOKEN, gateways=["gw-other"])
    response = await give(client)
    assert (response.status_code, response.json()["detail"]) == (403, f"Kim may not command {GATEWAY}")
    city.account("Kim", Role.COMMANDER, token=TOKEN, tenants=["seoul"])
    response = await give(client)
    assert (response.status_code, response.json()["detail"]) == (403, f"Kim may not look at {TENANT}")
    assert city.commands == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"value": 1.0}, "post-1.siren: expected true or false"),
        ({"on_s": 61.0}, "post-1.siren: on_s: expected at most 60"),
        ({"actuator": "light", "value": 100.5}, "post-1.light: expected 0 to 100 %"),
        ({"actuator": "door"}, "post-1.door may not be commanded: its gateway does not name it"),
    ],
)
async def test_what_the_gateway_would_refuse_is_not_sent(
    city: City, client: httpx.AsyncClient, wrong: dict[str, object], why: str
) -> None:
    response = await give(client, {**ORDER, **wrong})
    assert (response.status_code, response.json()["detail"]) == (422, why)
    assert city.commands == []
    city.gateway()  # of an earlier version, which does not say what it takes: it judges by itself
    assert (await give(client, {**ORDER, **wrong})).status_code == 202


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None},
        {"value": [1]},
        {"on_s": 0},
        {"valid_s": 3600},
        {"device": "post/1"},
        {"when": "now"},
        {"on_s": "5"},
        {"reason": "  "},
        {"reason": "x" * 501},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(
    city: City, client: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    response = await give(client, {**ORDER, **wrong})
    assert response.status_code == 422
    assert city.commands == []


async def test_a_gateway_that_is_offline_or_owes_answers_gets_none(city: City, client: httpx.AsyncClient) -> None:
    for _number in range(commands.OPEN_MAX):
        assert (await give(client)).status_code == 202
    response = await give(client)
    assert (response.status_code, "wait for that" in response.json()["detail"]) == (409, True)
    city.gateway(online=False)
    response = await give(client)
    assert (response.status_code, "offline" in response.json()["detail"]) == (409, True)
    missing = await client.post(
        "/api/v1/gateways/nobody/commands", json=ORDER, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert missing.status_code == 409
    assert len(city.commands) == commands.OPEN_MAX


async def test_silence_is_unknown_until_the_gateway_speaks(city: City, client: httpx.AsyncClient) -> None:
    command = (await give(client)).json()["id"]
    city.now_us += MINUTE_US
    with writing(city.state) as connection:
        assert commands.give_up(connection, city.now_us) == []
    city.now_us += 2 * MINUTE_US
    with writing(city.state) as connection:
        assert commands.give_up(connection, city.now_us) == [(TENANT, Change("command", command))]
    assert (await shown(client, command))["state"] == "unknown"
    say(city, CommandResult(id=command, state="done", at_us=7))
    assert (await shown(client, command))["state"] == "done"


async def test_only_its_own_gateway_says_what_became_of_a_command(city: City, client: httpx.AsyncClient) -> None:
    command = (await give(client)).json()["id"]
    with writing(city.state) as connection:
        result = CommandResult(id=command, state="done", at_us=7)
        assert commands.settle(connection, TENANT, "gw-other", [result], 1) == []
        assert commands.settle(connection, TENANT, GATEWAY, [result], 1) == [Change("command", command)]
        assert commands.settle(connection, TENANT, GATEWAY, [result], 2) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[gateway", "is not TOML"),
        ('[[gateway]]\ntenant = "daejeon"\nid = "gw-1"\nkey = "secret-key"\n', "gateway.0.key_file"),
        ('[[gateway]]\ntenant = "daejeon"\nid = "gw-1"\nkey_file = "key"\n', "key: expected a key of 32"),
    ],
)
def test_a_wrong_file_of_keys_is_one_line_without_its_secrets(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "key").write_text("secret-key\n", encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        load(path)
    assert "secret-key" not in str(caught.value)
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path / "nowhere")


def test_keys_are_read_from_beside_their_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('[[gateway]]\ntenant = "daejeon"\nid = "gw-1"\nkey_file = "key"\n', encoding="utf-8")
    (tmp_path / "key").write_text(KEY.decode() + "\n", encoding="utf-8")
    assert load(path) == {("daejeon", "gw-1"): KEY}
    assert load(None) == {}
