"""Server-sent events on the wire (WHATWG HTML, section 9.2). A client that does not read is dropped, never buffered.

One message that cannot be handed over within ``SEND_TIMEOUT_S`` ends the connection; the browser opens it again with
``Last-Event-ID`` and resumes where it was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

SEND_TIMEOUT_S = 10.0
MEDIA_TYPE = "text/event-stream"


def message(event: str, data: bytes, id_: int | None = None) -> bytes:
    """Return one message as bytes; ``data`` is JSON on one line."""
    name = b"" if id_ is None else b"id: %d\n" % id_
    return b"%sevent: %s\ndata: %s\n\n" % (name, event.encode(), data)


class EventStream(Response):
    """An answer that lasts: sends what the source yields until it ends, the client leaves, or does not read."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        source: Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]],
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._source = source
        self._send_timeout_s = send_timeout_s

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client to its end."""
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait((sending, leaving))
        if sending.done() and not sending.cancelled():
            sending.result()

    async def _send_all(self, send: Send) -> None:
        try:
            async with self._source() as messages:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for part in messages:
                    async with asyncio.timeout(self._send_timeout_s):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return  # it does not read; the server closes the connection, and the client resumes


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
