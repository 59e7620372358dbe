"""A device that is polled over HTTPS is verified: its name, its authority, its dates."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from haechi.sdk import NotConnected
from haechi.sdk.transports.http_poll import Answer, HttpKeys, HttpPoll
from support.certificates import Certificates, make_certificates


@asynccontextmanager
async def device(certificates: Certificates) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_cert, certificates.server_key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def poll(port: int, authority: Path, host: str = "localhost") -> HttpPoll:
    written = {"url": f"https://{host}:{port}/", "ca_file": str(authority), "timeout_s": 5.0}
    return HttpPoll(HttpKeys.model_validate(written))


async def test_who_is_not_who_the_certificate_says_is_not_asked(tmp_path: Path) -> None:
    sound = make_certificates(tmp_path / "sound", hosts=("localhost",))
    async with device(sound) as port:
        assert await poll(port, sound.ca).get() == Answer(b"42", "")
        with pytest.raises(NotConnected, match=r"no trusted TLS connection \(.*issuer"):
            await poll(port, sound.other_ca).get()
        with pytest.raises(NotConnected, match=r"no trusted TLS connection \(.*127.0.0.1"):
            await poll(port, sound.ca, "127.0.0.1").get()
    expired = make_certificates(tmp_path / "expired", hosts=("localhost",), valid_for=timedelta(minutes=-1))
    async with device(expired) as port:
        with pytest.raises(NotConnected, match=r"no trusted TLS connection \(certificate has expired"):
            await poll(port, expired.ca).get()
