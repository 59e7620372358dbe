"""Bytes over TCP come whole and in order, both ways; a connection that ends is one clear line."""

import asyncio

import pytest

from haechi.sdk import NotConnected
from haechi.sdk.transports.tcp_line import TcpLine
from support.rough_server import rough_server


async def test_bytes_come_both_ways_and_the_end_is_told_after_them() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(5) == b"hello"
        writer.write(b"$NT4,1\r\n")

    async with rough_server(serve) as port, asyncio.timeout(5):
        line = TcpLine("127.0.0.1", port)
        await line.open()
        await line.open()
        assert line.is_open
        await line.write(b"hello")
        assert await line.read() == b"$NT4,1\r\n"
        with pytest.raises(NotConnected, match="the connection was closed"):
            await line.read()
        with pytest.raises(NotConnected, match="the connection was closed"):
            await line.write(b"?")
        line.close()
        line.close()
        with pytest.raises(NotConnected, match="the connection is closed"):
            await line.read()


async def test_what_nobody_reads_is_bounded_and_the_newest_stays() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"a" * 100 + b"b" * 65536)
        await writer.drain()
        await reader.read()

    async with rough_server(serve) as port, asyncio.timeout(5):
        line = TcpLine("127.0.0.1", port)
        await line.open()
        while line._stream is not None and line._stream._lost < 100:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)
        came = await line.read()
        assert (came, line.bytes_lost) == (b"b" * 65536, 100)
        line.close()


async def test_nobody_there_is_one_clear_line() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    async with rough_server(serve) as port:
        pass
    with pytest.raises(NotConnected, match=rf"127.0.0.1:{port} refuses connections; next try in 7 s"):
        await TcpLine("127.0.0.1", port, retry_s=7).open()
