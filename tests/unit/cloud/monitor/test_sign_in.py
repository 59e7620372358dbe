"""Who may what: signing in, roles, cities, tokens, and that whoever is removed is out at once."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from haechi.cloud.state.engine import writing
from haechi.cloud.workflow_manager import passwords, people
from haechi.cloud.workflow_manager.roles import Role
from support.city import TENANT, City

from .conftest import ORIGIN, OTHER

PASSWORD = "correct horse battery"


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, name: str = "Kim", password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/v1/session", json={"name": name, "password": password})


async def detail(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    return str(response.json()["detail"])


async def test_without_accounts_anybody_here_operates(city: City, client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/session")).json() == {"name": "", "role": "operator"}
    city.situation("flood-1")
    assert (await client.post("/api/v1/situations/flood-1/acknowledge")).status_code == 200
    (deed,) = (await client.get("/api/v1/audit")).json()["items"]
    assert (deed["who"], deed["action"], deed["key"]) == ("", "acknowledge", "flood-1")
    assert "needs an account" in await detail(await client.get("/api/v1/accounts"), 403)


async def test_with_accounts_nothing_is_told_to_strangers(city: City, client: httpx.AsyncClient) -> None:
    city.account("Kim", Role.VIEWER, password=PASSWORD)
    assert (await client.get("/api/v1/session")).json() == {"name": None, "role": None}
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    asked = [path for path, operations in paths.items() if "get" in operations and path != "/api/v1/session"]
    assert len(asked) > 15
    for path in asked:
        response = await client.get(path.replace("{", "").replace("}", ""))
        assert response.status_code == 401, path
    assert (await sign_in(client)).json() == {"name": "Kim", "role": "viewer"}
    assert (await client.get("/api/v1/situations")).status_code == 200


async def test_signing_out_ends_it_everywhere_else_it_goes_on(
    city: City, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    city.account("Kim", Role.OPERATOR, password=PASSWORD)
    await sign_in(client)
    await sign_in(stranger)
    stolen = {"Cookie": f"haechi_session={client.cookies['haechi_session']}"}
    assert (await client.get("/api/v1/situations", headers=stolen)).status_code == 200
    assert (await client.delete("/api/v1/session")).json()["name"] is None
    assert (await client.get("/api/v1/situations", headers=stolen)).status_code == 401
    assert (await stranger.get("/api/v1/situations")).status_code == 200


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(city: City, client: httpx.AsyncClient) -> None:
    city.account("Kim", Role.OPERATOR, password=PASSWORD)
    cookie = (await sign_in(client)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=43200" in cookie


@pytest.mark.parametrize(
    ("role", "acknowledges", "looks_after_accounts"),
    [(Role.VIEWER, 403, 403), (Role.OPERATOR, 200, 403), (Role.COMMANDER, 200, 403), (Role.ADMIN, 200, 200)],
)
async def test_each_role_may_what_it_may(
    city: City, client: httpx.AsyncClient, role: Role, acknowledges: int, looks_after_accounts: int
) -> None:
    city.account("Kim", role, password=PASSWORD)
    city.situation("flood-1")
    await sign_in(client)
    response = await client.post("/api/v1/situations/flood-1/acknowledge")
    assert response.status_code == acknowledges
    if acknowledges == 403:
        assert response.json()["detail"] == "Kim is viewer; this needs operator or more"
    assert (await client.get("/api/v1/accounts")).status_code == looks_after_accounts


async def test_a_session_ends_with_the_shift_and_a_viewers_after_a_month(city: City, client: httpx.AsyncClient) -> None:
    hour_us = 3_600_000_000
    city.account("Kim", Role.OPERATOR, password=PASSWORD)
    city.account("wall", Role.VIEWER, password=PASSWORD)
    await sign_in(client)
    city.now_us += 13 * hour_us
    assert (await client.get("/api/v1/situations")).status_code == 401
    await sign_in(client, "wall")
    city.now_us += 24 * 29 * hour_us
    assert (await client.get("/api/v1/situations")).status_code == 200
    city.now_us += 24 * 2 * hour_us
    assert (await client.get("/api/v1/situations")).status_code == 401


async def test_wrong_names_and_passwords_look_the_same_and_many_wait(city: City, client: httpx.AsyncClient) -> None:
    city.account("Kim", Role.OPERATOR, password=PASSWORD)
    wrong = await detail(await sign_in(client, password="wrong"), 401)
    assert await detail(await sign_in(client, "nobody"), 401) == wrong
    for _time in range(people.WRONG_MAX - 1):
        await sign_in(client, password="wrong")
    assert "try again in 30 s" in await detail(await sign_in(client), 429)
    city.now_us += people.WAIT_US
    assert (await sign_in(client)).status_code == 200
    deeds = [one["action"] for one in (await client.get("/api/v1/audit")).json()["items"]]
    assert deeds == ["sign_in", *["sign_in_refused"] * people.WRONG_MAX]


async def test_whoever_is_removed_or_changed_is_out_at_once(city: City, client: httpx.AsyncClient) -> None:
    city.account("Kim", Role.ADMIN, password=PASSWORD)
    city.account("program", Role.VIEWER, token="t" * 40)
    await sign_in(client)
    bearer = {"Authorization": "Bearer " + "t" * 40}
    assert (await client.get("/api/v1/situations", headers=bearer)).status_code == 200
    with writing(city.state) as connection:
        assert people.remove(connection, "program")
    assert (await client.get("/api/v1/situations", headers=bearer)).status_code == 401
    city.account("Kim", Role.VIEWER, password=PASSWORD)
    assert (await client.get("/api/v1/situations")).status_code == 401


async def test_somebody_of_one_city_sees_nothing_of_another(city: City, client: httpx.AsyncClient) -> None:
    city.account("Kim", Role.ADMIN, password=PASSWORD, tenants=[TENANT])
    await sign_in(client)
    assert (await client.get("/api/v1/situations", params={"tenant": TENANT})).status_code == 200
    refused = await client.get("/api/v1/situations", params={"tenant": OTHER})
    assert await detail(refused, 403) == f"Kim may not look at {OTHER}"


async def test_an_admin_looks_after_accounts_and_cannot_lock_everybody_out(
    city: City, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    city.account("Kim", Role.ADMIN, password=PASSWORD)
    await sign_in(client)
    made = await client.put("/api/v1/accounts/printer", json={"role": "viewer", "tenants": [TENANT]})
    token = made.json()["token"]
    assert len(token) > 40
    assert (await stranger.get("/api/v1/situations", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    listed = (await client.get("/api/v1/accounts")).json()["items"]
    assert [(one["name"], one["role"], one["program"], one["token"]) for one in listed] == [
        ("Kim", "admin", False, None),
        ("printer", "viewer", True, None),
    ]
    short = await client.put("/api/v1/accounts/Lee", json={"role": "viewer", "password": "too short"})
    assert "too short" not in await detail(short, 422)
    assert "no admin" in await detail(await client.put("/api/v1/accounts/Kim", json={"role": "viewer"}), 409)
    assert "no admin" in await detail(await client.delete("/api/v1/accounts/Kim"), 409)
    assert (await client.delete("/api/v1/accounts/printer")).status_code == 200
    assert "there is no account" in await detail(await client.delete("/api/v1/accounts/printer"), 404)


def test_a_password_is_kept_as_a_salted_sum() -> None:
    first, second = passwords.kept(PASSWORD, log_n=1), passwords.kept(PASSWORD, log_n=1)
    assert first != second
    assert PASSWORD not in first
    assert passwords.matches(PASSWORD, first)
    assert not passwords.matches("another", first)
    assert not passwords.matches("", None)
