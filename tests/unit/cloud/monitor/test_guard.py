"""Only this machine may ask, only our own page may change anything, and no odd question is answered with 500."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haechi.cloud.event_monitor.guard import is_loopback
from support.city import GATEWAY, LEVEL, City


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "LOCALHOST"]
)
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "example.com", "192.168.0.4:8080", "localhost.example.com", "127.0.0.1.example.com", "user@localhost",
     "0.0.0.0:80", "localhost:port", "localhost/x", "[::1", "127.1", "::1", "localhost:99999"],
)  # fmt: skip
def test_names_that_are_not(host: str) -> None:
    assert not is_loopback(host)


async def test_a_rebound_name_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/situations", headers={"Host": "evil.example:8080"})
    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8080"])
async def test_another_page_changes_nothing(city: City, client: httpx.AsyncClient, origin: str) -> None:
    city.situation("s-1")
    response = await client.post("/api/v1/situations/s-1/acknowledge", headers={"Origin": origin})
    assert response.status_code == 403
    assert (await client.get("/api/v1/situations/s-1")).json()["situation"]["acknowledged"] is False


async def test_our_own_page_may(city: City, client: httpx.AsyncClient) -> None:
    city.situation("s-1")
    response = await client.post("/api/v1/situations/s-1/acknowledge", headers={"Origin": "http://127.0.0.1:8080"})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/situations", "/api/v1/nowhere", "/api/v1/events?limit=0"])
async def test_every_answer_bears_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        ("/api/v1/events?limit=0", 422, "query.limit"),
        ("/api/v1/events?limit=501", 422, "query.limit"),
        ("/api/v1/events?from=yesterday", 422, "query.from"),
        ("/api/v1/events?from=1780000000", 422, "query.from"),
        ("/api/v1/events?from=0001-01-01T00:00:00%2B14:00", 422, "query.from"),
        ("/api/v1/events?from=2026-02-30T00:00:00Z", 422, "query.from"),
        ("/api/v1/events?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 422, "query.from"),
        ("/api/v1/events?cursor=%F0%9F%90%89", 422, "query.cursor"),
        ("/api/v1/events?severity_min=terrible", 422, "query.severity_min"),
        ("/api/v1/observations?gateway=a&datastream=b", 422, "query.datastream"),
        ("/api/v1/observations?gateway=a&datastream=b.c&points=1000000", 422, "query.points"),
        ("/api/v1/situations/%00", 422, "path.situation"),
        ("/api/v1/situations/none", 404, "none"),
        ("/api/v1/dead-letters/99999999999999999999/content", 422, "path.letter"),
        ("/api/v1/changes?after=-1", 422, "query.after"),
        ("/api/v1/evidence/..%2F..%2Fetc/picture", 404, ""),
    ],
)
async def test_a_wrong_question_gets_one_clear_line(
    client: httpx.AsyncClient, path: str, status: int, named: str
) -> None:
    response = await client.get(path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert named in problem["detail"]
    assert "\n" not in problem["detail"]
    assert problem["status"] == status


async def test_a_last_event_id_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/changes", headers={"Last-Event-ID": "12; DROP"})
    assert response.status_code == 422


LISTS = (
    "gateways",
    "places",
    "things",
    "datastreams",
    "situations",
    "events",
    "losses",
    "dead-letters",
    "observations",
)
NAMES = st.sampled_from(
    ["limit", "cursor", "after", "before", "from", "to", "type", "severity_min", "gateway", "place", "situation",
     "late", "state", "matter", "acknowledged", "points", "datastream", "thing", "observed_property"]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=40),
    st.integers().map(str),
    st.datetimes().map(lambda time: time.isoformat() + "Z"),
    st.sampled_from(
        ["true", "open", "MTc4MDAwMDAwMDAwMDAwMC9zLTE", GATEWAY, LEVEL, "flood", "severe", "NaN", "1e999", "\x00"]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(path=st.sampled_from(LISTS), parameters=st.dictionaries(NAMES, VALUES, max_size=4))
async def test_no_parameter_breaks_it(client: httpx.AsyncClient, path: str, parameters: dict[str, str]) -> None:
    response = await client.get(f"/api/v1/{path}", params=parameters)
    assert response.status_code in (200, 422), response.text
