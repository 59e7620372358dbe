"""A connection to an ONVIF camera: one SOAP question after the other, each answered whole or not at all.

Promise: bounded in time and size; an answer belongs to the question before it, for a connection on which a question
went unanswered is closed; the host that was named is the only one that is ever asked. Many cameras close after each
answer: then the next question opens another connection. h11 reads and writes HTTP/1.1; its bytes lie on the wire
(:mod:`haechi.sdk.wire`).
"""

import asyncio
import ssl

import h11

from haechi.sdk.errors import NotConnected
from haechi.sdk.onvif import soap
from haechi.sdk.transports.dialling import Connection, dial, name_of
from haechi.text import _

_HEAD_BYTES_MAX = 16 * 1024


class SoapLine:
    """The connection to one camera."""

    def __init__(
        self, host: str, port: int, *, timeout_s: float, retry_s: float, tls: ssl.SSLContext | None = None
    ) -> None:
        """Open nothing before the first question; with ``tls`` it is encrypted, and the camera's certificate judged."""
        self.name = name_of(host, port)
        self._host, self._port = host, port
        self._timeout_s, self._retry_s, self._tls = timeout_s, retry_s, tls
        self._connection: _Connection | None = None

    async def ask(self, path: str, message: bytes, *, patience_s: float = 0.0) -> tuple[int, bytes]:
        """Send a message and return status and body of the answer.

        ``patience_s``: how much longer than the usual time-out the camera may think.

        Raises:
            NotConnected: it is not there, does not answer in time, or answers no HTTP.
        """
        connection = self._connection
        if connection is None or not connection.is_free:
            self.close()
            connection = self._connection = await dial(
                self._host,
                self._port,
                lambda: _Connection(self.name),
                timeout_s=self._timeout_s,
                retry_s=self._retry_s,
                tls=self._tls,
            )
        try:
            async with asyncio.timeout(self._timeout_s + patience_s):
                return await connection.ask(path, self.name, message)
        except TimeoutError:
            what = _("{name} does not answer within {seconds:g} s")
            raise NotConnected(
                what.format(name=self.name, seconds=self._timeout_s + patience_s), self._retry_s
            ) from None
        except ConnectionError as error:
            raise NotConnected(f"{self.name}: {error}", self._retry_s) from None
        finally:
            if not connection.is_free:
                self.close()

    def close(self) -> None:
        """Close at once; may be called at any time and more than once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


class _Connection(Connection):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES_MAX)
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._status = 0
        self._body = bytearray()
        self.is_free = True
        """Another question may be asked on it."""

    async def ask(self, path: str, host: str, message: bytes) -> tuple[int, bytes]:
        """Send one question and wait for its answer.

        Raises:
            ConnectionError: the connection ended, or what came is no answer; one line.
        """
        self.is_free = False
        self._answer = asyncio.get_running_loop().create_future()
        self._status, self._body = 0, bytearray()
        headers = [("Host", host), ("Content-Type", soap.CONTENT_TYPE), ("Content-Length", str(len(message)))]
        events = (h11.Request(method="POST", target=path, headers=headers), h11.Data(message), h11.EndOfMessage())
        data = self._tap.sent(b"".join(self._http.send(event) or b"" for event in events))
        if self._transport is not None and data:
            self._transport.write(data)
        return await self._answer

    def abort(self) -> None:
        """Close without waiting for anything."""
        self.is_free = False
        super().abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Take it for the end of what came."""
        self._deliver(b"")
        self._fail(_("closed the connection without an answer"))
        self._tap.closed()

    def data_received(self, data: bytes) -> None:
        """Hand on what came; nothing, where the wire below lets nothing pass, is no answer."""
        if data := self._tap.came(data):
            self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.is_free = False  # nobody has asked: whatever this is, it answers nothing
            return
        try:
            self._http.receive_data(data)
            self._read(self._answer)
        except h11.RemoteProtocolError:
            self._fail(_("answers no HTTP"))

    def _read(self, answer: "asyncio.Future[tuple[int, bytes]]") -> None:
        while not answer.done():
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                self._status = event.status_code
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > soap.ANSWER_BYTES_MAX:
                    self._fail(_("answers more than {most} bytes").format(most=soap.ANSWER_BYTES_MAX))
            elif isinstance(event, h11.EndOfMessage) and self._status:
                answer.set_result((self._status, bytes(self._body)))
                if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                    self._http.start_next_cycle()
                    self.is_free = not self._http.trailing_data[0]
            elif not isinstance(event, h11.InformationalResponse):
                return

    def _fail(self, what: str) -> None:
        self.is_free = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(what))
