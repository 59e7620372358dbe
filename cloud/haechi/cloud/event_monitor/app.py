"""The application, put together: REST under ``/api/v1``, the change feed, ``/metrics``, and the console's page."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from enum import Enum
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from haechi.cloud.event_monitor import (
    accounts,
    clips,
    commands,
    custody,
    deeds,
    events,
    gateways,
    operation,
    series,
    sign_in,
    situations,
)
from haechi.cloud.event_monitor.feed import CLIENTS_MAX, ChangeFeed
from haechi.cloud.event_monitor.guard import Guard
from haechi.cloud.event_monitor.identity import VIEWING, Authorization, Secret, who_asks
from haechi.cloud.event_monitor.parameters import Monitor
from haechi.cloud.event_monitor.problems import Problem, answer_with_problems
from haechi.cloud.event_monitor.stream import MEDIA_TYPE, EventStream
from haechi.cloud.services import Services
from haechi.text import _

CONSOLE = Path(__file__).with_name("static")
"""The built console; made by ``npm ci && npm run build`` in ``cloud/console``."""

_ID_MAX = 2**63 - 1
"""Change ids fit the database's whole numbers."""


def create_app(services: Services, console: Path = CONSOLE) -> FastAPI:
    """Return the ASGI application.

    ``app.state.feed`` is its :class:`ChangeFeed`: close it before stopping the server, because its streams never end
    by themselves.
    """
    app = FastAPI(
        title="Haechi",
        summary="A city's events: gateways, observations, events and situations.",
        description=(
            "Times are UTC (RFC 3339), positions WGS 84 degrees, units UCUM codes, severities CAP 1.2. "
            "A refusal is a problem document (RFC 9457)."
        ),
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page would load from other machines
        redoc_url=None,
        license_info={"name": "Apache-2.0"},
        responses={code: {"model": Problem, "description": text} for code, text in _REFUSALS.items()},
    )
    app.state.services = services
    app.state.feed = ChangeFeed(services)
    answer_with_problems(app)
    app.include_router(sign_in.router, prefix="/api/v1", tags=["sign_in"])
    for part in (gateways, commands, series, events, clips, situations, custody, deeds, accounts, operation):
        tags: list[str | Enum] = [part.__name__.rpartition(".")[2]]
        app.include_router(part.router, prefix="/api/v1", tags=tags, dependencies=[VIEWING])
    app.include_router(operation.metrics_router)
    _serve_changes(app)
    _serve_console(app, console)
    app.add_middleware(Guard)
    return app


_REFUSALS: dict[int | str, str] = {
    401: "Nobody is signed in, or the token is not known.",
    403: "Another site's page asked, or somebody who may not.",
    404: "It is not here.",
    409: "Not as things are now.",
    421: "Asked under a name that is not this machine's.",
    422: "A parameter is not what was expected.",
    503: "A store does not answer now.",
}


def _serve_changes(app: FastAPI) -> None:
    @app.get(
        "/api/v1/changes",
        response_class=EventStream,
        status_code=200,
        tags=["changes"],
        dependencies=[VIEWING],
        responses={200: {"content": {MEDIA_TYPE: {}}}},
    )
    def changes(
        request: Request,
        services: Monitor,
        secret: Secret = "",
        authorization: Authorization = "",
        last_event_id: Annotated[str, Header(max_length=32, description="The last id seen.")] = "",
        after: Annotated[
            int | None, Query(ge=0, le=_ID_MAX, description="The same, where no header can be set.")
        ] = None,
    ) -> Response:
        """Server-sent events, resumable: each bears the object as it is now, and its id is where to resume.

        `situation`, `event`, `evidence`, `gateway`, `described` (its places and things are to be asked for again),
        `loss`, `dead_letter`, `command`, `audit`; also `ready` and `reset` (load everything), `heartbeat` (every 5 s),
        `observations` (a hint without id, at most one a second).
        """
        seen = last_event_id.strip()
        if seen and not (seen.isascii() and seen.isdigit() and int(seen) <= _ID_MAX):
            raise HTTPException(422, _("header.last-event-id: expected the id of the last message, a whole number"))
        feed: ChangeFeed = request.app.state.feed
        if feed.full:
            raise _too_many()
        start = int(seen) if seen else after

        def source() -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
            return feed.subscribe(start, services.tenant, may_listen)

        def may_listen() -> bool:
            person = who_asks(services, secret, authorization)
            return person is not None and person.may_see(services.tenant)

        return EventStream(source)


def _too_many() -> HTTPException:
    text = _("{count} screens already follow the changes, which is the limit; close one").format(count=CLIENTS_MAX)
    return HTTPException(503, text, {"Retry-After": "10"})


def _serve_console(app: FastAPI, console: Path) -> None:
    index = console / "index.html"

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        if not index.is_file():
            return PlainTextResponse(
                _("The console is not built: run `npm ci && npm run build` in cloud/console. The API is at /api/v1."),
                503,
            )
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    if (console / "assets").is_dir():
        app.mount("/assets", _Assets(directory=console / "assets"), name="assets")


class _Assets(StaticFiles):
    """Files whose name changes with their content, so they may be kept for ever."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
