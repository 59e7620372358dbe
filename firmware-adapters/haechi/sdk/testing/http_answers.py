"""An HTTP answer in a recording → the body that an adapter would be handed."""

from functools import lru_cache

import h11


def body_in(data: bytes) -> bytes | None:
    """Return the body of a whole answer with status 200; None where it is none, or broken off."""
    head, blank, body = data.partition(b"\r\n\r\n")
    return body if _length_in(head + blank) == len(body) else None


@lru_cache(maxsize=512)
def _length_in(head: bytes) -> int:
    """Return how long the body behind a head is, -1 where it is no head. Most damage that is tried is in the body."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("Host", "device")]))
    http.send(h11.EndOfMessage())
    try:
        http.receive_data(head)
        event = http.next_event()
        if isinstance(event, h11.Response) and event.status_code == 200:
            return int(dict(event.headers).get(b"content-length", b"-1"))
    except h11.RemoteProtocolError:
        pass
    return -1
