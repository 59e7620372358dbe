"""An MQTT 3.1.1 client that publishes: QoS 1, a last will, and not a byte more memory than a message needs.

Whoever publishes more often than ``keepalive_s`` needs no ping. Runs on MicroPython and on CPython alike: all it asks
of a connection is ``write(bytes)``, ``read(n)`` that returns up to ``n`` bytes, nothing at the end, and raises
``OSError`` when it took too long, and ``close()``.
"""

_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 0x10, 0x20, 0x30, 0x40
_DISCONNECT = b"\xe0\x00"
_QOS_1, _RETAIN = 0x02, 0x01
_FLAGS = 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02
"""CONNECT: username, password, will retained with QoS 1, will, clean session (3.1.2.3)."""
_ANSWER_BYTES_MAX = 8


class Publisher:
    """One connection to a broker."""

    def __init__(self, stream: object, topic: str, keepalive_s: int) -> None:
        """Publish to ``topic`` by default; what the state is stands at ``topic/status``."""
        self._stream = stream
        self._topic = topic
        self._keepalive_s = keepalive_s
        self._packet_id = 0

    def connect(self, client_id: str, username: str, password: str) -> None:
        """Say who we are; :meth:`say_online` comes next.

        Raises:
            OSError: the broker does not let us in, or does not answer.
        """
        body = _text("MQTT") + bytes((4, _FLAGS)) + self._keepalive_s.to_bytes(2, "big")
        body += _text(client_id) + _text(self._topic + "/status") + _text("offline")
        self._send(_CONNECT, body + _text(username) + _text(password))
        kind, answer = self._receive()
        if kind != _CONNACK or len(answer) != 2 or answer[1]:
            raise OSError("the broker does not let us in")

    def say_online(self) -> None:
        """Say that we are here, until the last will says otherwise.

        Raises:
            OSError: as of :meth:`publish`.
        """
        self.publish(b"online", self._topic + "/status", retain=True)

    def publish(self, payload: bytes, topic: "str | None" = None, retain: bool = False) -> None:
        """Publish and wait until the broker has it.

        Raises:
            OSError: the connection is gone, or the broker does not answer.
        """
        self._packet_id = self._packet_id % 0xFFFF + 1
        packet_id = self._packet_id.to_bytes(2, "big")
        flags = _QOS_1 | (_RETAIN if retain else 0)
        self._send(_PUBLISH | flags, _text(topic or self._topic) + packet_id + payload)
        if self._receive() != (_PUBACK, packet_id):
            raise OSError("the broker answers something else")

    def drop(self) -> None:
        """Give the connection up without a word: it is broken, and what it holds is short on a board."""
        try:
            self._stream.close()
        except OSError:
            return  # a goodbye over TLS that finds nobody

    def close(self) -> None:
        """Say goodbye; the last will is then not published, so say so ourselves before, where we can."""
        try:
            self.publish(b"offline", self._topic + "/status", retain=True)
            self._stream.write(_DISCONNECT)
        except OSError:
            pass

    def _send(self, kind: int, body: bytes) -> None:
        self._stream.write(bytes((kind,)) + _length(len(body)) + body)

    def _receive(self) -> tuple:
        """Return type and body of the next packet; the broker's answers to one who publishes are short."""
        head = self._read(2)
        if head[1] > _ANSWER_BYTES_MAX:
            raise OSError("the broker says more than an answer")
        return head[0] & 0xF0, self._read(head[1])

    def _read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            some = self._stream.read(size - len(read))
            if not some:
                raise OSError("the broker closed the connection")
            read += some
        return read


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _length(size: int) -> bytes:
    digits = b""
    while True:
        size, digit = size >> 7, size & 0x7F
        digits += bytes((digit | 0x80 if size else digit,))
        if not size:
            return digits
