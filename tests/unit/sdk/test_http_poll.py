"""A device is asked over HTTP: whole answers only, bounded, never led elsewhere, no secret in any line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from haechi.sdk import BadReading, ConfigError, NotConnected
from haechi.sdk.capture import Recorder
from haechi.sdk.transports.http_poll import Answer, HttpKeys, HttpPoll
from haechi.sdk.wire import attached
from support.rough_server import rough_server


class Device:
    """A server that answers as a test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[str], bytes] = lambda _asked: ok(b"1")
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(asked)
        writer.write(self.answer(asked))
        await writer.drain()


@asynccontextmanager
async def device() -> AsyncIterator[Device]:
    one = Device()
    async with rough_server(one.serve) as one.port:
        yield one


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def poll(one: Device, path: str = "/status?x=1", **written: Any) -> HttpPoll:
    url = f"http://127.0.0.1:{one.port}{path}"
    return HttpPoll(HttpKeys.model_validate({"url": url, "timeout_s": 5.0, "retry_s": 1.0, **written}))


async def test_an_answer_comes_whole_however_it_is_sent() -> None:
    async with device() as one:
        one.answer = lambda _asked: ok(b'{"level": 1}', "Content-Type: Application/JSON; charset=utf-8")
        assert await poll(one).get() == Answer(b'{"level": 1}', "application/json")
        assert one.asked[0].startswith("GET /status?x=1 HTTP/1.1\r\n")
        one.answer = lambda _asked: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert await poll(one).get() == Answer(b"abcde", "")
        one.answer = lambda _asked: b"HTTP/1.0 200 OK\r\n\r\nuntil the end"
        assert await poll(one).get() == Answer(b"until the end", "")


async def test_what_has_not_changed_is_not_sent_again() -> None:
    async with device() as one:
        one.answer = lambda asked: (
            ok(b"", status="304 Not Modified") if 'If-None-Match: "7"' in asked else ok(b"new", 'ETag: "7"')
        )
        polling = poll(one)
        assert await polling.get() == Answer(b"new", "")
        assert await polling.get() is None
        polling.forget()  # what it said meant nothing: "unchanged" would hide the next that does
        assert await polling.get() == Answer(b"new", "")
        one.answer = lambda _asked: ok(b"newer")
        assert await polling.get() == Answer(b"newer", "")
        one.answer = lambda asked: ok(b"", status="304 Not Modified")
        with pytest.raises(NotConnected, match="answers with error 304"):
            await polling.get()
        assert "If-None-Match" not in one.asked[-1]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (ok(bytes(101)), "an answer of more than 100 bytes"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + bytes(101),
            "an answer of more than 100 bytes",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, "no HTTP answer"),
        (b"220 smtp.example.org ESMTP\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Len", "no HTTP answer"),
    ],
)
async def test_what_is_no_whole_answer_is_no_reading(answer: bytes, line: str) -> None:
    async with device() as one:
        one.answer = lambda _asked: answer
        with pytest.raises(BadReading, match=line):
            await poll(one, body_bytes_max=100).get()


@pytest.mark.parametrize(
    ("answer", "line", "retry_s"),
    [
        (b"", "closed the connection without an answer", 1),
        (ok(b"", status="401 Unauthorized"), r"does not let us in \(401\); look at username", 1),
        (ok(b"", status="404 Not Found"), r"has no such page \(404\); look at url", 1),
        (ok(b"", status="500 Oh"), "answers with error 500", 1),
        (ok(b"", "Retry-After: 120", status="503 Busy"), "answers with error 503", 120),
        (ok(b"", "Retry-After: 99999999999999", status="429 Slow"), "answers with error 429", 3600),
        (ok(b"", "Retry-After: soon", status="503 Busy"), "answers with error 503", 1),
        (ok(b"", "Location: /there", status="302 Found"), "redirects; give the address that it leads to", 1),
    ],
)
async def test_a_device_that_says_no_is_one_clear_line(answer: bytes, line: str, retry_s: float) -> None:
    async with device() as one:
        one.answer = lambda _asked: answer
        with pytest.raises(NotConnected, match=line) as caught:
            await poll(one).get()
        assert caught.value.retry_after_s == retry_s


async def test_redirects_stay_on_the_host_and_are_counted() -> None:
    async with device() as one:
        one.answer = lambda asked: (
            ok(b"here") if "/there" in asked else ok(b"", "Location: /there", status="307 Temporary Redirect")
        )
        assert await poll(one, redirects_max=1).get() == Answer(b"here", "")
        one.answer = lambda asked: ok(b"", "Location: /again", status="302 Found")
        with pytest.raises(NotConnected, match="redirects more than redirects_max = 2 times"):
            await poll(one, redirects_max=2).get()
        one.answer = lambda asked: ok(b"", "Location: http://192.0.2.1/", status="302 Found")
        with pytest.raises(NotConnected, match="redirects to another host"):
            await poll(one, redirects_max=2).get()


async def test_a_device_that_never_finishes_is_given_up() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()

    one = Device()
    async with rough_server(hang) as one.port:
        with pytest.raises(NotConnected, match=r"does not answer within 0.2 s"):
            await poll(one, timeout_s=0.2).get()


async def test_secrets_travel_to_the_device_and_stand_in_no_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sesame7\n", encoding="utf-8")
    async with device() as one:
        await poll(one, username="haechi", password_file=str(secret)).get()
        assert "Authorization: Basic aGFlY2hpOnNlc2FtZTc=\r\n" in one.asked[-1]
        await poll(one, token_file=str(secret)).get()
        assert "Authorization: Bearer sesame7\r\n" in one.asked[-1]
        recorder = Recorder(10_000)
        with attached(recorder):
            await poll(one, username="haechi", password_file=str(secret)).get()
            await poll(one, token_file=str(secret)).get()
        assert "Authorization: Bearer sesame7\r\n" in one.asked[-1]
        sent = b"".join(data for way, _name, _time, data in recorder.passages if way == "sent")
        assert b"Authorization: Basic ***\r\n" in sent
        assert b"Authorization: Bearer ***\r\n" in sent
        assert b"sesame7" not in sent
        one.answer = lambda _asked: ok(b"sesame7", status="403 Forbidden")
        with pytest.raises(NotConnected) as caught:
            await poll(one, path="/?key=sesame7", token_file=str(secret)).get()
        assert "sesame7" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"url": "ftp://h/"}, "url = 'ftp://h/': expected https://HOST"),
        ({"url": "http://a:b@h/"}, "url.*expected no user and no password"),
        ({"url": "http://192.0.2.1/", "token_file": "/t"}, "expected https://, or insecure = true"),
        ({"password_file": "/p"}, "password_file = '/p': expected username and password_file together"),
        ({"ca_file": "/ca"}, "ca_file = '/ca': expected nothing, because url is not https://"),
        ({"url": "http://h/a b"}, "url = 'http://h/a b'"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError) as caught:
        HttpKeys.model_validate({"url": "http://127.0.0.1/", **written})
    with pytest.raises(ConfigError, match=line):
        raise ConfigError.from_validation(caught.value)  # type: ignore[arg-type]
