"""Who may ask: until accounts exist, only the machine itself, whatever a browser is tricked into.

The server listens on loopback, but a web page from anywhere can make the operator's browser send requests there. Two
checks close that: the ``Host`` header must name this machine (a rebound DNS name does not), and whatever changes
something must come from our own page (``Origin``). Every answer carries the headers that keep the console's page from
loading, framing or leaking anything.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haechi.cloud.event_monitor.problems import problem
from haechi.cloud.urls import is_near
from haechi.text import _

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware: refuses foreign hosts and origins, adds the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = _refusal(Headers(scope=scope), scope["method"])
        if refusal is not None:
            await problem(*refusal)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _refusal(headers: Headers, method: str) -> tuple[int, str] | None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_loopback(hosts[0]):
        return 421, _("Host: this server answers only to localhost, 127.0.0.1 or [::1]; open it under that name")
    origins = headers.getlist("origin")
    if method not in _READING and origins and (len(origins) > 1 or not _same(origins[0], hosts[0])):
        return 403, _("Origin: another site's page may not change anything here; use the console's own page")
    return None


def is_loopback(host: str) -> bool:
    """Tell whether a ``Host`` header (name or address, port or not) names this machine itself."""
    try:
        parts = urlsplit(f"//{host}")
        name, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if name is None or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return False
    return is_near(name)


def _same(origin: str, host: str) -> bool:
    return origin.casefold() in (f"http://{host}".casefold(), f"https://{host}".casefold())
