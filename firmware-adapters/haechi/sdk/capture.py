"""Records what passes the wire of a live device, and plays it again where no device is.

Both sit below the transports (:mod:`haechi.sdk.wire`), so every adapter can be recorded as it is. Secrets of the
configuration are taken out of a recording before it is written; what is recorded is bounded.
"""

import asyncio
import base64
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from haechi.contract.observations import Value
from haechi.sdk.recording import Passage
from haechi.sdk.secret_names import HIDDEN, is_secret
from haechi.sdk.terminal import Terminal
from haechi.sdk.wire import Tap, Wire

_QUERY = re.compile(r"(?<=[?&])([^=&#\s]*)=([^&#\s]+)")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_TELLING_BYTES_MIN = 4
"""What is shorter stands in the bytes by chance as well; it is hidden in the configuration, and beside its name."""
_SECRET_BYTES_MAX = 4096


class Recorder(Wire):
    """Writes down every byte that passes; stops writing, and says so, when there is too much."""

    def __init__(self, bytes_max: int) -> None:
        """Keep at most ``bytes_max`` bytes."""
        self.passages: list[tuple[str, str, float, bytes]] = []
        """Way, address, time by the event loop's clock, bytes."""
        self.is_full = False
        self._left = bytes_max

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        """Return a tap that writes down."""
        return _Writing(self, address)

    def write(self, way: str, address: str, data: bytes) -> None:
        """Write down what passed."""
        if len(data) > self._left:
            self.is_full = True
        if self.is_full or not data:
            return
        self._left -= len(data)
        self.passages.append((way, address, asyncio.get_running_loop().time(), data))


class _Writing(Tap):
    def __init__(self, recorder: Recorder, address: str) -> None:
        self._recorder, self._address = recorder, address

    def came(self, data: bytes) -> bytes:
        self._recorder.write("came", self._address, data)
        return data

    def sent(self, data: bytes) -> bytes:
        self._recorder.write("sent", self._address, data)
        return data


def without_secrets(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return ``config`` with its secrets hidden, and what must not stand in the bytes either.

    A secret may stand in a file that the configuration names: the name may be seen, what is in the file may not. In a
    URL whatever is given by name may be one, and so may the user.
    """
    hidden: list[bytes] = []

    def hide(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: hide(name, inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [hide(key, inner) for inner in value]
        if is_secret(key, value) and key.endswith("_file") and isinstance(value, str):
            hidden.extend(_as_sent(_first_line(value), config.get("username")))
            return value
        if is_secret(key, value) and value != "" and not isinstance(value, bool):
            hidden.append(str(value).encode())
            return HIDDEN
        return _without_query(value, hidden) if isinstance(value, str) and "://" in value else value

    return hide("", config), hidden


def _without_query(url: str, hidden: list[bytes]) -> str:
    """Return ``url`` without what its query and its user say; add how that may stand in the bytes."""
    for pair in _QUERY.finditer(url):
        hidden += [pair[0].encode()]
        hidden += [form for one in (pair[2], unquote(pair[2])) if len(form := one.encode()) >= _TELLING_BYTES_MIN]
    hidden += [user.encode() for user in _USER_INFO.findall(url)]
    return _USER_INFO.sub(HIDDEN, _QUERY.sub(rf"\1={HIDDEN}", url))


def blanked(data: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return ``data`` with asterisks in place of each of ``secrets``."""
    for secret in secrets:
        data = data.replace(secret, b"*" * len(secret))
    return data


def _first_line(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.readline(_SECRET_BYTES_MAX).strip()
    except OSError:  # then the adapter could not read it either
        return b""


def _as_sent(secret: bytes, username: object) -> list[bytes]:
    """Return how a secret may stand in the bytes: as it is, and as HTTP's Basic has it (RFC 7617)."""
    return [secret, base64.b64encode(f"{username}:".encode() + secret)] if secret else []


def as_toml(
    provenance: str,
    config: Mapping[str, Any],
    recorder: Recorder,
    values: Sequence[tuple[str, Value]],
    licence: str,
) -> str:
    """Return the text of a recording: ``recordings/NAME.toml``."""
    shown, secrets = without_secrets(config)
    passages = [(way, address, time_s, blanked(data, secrets)) for way, address, time_s, data in recorder.passages]
    several = len({address for _way, address, _time_s, _data in passages}) > 1
    came = b"".join(data for way, _address, _time_s, data in passages if way == "came")
    lines = [
        f"provenance = {_written(provenance)}",
        f"licence = {_written(licence)}",
        "check_field = false  # say true where the protocol has one",
        'hex = """',
        *(came[start : start + 32].hex(" ") for start in range(0, len(came), 32)),
        '"""',
        *([] if values else ["expected = []"]),
        "",
        *_table("config", shown),
    ]
    for name, value in values:
        lines += ["", "[[expected]]", f"property = {_written(name)}", f"value = {_written(value)}"]
    before_s = passages[0][2] if passages else 0.0
    for way, address, time_s, data in passages:
        lines += ["", "[[wire]]", f'way = "{way}"', f"after_ms = {round(1000 * (time_s - before_s))}"]
        lines += [f'hex = "{data.hex(" ")}"'] + ([f"address = {_written(address)}"] if several else [])
        before_s = time_s
    return "\n".join(lines) + "\n"


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    """Return a TOML table with its arrays of tables below it."""
    lines = [f"[{name}]"]
    later: list[str] = []
    for key, value in table.items():
        if isinstance(value, list) and value and all(isinstance(inner, Mapping) for inner in value):
            for inner in value:
                later += ["", f"[[{name}.{key}]]", *_table("", inner)[1:]]
        elif isinstance(value, Mapping):
            later += ["", *_table(f"{name}.{key}", value)]
        else:
            lines.append(f"{key} = {_written(value)}")
    return lines + later


def _written(value: Any) -> str:
    """Return a TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_written(inner) for inner in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one >= " " and one != "\x7f" else f"\\u{ord(one):04x}" for one in escaped) + '"'


class Player(Wire):
    """Plays a recording to the adapter that opens it: says what came, once the adapter has sent what was sent."""

    def __init__(self, passages: Sequence[Passage], *, speed: float = 1.0) -> None:
        """``speed`` 10 plays ten times as fast as it was recorded."""
        self.ended = asyncio.Event()
        """Set when everything has been played."""
        self._passages, self._speed = list(passages), speed
        self._at = 0
        self._ends: dict[str, Terminal | socket.socket] = {}
        self._deliver: dict[str, Callable[[bytes], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def leads_to(self, address: str) -> str:
        """Return a line or a port of this machine at which nobody speaks but the recording."""
        end = self._ends.get(address)
        if end is None:
            end = self._ends[address] = Terminal() if address.startswith("/") else _deaf_listener()
        if isinstance(end, Terminal):
            return end.path
        host, port = end.getsockname()[:2]
        return f"{host}:{port}"

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        """Begin, or go on, to play."""
        self._deliver[address] = deliver
        self._go_on()
        return _Playing(self)

    def heard(self, data: bytes) -> None:
        """Go on with what came after ``data`` was sent; what was never sent gets no answer."""
        for place in range(self._at, len(self._passages)):
            passage = self._passages[place]
            if passage.way == "sent" and passage.data == data:
                self._at = place + 1
                self._go_on()
                return

    def close(self) -> None:
        """Let go of lines and ports."""
        if self._timer is not None:
            self._timer.cancel()
        for end in self._ends.values():
            end.close()

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._at >= len(self._passages):
            self.ended.set()
        elif (passage := self._passages[self._at]).way == "came":
            delay_s = passage.after_ms / 1000 / self._speed
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._play, passage)

    def _play(self, passage: Passage) -> None:
        self._timer = None
        self._at += 1
        for address, deliver in list(self._deliver.items()):
            if passage.address in ("", address):
                deliver(passage.data)
        self._go_on()


class _Playing(Tap):
    def __init__(self, player: Player) -> None:
        self._player = player

    def sent(self, data: bytes) -> bytes:
        # The answer must not come before the transport waits for it.
        asyncio.get_running_loop().call_soon(self._player.heard, data)
        return b""


def _deaf_listener() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener
