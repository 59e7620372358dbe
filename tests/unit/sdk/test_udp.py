"""Datagrams of one device come in order and whole; others' are counted; the port is released."""

import asyncio
import socket

import pytest

from haechi.sdk import NotConnected
from haechi.sdk.transports.udp import Datagrams


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_what_the_device_sends_comes_in_order() -> None:
    port = free_port()
    datagrams = Datagrams("127.0.0.1", port, "127.0.0.1", retry_s=1)
    datagrams.open()
    datagrams.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        for number in range(5):
            device.sendto(b"%d" % number, ("127.0.0.1", port))
        async with asyncio.timeout(5):
            assert [await datagrams.receive() for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    datagrams.close()
    datagrams.close()
    datagrams.open()
    datagrams.close()


async def test_what_others_send_is_counted_and_dropped() -> None:
    port = free_port()
    datagrams = Datagrams("127.0.0.1", port, "127.0.0.2", retry_s=1)
    datagrams.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, socket.socket(type=socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.2", 0))
        stranger.sendto(b"mine", ("127.0.0.1", port))
        device.sendto(b"yours", ("127.0.0.1", port))
        async with asyncio.timeout(5):
            assert await datagrams.receive() == b"yours"
    assert datagrams.strays == 1
    datagrams.close()


async def test_what_nobody_receives_is_bounded_and_the_newest_stays() -> None:
    port = free_port()
    datagrams = Datagrams("127.0.0.1", port, "127.0.0.1", retry_s=1)
    datagrams.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        for number in range(300):
            device.sendto(b"%d" % number, ("127.0.0.1", port))
            await asyncio.sleep(0)  # the event loop takes it, the adapter does not
        while datagrams.lost < 44:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0)
    assert await datagrams.receive() == b"44"
    datagrams.close()


async def test_a_port_that_is_taken_is_one_clear_line() -> None:
    port = free_port()
    first, second = (Datagrams("127.0.0.1", port, "127.0.0.1", retry_s=1) for _ in range(2))
    first.open()
    with pytest.raises(NotConnected, match="another program, or another device, receives on this port"):
        second.open()
    first.close()
    with pytest.raises(NotConnected, match="this gateway has no such address"):
        Datagrams("192.0.2.1", port, "127.0.0.1", retry_s=1).open()
