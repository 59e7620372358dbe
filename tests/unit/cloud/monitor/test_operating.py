"""What operators say of situations: seen, not now, done; each with who and why."""

from typing import Any

import httpx
import pytest

from haechi.cloud.event_handler import handler
from haechi.cloud.event_handler.situations import Word
from haechi.cloud.state import schema
from haechi.cloud.state.engine import writing
from haechi.cloud.workflow_manager.roles import Role
from haechi.contract.events import RETRACTS, Event, Phase, Severity
from support.city import GATEWAY, TENANT, City

MINUTE_US = 60_000_000
HOUR = {"for_s": 3600, "reason": "sensor is being cleaned"}


def happens(city: City, number: int, **fields: Any) -> str:
    """Let the event handler take an event as it comes; return the id of its situation."""
    known: dict[str, Any] = {
        "type": "security.intrusion",
        "source": "camera-1",
        "subject": "bank",
        "time_us": city.now_us,
        "phase": Phase.RAISED,
        "condition": "camera-1.zone",
        "severity": Severity.SEVERE,
        **fields,
    }
    event = Event(id=f"event-{number:04}", **known)
    with writing(city.state) as connection:
        handler.handle(connection, Word(TENANT, GATEWAY, event, (1, number), city.now_us), late=False)
        found = connection.execute(schema.situations.select().order_by(schema.situations.c.opened_us.desc())).first()
    assert found is not None
    return str(found.id)


async def tell(client: httpx.AsyncClient, situation: str, what: str, body: object = None) -> httpx.Response:
    return await client.post(f"/api/v1/situations/{situation}/{what}", json=body)


async def deeds(client: httpx.AsyncClient) -> list[tuple[str, str, str]]:
    items = (await client.get("/api/v1/audit")).json()["items"]
    return [(one["action"], one["reason"], one["detail"]) for one in items]


async def test_shelving_has_an_end_a_reason_and_falls_when_it_becomes_worse(
    city: City, client: httpx.AsyncClient
) -> None:
    situation = happens(city, 1)
    shelved = (await tell(client, situation, "shelve", HOUR)).json()
    assert (shelved["open"], shelved["acknowledged"]) == (True, False)
    assert shelved["shelved_until"] is not None
    assert await deeds(client) == [("shelve", "sensor is being cleaned", "60 min")]
    happens(city, 2, phase=Phase.UPDATED)
    assert (await client.get(f"/api/v1/situations/{situation}")).json()["situation"]["shelved_until"] is not None
    happens(city, 3, phase=Phase.UPDATED, severity=Severity.EXTREME)
    worse = (await client.get(f"/api/v1/situations/{situation}")).json()["situation"]
    assert (worse["severity"], worse["shelved_until"]) == ("extreme", None)


async def test_a_shelving_can_be_taken_back_once(city: City, client: httpx.AsyncClient) -> None:
    situation = happens(city, 1)
    await tell(client, situation, "shelve", HOUR)
    for _time in range(2):
        assert (await tell(client, situation, "unshelve")).json()["shelved_until"] is None
    assert [action for action, _why, _detail in await deeds(client)] == ["unshelve", "shelve"]


@pytest.mark.parametrize(
    "wrong", [{"for_s": 59, "reason": "x"}, {"for_s": 43_201, "reason": "x"}, {"for_s": 600, "reason": " "}, {}]
)
async def test_no_shelving_without_end_or_reason(
    city: City, client: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    situation = happens(city, 1)
    assert (await tell(client, situation, "shelve", wrong)).status_code == 422
    assert await deeds(client) == []


async def test_what_is_out_of_order_cannot_be_closed_and_what_was_taken_back_can(
    city: City, client: httpx.AsyncClient
) -> None:
    situation = happens(city, 1)
    refused = await tell(client, situation, "close", {"reason": "nobody there"})
    assert (refused.status_code, "shelve it instead" in refused.json()["detail"]) == (409, True)
    await tell(client, situation, "acknowledge")
    happens(city, 2, phase=Phase.CLEARED, data={RETRACTS: "event-0001"})
    kept = (await client.get(f"/api/v1/situations/{situation}")).json()["situation"]
    assert (kept["open"], kept["active"]) == (True, False)
    closed = (await tell(client, situation, "close", {"reason": "nobody there"})).json()
    assert (closed["open"], closed["acknowledged"]) == (False, True)
    assert (await deeds(client))[0] == ("close", "nobody there", "")
    again = await tell(client, situation, "close", {"reason": "nobody there"})
    assert again.status_code == 409
    assert (await tell(client, situation, "shelve", HOUR)).status_code == 409
    assert (await tell(client, "nothing", "close", {"reason": "x"})).status_code == 404


async def test_what_merely_happened_can_be_closed_and_opens_anew_when_it_happens_again(
    city: City, client: httpx.AsyncClient
) -> None:
    call = {"type": "security.emergency_call", "phase": Phase.OCCURRED, "condition": ""}
    situation = happens(city, 1, **call)
    assert (await tell(client, situation, "close", {"reason": "a test call"})).json()["open"] is False
    city.now_us += 10 * MINUTE_US
    assert happens(city, 2, **call) != situation


async def test_viewers_say_nothing(city: City, client: httpx.AsyncClient) -> None:
    situation = happens(city, 1)
    city.account("wall", Role.VIEWER, token="t" * 40)
    client.headers["Authorization"] = "Bearer " + "t" * 40
    for what, body in (("acknowledge", None), ("shelve", HOUR), ("unshelve", None), ("close", {"reason": "x"})):
        assert (await tell(client, situation, what, body)).status_code == 403
    assert await deeds(client) == []
