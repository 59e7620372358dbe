"""Commands to devices: of whom the file names and nobody else, written down before they are sent, and followed."""

import hashlib
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from haechi.cloud.commanders import load
from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Report
from haechi.cloud.event_monitor.app import create_app
from haechi.cloud.state import commands
from haechi.cloud.state.engine import writing
from haechi.command import UsageError
from haechi.contract.control import CommandResult, GatewayStatus
from haechi.contract.seals import is_sealed
from haechi.contract.topics import UP_STATUS, Address
from support.city import GATEWAY, TENANT, City

TOKEN = "x" * 40
KEY = b"k" * 32
ORDER = {"device": "post-1", "actuator": "siren", "value": True, "on_s": 20.0}
MINUTE_US = 60_000_000


def commanders_file(folder: Path, more: str = "", *, keys: bool = True) -> Path:
    path = folder / "commanders.toml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    (folder / "key").write_text(KEY.decode() + "\n", encoding="utf-8")
    gateway = f'[[gateway]]\ntenant = "{TENANT}"\nid = "{GATEWAY}"\nkey_file = "key"\n'
    text = f'[[commander]]\nname = "Kim"\ntoken_sha256 = "{digest}"\n{more}{gateway if keys else ""}'
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def app(city: City, tmp_path: Path) -> FastAPI:
    city.commanders = load(commanders_file(tmp_path))
    city.gateway()
    return create_app(city.services(), console=tmp_path / "no-console")


async def give(client: httpx.AsyncClient, order: object = ORDER, token: str = TOKEN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await client.post(f"/api/v1/gateways/{GATEWAY}/commands", json=order, headers=headers)


async def shown(client: httpx.AsyncClient, command: str) -> dict[str, object]:
    response = await client.get(f"/api/v1/gateways/{GATEWAY}/commands/{command}")
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
    say(city, CommandResult(id=sent.id, state="done", at_us=5))
    assert (await shown(client, sent.id))["state"] == "done"
    listed = (await client.get(f"/api/v1/gateways/{GATEWAY}/commands")).json()["items"]
    assert [one["id"] for one in listed] == [sent.id]


async def test_a_gateway_whose_key_is_not_known_gets_none(
    city: City, client: httpx.AsyncClient, app: FastAPI, tmp_path: Path
) -> None:
    city.commanders = load(commanders_file(tmp_path, keys=False))
    app.state.services = city.services()
    response = await give(client)
    assert (response.status_code, "obeys nobody" in response.json()["detail"]) == (409, True)
    assert city.commands == []


@pytest.mark.parametrize("token", ["", "short", "y" * 40])
async def test_nobody_else_commands(city: City, client: httpx.AsyncClient, token: str) -> None:
    response = await give(client, token=token)
    assert response.status_code == 401
    assert city.commands == []
    assert (await client.get(f"/api/v1/gateways/{GATEWAY}/commands")).json()["items"] == []


async def test_a_commander_commands_only_their_own_gateways(
    city: City, client: httpx.AsyncClient, app: FastAPI, tmp_path: Path
) -> None:
    for more in ('gateways = ["gw-other"]\n', 'tenants = ["seoul"]\n'):
        city.commanders = load(commanders_file(tmp_path, more))
        app.state.services = city.services()
        response = await give(client)
        assert (response.status_code, response.json()["detail"]) == (403, f"Kim may not command {GATEWAY}")
    city.commanders = load(None)
    app.state.services = city.services()
    response = await give(client)
    assert (response.status_code, "switched off" in response.json()["detail"]) == (403, True)


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
        assert commands.give_up(connection, city.now_us) == [(TENANT, GATEWAY)]
    assert (await shown(client, command))["state"] == "unknown"
    say(city, CommandResult(id=command, state="done", at_us=7))
    assert (await shown(client, command))["state"] == "done"


async def test_only_its_own_gateway_says_what_became_of_a_command(city: City, client: httpx.AsyncClient) -> None:
    command = (await give(client)).json()["id"]
    with writing(city.state) as connection:
        result = CommandResult(id=command, state="done", at_us=7)
        assert commands.settle(connection, TENANT, "gw-other", [result], 1) == []
        assert commands.settle(connection, TENANT, GATEWAY, [result], 1) == [command]
        assert commands.settle(connection, TENANT, GATEWAY, [result], 2) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[commander", "is not TOML"),
        ('[[commander]]\nname = "Kim"\ntoken_sha256 = "secret-token"\n', "commander.0.token_sha256"),
        ('[[commander]]\nname = "Kim"\ntoken = "secret-token"\n', "commander.0"),
    ],
)
def test_a_wrong_file_is_one_line_without_its_secrets(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "commanders.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        load(path)
    assert "secret-token" not in str(caught.value)
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path / "nowhere")
