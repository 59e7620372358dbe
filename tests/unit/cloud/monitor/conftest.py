"""A city in a temporary folder, and a client that speaks to its monitor without a socket."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from haechi.cloud.event_monitor.app import create_app
from support.city import TENANT, City

OTHER = "sejong"
"""A second city that is served here."""
ORIGIN = "http://127.0.0.1:8080"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    yield city
    city.close()


@pytest.fixture
def app(city: City, tmp_path: Path) -> FastAPI:
    return create_app(city.services(tenants=(TENANT, OTHER)), console=tmp_path / "no-console")


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client
