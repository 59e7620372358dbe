"""Every refusal is a problem document (RFC 9457) with one clear line: what, where, what was expected, what to do.

Nothing that a client sends is answered with 500, and no answer shows a traceback, a path or a secret.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from haechi.cloud.objects import ObjectUnavailable
from haechi.cloud.store import StoreError
from haechi.text import _

MEDIA_TYPE = "application/problem+json"
_SHOWN_MAX = 80
_SECRET = frozenset({"password", "authorization", "haechi_session"})
"""Parts of a request that no answer repeats."""


class Problem(BaseModel):
    """A refusal as RFC 9457 writes it."""

    model_config = ConfigDict(frozen=True)

    type: str = Field("about:blank", description="Always `about:blank`: the status says the kind.")
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="One line: what, where, what was expected.")


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that refuses with one line."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, dict(headers or {}), media_type=MEDIA_TYPE)


def answer_with_problems(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""

    @app.exception_handler(HTTPException)
    def refused(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> Response:
        return problem(422, _first_line(error.errors()))

    @app.exception_handler(StoreError)
    def no_points(_request: Request, _error: StoreError) -> Response:
        return _later(_("the time-series store does not answer now; alarms are not affected; try again shortly"))

    @app.exception_handler(ObjectUnavailable)
    def no_pictures(_request: Request, _error: ObjectUnavailable) -> Response:
        return _later(_("the picture store does not answer now; try again shortly"))

    @app.exception_handler(InterfaceError)
    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeoutError)
    def no_state(_request: Request, _error: SQLAlchemyError) -> Response:
        return _later(_("the state database does not answer now; try again shortly"))

    @app.exception_handler(DBAPIError)
    def not_any_more(request: Request, error: DBAPIError) -> Response:
        if not error.connection_invalidated:
            raise error  # a mistake of ours: the log shall say where
        return no_state(request, error)


def _later(detail: str) -> Response:
    return problem(503, detail, {"Retry-After": "2"})


def _first_line(errors: Sequence[Any]) -> str:
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    given = first.get("input")
    is_shown = isinstance(given, str | int | float) and not _SECRET.intersection(first["loc"])
    shown = f", not {str(given)[:_SHOWN_MAX]!r}" if is_shown else ""
    return f"{where}: {first['msg'].removeprefix('Value error, ')}{shown}"
