"""A camera by its ONVIF address: found, asked, and opened; and its password nowhere."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from haechi.command import main
from haechi.edge.vision import discovery
from haechi.edge.vision.onvif import OnvifError, find_stream
from haechi.edge.vision.source import CannotOpen, open_source
from haechi.sdk.onvif.soap import Login
from support.cameras import camera
from support.onvif_camera import PASSWORD, USER, answering_searches, envelope, onvif_camera

LOGIN = Login(USER, PASSWORD)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    return path


def test_the_stream_is_found_whatever_the_cameras_clock_and_own_address_are() -> None:
    with onvif_camera() as there:
        url = find_stream("127.0.0.1", there.port, LOGIN, timeout_s=5)
        assert url == "rtsp://127.0.0.1:554/third?a=1&b=2"
        assert there.asked == ["GetSystemDateAndTime", "GetCapabilities", "GetProfiles", "GetStreamUri"]
        assert there.refused == 0


@pytest.mark.parametrize(
    ("garbage", "line"),
    [
        (b"<html>hello</html>", "the answer is no SOAP message"),
        (envelope("<trt:GetProfilesResponse/>"), "the camera offers no stream"),
        (b"x" * 2_000_000, "an answer of more than 1048576 bytes"),
    ],
)
def test_a_camera_that_answers_otherwise_is_named_in_one_line(garbage: bytes, line: str) -> None:
    with onvif_camera() as there:
        there.garbage = garbage
        with pytest.raises(OnvifError) as caught:
            find_stream("127.0.0.1", there.port, LOGIN, timeout_s=5)
    assert str(caught.value) == line


def test_no_failure_shows_the_password(secret: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = nobody.getsockname()[1]
    with onvif_camera() as there:
        there.stream_port = dead
        asked = f"127.0.0.1:{there.port}"
        wrong = secret.with_name("wrong")
        wrong.write_text(f"{USER}:{PASSWORD}wrong\n", encoding="utf-8")
        tries = [
            (f"onvif://{asked}", secret, "no answer at that port"),
            (f"onvif://{asked}", wrong, "user or password is refused"),
            (f"onvif://127.0.0.1:{dead}", secret, "no answer, or refused"),
            (f"rtsp://127.0.0.1:{dead}/a", secret, "no answer at that port"),
            (f"http://127.0.0.1:{there.port}/a", secret, "cannot be opened"),
        ]
        for url, file, line in tries:
            config = camera(url, credentials_file=file, open_timeout_s=4)
            with pytest.raises(CannotOpen, match=line) as caught:
                open_source(config, {})
            text = "".join(map(str, (caught.value, caught.value.__cause__, caught.value.args)))
            assert "hunter2" not in text
            assert url in text
            assert caught.value.__suppress_context__


async def test_a_search_lists_who_answers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = "onvif://www.onvif.org/name/West onvif://www.onvif.org/hardware/X1"
    inner = f"<d:ProbeMatch><d:Scopes>{scopes}</d:Scopes><d:XAddrs>http://10.1.1.1:81/o</d:XAddrs></d:ProbeMatch>"
    good = envelope(f"<d:ProbeMatches>{inner}</d:ProbeMatches>")
    with answering_searches(b"rubbish", good, good) as address:
        search: Callable[..., list[discovery.Found]] = discovery.discover
        monkeypatch.setattr(discovery, "discover", lambda seconds, interface: search(seconds, group=address))
        assert main(["camera", "discover", "--seconds", "0.5"]) == 0
    assert capsys.readouterr().out == "onvif://127.0.0.1:81  West  X1\n"


def test_the_streams_of_one_camera_are_shown_without_its_login(
    secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with onvif_camera() as there:
        there.stream_query = f"a=1&amp;b=2&amp;user={USER}&amp;pwd=hunter2"
        assert main(["camera", "discover", f"127.0.0.1:{there.port}", "--credentials-file", str(secret)]) == 0
    shown = capsys.readouterr().out
    assert "→ 640x360 H264 15/s  third  rtsp://127.0.0.1:554/third?a=1&b=2&user=***" in shown
    assert "hunter2" not in shown
    assert USER not in shown
