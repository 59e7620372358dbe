"""Single pictures: from a folder that a camera uploads to, and from an address that is asked."""

import base64
import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from haechi.edge.vision.capture import Capture
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.source import CannotOpen
from haechi.edge.vision.stills import open_stills, pictures


def jpeg(level: int) -> bytes:
    _done, content = cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))
    return bytes(content)


def camera(url: str, **changes: Any) -> CameraConfig:
    return CameraConfig.model_validate(
        {"id": "c", "place": "p", "url": url, "picture_every_s": 1, "detector": {"model": "none"}} | changes
    )


def brightness(config: CameraConfig, waits: int, between: list[Any]) -> list[int]:
    """What a source gives while something is done at each wait."""

    def wait(_seconds: float) -> bool:
        nonlocal waits
        waits -= 1
        if between:
            between.pop(0)()
        return waits <= 0

    found = open_stills(config, os.environ, wait, lambda: 1_000_000_000).frames()
    return [round(float(frame.to_ndarray(format="gray").mean())) for frame in found]


def put(path: Path, content: bytes, *, at_s: int) -> None:
    path.write_bytes(content)
    os.utime(path, (at_s, at_s))


def test_a_picture_from_the_future_hides_none_that_comes_after_it(tmp_path: Path) -> None:
    put(tmp_path / "wrong clock.jpg", jpeg(50), at_s=90_000)
    later = [lambda: None, lambda: put(tmp_path / "b.jpg", jpeg(150), at_s=300)]
    assert brightness(camera(str(tmp_path)), 4, later) == [50, 150]


def test_a_folder_gives_its_newest_picture_once_and_then_what_comes(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", jpeg(50), at_s=100)
    put(tmp_path / "b.jpg", jpeg(100), at_s=200)
    put(tmp_path / "notes.txt", b"no picture", at_s=900)
    later = [
        lambda: None,
        lambda: put(tmp_path / "0.JPG", jpeg(150), at_s=300),
        lambda: put(tmp_path / "b.jpg", jpeg(200), at_s=400),
    ]
    assert brightness(camera(str(tmp_path)), 5, later) == [100, 150, 200]


def test_half_a_picture_is_waited_for(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", jpeg(50), at_s=100)
    put(tmp_path / "b.jpg", b"\xff\xd8\xff", at_s=200)
    assert brightness(camera(str(tmp_path)), 3, [lambda: put(tmp_path / "b.jpg", jpeg(99), at_s=201)]) == [50, 99]


def test_what_is_no_folder_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="there is no such folder"):
        open_stills(camera(str(tmp_path / "none")), {}, lambda _s: True, lambda: 0)
    assert pictures(tmp_path) == []


def test_a_still_waits_for_whoever_asks(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", jpeg(50), at_s=100)
    capture = Capture(camera(str(tmp_path), picture_every_s=3600), clock_us=lambda: 500_000_000)
    try:
        frame = capture.newest(5.0)
        assert frame is not None
        assert frame.time_us == 100_000_000, "it has lain there since then"
        assert frame.picture.colours().shape == (48, 64, 3)
        assert capture.newest(0.01) is None
        assert not capture.hung
        assert capture.description == "64x48 stills"
    finally:
        capture.close()


class Camera(BaseHTTPRequestHandler):
    """Answers with what the test wants."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    asked: ClassVar[list[str | None]] = []
    challenges: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Authorization") if "?" not in self.path else self.path)
        code, body = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if code == 200 and self.path == "/locked" and self.headers.get("Authorization") is None:
            code, body = 401, b""
        self.send_response(code)
        if code == 401:
            for challenge in self.challenges:
                self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


@pytest.fixture
def served() -> Iterator[str]:
    Camera.answers, Camera.asked, Camera.challenges = [], [], ['Basic realm="cam"']
    with HTTPServer(("127.0.0.1", 0), Camera) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_address_is_asked_and_the_same_bytes_are_no_new_picture(served: str) -> None:
    Camera.answers += [(200, jpeg(50)), (200, jpeg(50)), (200, jpeg(80))]
    assert brightness(camera(f"{served}/now.jpg"), 4, []) == [50, 80]


def test_a_password_is_given_to_who_asks_and_never_told(served: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("user:pa:ss word")
    Camera.answers.append((200, jpeg(50)))
    assert brightness(camera(f"{served}/locked", credentials_file=secret), 1, []) == [50]
    assert Camera.asked == [None, "Basic " + base64.b64encode(b"user:pa:ss word").decode()]
    with pytest.raises(CannotOpen) as refused:
        brightness(camera(f"{served}/locked"), 1, [])
    assert "user or password is refused" in str(refused.value)
    assert "pa:ss" not in str(refused.value)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_wrong_password_is_given_once_and_never_as_it_is(served: str, tmp_path: Path, algorithm: str) -> None:
    """Cameras lock out who comes with a wrong one five times or so."""
    secret = tmp_path / "secret"
    secret.write_text("user:paß")
    Camera.challenges = [f'Digest realm="cam", nonce="1", qop="auth", algorithm={algorithm}', 'Basic realm="cam"']
    Camera.answers.append((401, b""))
    with pytest.raises(CannotOpen, match="user or password is refused") as refused:
        brightness(camera(f"{served}/locked", credentials_file=secret), 1, [])
    assert refused.value.is_refused
    assert [(said or "nothing").split()[0] for said in Camera.asked] == ["nothing", "Digest"]


def test_a_digest_is_what_the_standard_says(served: str, tmp_path: Path) -> None:
    """RFC 2617, 3.2.2.1, without qop: the answer follows from user, realm, password, nonce, method and path."""
    secret = tmp_path / "secret"
    secret.write_text("user:pass")
    Camera.challenges = ['Digest realm="cam", nonce="1"']
    Camera.answers.append((200, jpeg(50)))
    assert brightness(camera(f"{served}/locked", credentials_file=secret), 1, []) == [50]

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    assert Camera.asked[1] is not None
    assert f'response="{md5(md5("user:cam:pass") + ":1:" + md5("GET:/locked"))}"' in Camera.asked[1]


def test_a_login_in_the_query_is_filled_in_and_never_told(served: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("user:pa&ss")
    Camera.answers += [(200, jpeg(50)), (404, b"")]
    asks = camera(f"{served}/now.jpg?user={{user}}&pwd={{password}}", credentials_file=secret)
    assert brightness(asks, 1, []) == [50]
    assert Camera.asked == ["/now.jpg?user=user&pwd=pa%26ss"]
    with pytest.raises(CannotOpen, match="no such picture") as refused:
        brightness(asks, 1, [])
    assert "ss" not in str(refused.value).replace("{password}", "")


@pytest.mark.parametrize(
    ("answer", "told"),
    [((404, b""), "no such picture"), ((500, b""), "error 500"), ((200, b"<html>"), "is not a picture")],
)
def test_what_a_camera_answers_wrongly_is_told(served: str, answer: tuple[int, bytes], told: str) -> None:
    Camera.answers.append(answer)
    with pytest.raises(CannotOpen, match=told):
        brightness(camera(f"{served}/x"), 1, [])


def test_nobody_there_is_told() -> None:
    with HTTPServer(("127.0.0.1", 0), Camera) as gone:
        port = gone.server_port
    with pytest.raises(CannotOpen, match="no answer, or refused"):
        brightness(camera(f"http://127.0.0.1:{port}/x"), 1, [])
