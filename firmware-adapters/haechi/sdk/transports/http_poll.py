"""A device that answers HTTP: asked again and again, bounded in time and size, never led elsewhere.

- One question, one connection: no answer can be taken for another's, and nothing stays open between polls.
- What has not changed since the last answer is not sent again (``ETag``, ``Last-Modified``; RFC 9110, clause 13).
- A redirect is refused unless allowed by number, and never leaves the device's own host and port, since the
  credentials would travel along.
- Basic (RFC 7617) and Bearer (RFC 6750) credentials come from files, are sent over TLS or to this machine only unless
  ``insecure``, and stand in no error and no log.

h11 reads and writes HTTP/1.1; its bytes lie on the wire (:mod:`haechi.sdk.wire`).
"""

import asyncio
import base64
import re
import ssl
from typing import Literal, NamedTuple, Self
from urllib.parse import SplitResult, urljoin, urlsplit

import h11
from pydantic import Field, field_validator, model_validator

from haechi.sdk.adapter import AdapterConfig
from haechi.sdk.errors import BadReading, NotConnected, wrong
from haechi.sdk.transports.credentials import (
    CaFile,
    PasswordFile,
    UserName,
    is_loopback,
    parts_of,
    secret_in,
    tls_context,
)
from haechi.sdk.transports.dialling import Connection, dial, name_of
from haechi.text import _

_HEAD_BYTES_MAX = 16 * 1024
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_SECRET = re.compile(rb"(?im)^(authorization: \w+ )[^\r\n]+")
_TOO_MANY, _NOT_MODIFIED = 429, 304
_RETRY_AFTER_S_MAX = 3600


class HttpKeys(AdapterConfig):
    """What the configuration of every device that is polled over HTTP has."""

    url: str = Field(max_length=1024, description="`https://HOST[:PORT]/PATH`, or `http://…`.")
    username: UserName = None
    password_file: PasswordFile = None
    token_file: str | None = Field(
        default=None, min_length=1, max_length=255, description="File whose first line is the token (Bearer)."
    )
    ca_file: CaFile = None
    insecure: bool = Field(
        default=False, description="True allows credentials over plain `http://`: anybody can read along."
    )
    redirects_max: int = Field(default=0, ge=0, le=5, description="How many redirects, on the same host, are followed.")
    body_bytes_max: int = Field(default=256 * 1024, ge=1, le=16 * 1024 * 1024, description="Longest answer taken.")
    timeout_s: float = Field(default=10.0, ge=0.1, le=300, description="How long one question may take, all in all.")
    retry_s: float = Field(default=10.0, ge=0.1, le=3600, description="How long to wait after a failure.")

    @field_validator("url")
    @classmethod
    def _names_a_page(cls, url: str) -> str:
        if parts_of("url", url, ("http", "https")) is None or not url.isascii() or any(one <= " " for one in url):
            raise ValueError(_("https://HOST[:PORT]/PATH or http://HOST[:PORT]/PATH"))
        return url

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        parts = urlsplit(self.url)
        if self.password_file is not None and self.token_file is not None:
            raise wrong("token_file", self.token_file, _("nothing beside password_file"))
        if (self.username is None) != (self.password_file is None):
            raise wrong("password_file", self.password_file, _("username and password_file together, or neither"))
        has_secret = self.password_file is not None or self.token_file is not None
        if has_secret and parts.scheme == "http" and not self.insecure and not is_loopback(parts.hostname or ""):
            raise wrong("url", self.url, _("https://, or insecure = true"))
        if self.ca_file is not None and parts.scheme != "https":
            raise wrong("ca_file", self.ca_file, _("nothing, because url is not https://"))
        return self


class Answer(NamedTuple):
    """What a device answered, whole."""

    body: bytes
    content_type: str
    """As the device says it, in lower case, without parameters; empty where it says none."""


class HttpPoll:
    """Asks one URL. Blocking: never; order: one question after the other."""

    def __init__(self, keys: HttpKeys) -> None:
        """Keep the address; nothing is opened before the first question."""
        parts = urlsplit(keys.url)
        self.name = name_of(*_address(parts))
        """Host and port; the rest of a URL may hold what nobody should read."""
        self._keys = keys
        self._unchanged: list[tuple[str, str]] = []
        self._exchange: _Exchange | None = None

    async def get(self) -> Answer | None:
        """Ask, and return the answer; None where it has not changed since the one before.

        Whoever finds that an answer means nothing calls :meth:`forget`, or the device would go on to say that nothing
        has changed.

        Raises:
            NotConnected: the device is not there, answers with an error, or leads elsewhere.
            BadReading: the answer is no HTTP, broke off, or is longer than ``body_bytes_max``.
            ConfigError: a secret or a certificate cannot be read.
        """
        keys = self._keys
        parts = urlsplit(keys.url)
        tls = tls_context(keys.ca_file, None, None) if parts.scheme == "https" else None
        secret = self._secret()
        try:
            async with asyncio.timeout(keys.timeout_s):
                for _number in range(1 + keys.redirects_max):
                    answer = await self._ask(parts, tls, secret)
                    if answer.status not in _REDIRECTS:
                        return self._taken(answer)
                    parts = self._led_to(parts, answer)
        except TimeoutError:
            what = _("{name} does not answer within {seconds} s").format(name=self.name, seconds=keys.timeout_s)
            raise NotConnected(what, keys.retry_s) from None
        what = _("{name} redirects more than redirects_max = {most} times")
        raise NotConnected(what.format(name=self.name, most=keys.redirects_max), keys.retry_s)

    def forget(self) -> None:
        """Ask for the whole answer next time, whether it has changed or not."""
        self._unchanged = []

    def close(self) -> None:
        """Close the connection at once; may be called at any time and more than once."""
        if self._exchange is not None:
            self._exchange.abort()
            self._exchange = None

    async def _ask(self, parts: SplitResult, tls: ssl.SSLContext | None, secret: list[tuple[str, str]]) -> "_Received":
        host, port = _address(parts)
        exchange = await dial(
            host,
            port,
            lambda: _Exchange(name_of(host, port), self._keys.body_bytes_max),
            timeout_s=self._keys.timeout_s,
            retry_s=self._keys.retry_s,
            tls=tls,
        )
        self._exchange = exchange
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = [("Host", parts.netloc), ("Connection", "close"), ("User-Agent", "haechi"), *secret]
        try:
            return await exchange.ask(h11.Request(method="GET", target=target, headers=headers + self._unchanged))
        except ConnectionError as error:
            what = _("{name}: {why}").format(name=self.name, why=error)
            raise NotConnected(what, self._keys.retry_s) from None
        finally:
            self.close()

    def _taken(self, answer: "_Received") -> Answer | None:
        if answer.status == _NOT_MODIFIED and self._unchanged:
            return None
        if answer.status != 200:
            raise NotConnected(self._complaint(answer.status), self._retry_s(answer))
        asked = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
        self._unchanged = [(ours, answer.headers[theirs]) for theirs, ours in asked if theirs in answer.headers][:1]
        return Answer(answer.body, answer.headers.get("content-type", "").partition(";")[0].strip().lower())

    def _led_to(self, parts: SplitResult, answer: "_Received") -> SplitResult:
        there = urlsplit(urljoin(parts.geturl(), answer.headers.get("location", "")))
        if not self._keys.redirects_max:
            what = _("{name} redirects; give the address that it leads to, or set redirects_max")
        elif (there.scheme, there.netloc) != (parts.scheme, parts.netloc):
            what = _("{name} redirects to another host, which is never followed")
        else:
            return there
        raise NotConnected(what.format(name=self.name), self._keys.retry_s)

    def _complaint(self, status: int) -> str:
        match status:
            case 401 | 403:
                what = _("{name} does not let us in ({status}); look at username, password_file or token_file")
            case 404 | 410:
                what = _("{name} has no such page ({status}); look at url")
            case _:
                what = _("{name} answers with error {status}")
        return what.format(name=self.name, status=status)

    def _retry_s(self, answer: "_Received") -> float:
        """Return how long to wait; a device may ask for more, up to an hour (RFC 9110, clause 10.2.3)."""
        wanted = answer.headers.get("retry-after", "")
        if answer.status in (_TOO_MANY, 503) and wanted.isascii() and wanted.isdigit():
            return max(self._keys.retry_s, min(float(wanted[:9]), _RETRY_AFTER_S_MAX))
        return self._keys.retry_s

    def _secret(self) -> list[tuple[str, str]]:
        keys = self._keys
        if keys.token_file is not None:
            return [("Authorization", f"Bearer {secret_in('token_file', keys.token_file)}")]
        if keys.password_file is not None:
            pair = f"{keys.username}:{secret_in('password_file', keys.password_file)}".encode()
            return [("Authorization", f"Basic {base64.b64encode(pair).decode('ascii')}")]
        return []


class _Received(NamedTuple):
    """An answer as it came."""

    status: Literal[200, 304] | int
    headers: dict[str, str]
    """By name in lower case; of several with one name, the first."""
    body: bytes


class _Exchange(Connection):
    """One connection with one question on it."""

    def __init__(self, name: str, body_bytes_max: int) -> None:
        super().__init__(name)
        self._body_bytes_max = body_bytes_max
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES_MAX)
        self._answer: asyncio.Future[_Received] = asyncio.get_running_loop().create_future()
        self._head: h11.Response | None = None
        self._body = bytearray()

    async def ask(self, request: h11.Request) -> _Received:
        """Send the question and return the whole answer.

        Raises:
            BadReading: it is no HTTP, broke off, or is too long.
            ConnectionError: the connection ended before an answer began.
        """
        question = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        shown = _SECRET.sub(rb"\1***", question)  # who listens on the wire, to record it, gets no password
        passed = self._tap.sent(shown)
        if self._transport is not None:
            self._transport.write(question if passed == shown else passed)
        return await self._answer

    def abort(self) -> None:
        """Close without waiting for anything."""
        super().abort()
        self._answer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Take it for the end of what came."""
        self._deliver(b"", is_end=True)
        self._tap.closed()

    def _deliver(self, data: bytes, *, is_end: bool = False) -> None:
        """Hand what came to h11."""
        if self._answer.done() or not (data or is_end):
            return
        if is_end and self._head is None and not self._http.trailing_data[0]:
            self._answer.set_exception(ConnectionResetError(_("closed the connection without an answer")))
            return
        try:
            self._http.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as error:
            self._answer.set_exception(BadReading(_("no HTTP answer ({why})").format(why=error)))
        except BadReading as error:
            self._answer.set_exception(error)

    def _read(self) -> None:
        while not self._answer.done():
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                if len(self._body) + len(event.data) > self._body_bytes_max:
                    raise BadReading(_("an answer of more than {most} bytes").format(most=self._body_bytes_max))
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                headers: dict[str, str] = {}
                for name, value in self._head.headers:
                    headers.setdefault(name.decode("ascii"), value.decode("latin-1"))
                self._answer.set_result(_Received(self._head.status_code, headers, bytes(self._body)))
            elif not isinstance(event, h11.InformationalResponse):
                return


def _address(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
