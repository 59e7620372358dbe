"""An RTSP camera whose every packet a test decides: what it sends, with which time, and when it stops.

RTSP 1.0 over TCP (RFC 2326), RTP interleaved in it; H.264 after RFC 6184, H.265 after RFC 7798. Parameter sets travel
in the stream, as most cameras repeat them with each key frame.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from support.rough_server import rough_server

CLOCK_HZ = 90_000
_PAYLOAD_TYPE, _PIECE_BYTES = 96, 1400
_NAMES = {"h264": "H264", "hevc": "H265"}
_ENCODERS = {"h264": "libx264", "hevc": "libx265"}


class RtspCamera:
    """What it sends is one list of pictures, over and over, to everybody who asks; tests change it while it runs."""

    def __init__(self, pictures: list[bytes], codec: str = "h264", *, frames_a_s: float = 10.0) -> None:
        self.pictures = pictures
        """Access units; the first is a key frame."""
        self.codec = codec
        """What its description says; a player learns of another one by asking anew."""
        self.frames_a_s = frames_a_s
        self.step = round(CLOCK_HZ / frames_a_s)
        """Of the stream's time between two pictures."""
        self.standing = False
        """The stream's time stands still."""
        self.repeating = False
        """Its encoder is stuck: the same pictures come again with the same time."""
        self.silent = False
        """It keeps the line and sends nothing."""
        self.described = 0
        """How often it was asked what it sends."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one player until it goes."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method = head.split(" ")[0]
            sequence = next(line for line in head.split("\r\n") if line.lower().startswith("cseq"))
            more, body = "", ""
            if method == "DESCRIBE":
                self.described += 1
                more, body = "Content-Type: application/sdp\r\n", self._description()
            elif method == "SETUP":
                more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            elif method == "PLAY":
                more = "Session: 1\r\n"
            writer.write(f"RTSP/1.0 200 OK\r\n{sequence}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            if method == "PLAY":
                await self._play(writer)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        sequence = stamp = begun = 0
        units: Iterator[bytes] = iter(())
        playing: list[bytes] = []
        while True:
            await asyncio.sleep(1 / self.frames_a_s)
            if self.silent:
                continue
            if playing is not self.pictures:
                playing, units, begun = self.pictures, iter(self.pictures), stamp
            unit = next(units, None)
            if unit is None:
                units = iter(playing)
                unit = next(units)
                if self.repeating:
                    stamp = begun
                begun = stamp
            stamp += 0 if self.standing else self.step
            pieces = [piece for nal in _nals(unit) for piece in _pieces(nal, self.codec)]
            for place, piece in enumerate(pieces, 1):
                marked = (place == len(pieces)) << 7 | _PAYLOAD_TYPE
                rtp = struct.pack(">BBHII", 0x80, marked, sequence & 0xFFFF, stamp & 0xFFFFFFFF, 1) + piece
                writer.write(struct.pack(">cBH", b"$", 0, len(rtp)) + rtp)
                sequence += 1
            await writer.drain()

    def _description(self) -> str:
        name = _NAMES[self.codec]
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}\r\na=rtpmap:{_PAYLOAD_TYPE} {name}/{CLOCK_HZ}\r\na=control:track\r\n"
        )


@asynccontextmanager
async def rtsp(it: RtspCamera) -> AsyncIterator[str]:
    """Serves a camera; gives its address."""
    async with rough_server(it.serve) as port:
        yield f"rtsp://127.0.0.1:{port}/street"


def film(codec: str, width_px: int, height_px: int, frames: int = 20, *, noise: float = 0.0) -> list[bytes]:
    """Access units of a square that wanders over a street with texture, a key frame every ten; blocks for seconds.

    Args:
        codec: ``h264`` or ``hevc``.
        width_px: of the picture.
        height_px: of the picture.
        frames: how many.
        noise: of the sensor, grey levels; it makes a stream as large and as costly as a real one.
    """
    encoder: Any = av.CodecContext.create(_ENCODERS[codec], "w")
    encoder.width, encoder.height, encoder.pix_fmt = width_px, height_px, "yuv420p"
    encoder.time_base, encoder.gop_size, encoder.thread_count = Fraction(1, 10), 10, 1
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x265-params": "log-level=none:repeat-headers=1:bframes=0:keyint=10:pools=1",
    }
    units = []
    for number in range(frames):
        street = _street(width_px, height_px, number)
        if noise:
            grain = np.random.default_rng(number).normal(0, noise, (height_px, width_px, 1))
            street = np.asarray(np.clip(street + grain, 0, 255), np.uint8)
        frame = av.VideoFrame.from_ndarray(street, format="bgr24")
        frame.pts = number
        units += [bytes(packet) for packet in encoder.encode(frame)]
    return units + [bytes(packet) for packet in encoder.encode(None)]


def _street(width_px: int, height_px: int, number: int) -> NDArray[np.uint8]:
    blocks = np.random.default_rng(1).integers(40, 180, (9, 16))
    picture = np.kron(blocks, np.ones((-(-height_px // 9), -(-width_px // 16))))[:height_px, :width_px]
    street = np.asarray(np.dstack([picture] * 3), np.uint8)
    side = height_px // 8
    street[side : 2 * side, number * side // 8 : number * side // 8 + side] = 200
    return street


def _nals(unit: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit."""
    return [nal for nal in unit.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01") if nal]


def _pieces(nal: bytes, codec: str) -> Iterator[bytes]:
    """RTP payloads of one NAL unit: whole where it fits, else fragments (FU-A, RFC 6184 5.8; FU, RFC 7798 4.4.3)."""
    if len(nal) <= _PIECE_BYTES:
        yield nal
        return
    if codec == "h264":
        indicator, kind, body = bytes([nal[0] & 0xE0 | 28]), nal[0] & 0x1F, nal[1:]
    else:
        indicator, kind, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[0] >> 1 & 0x3F, nal[2:]
    for at in range(0, len(body), _PIECE_BYTES):
        first, last = at == 0, at + _PIECE_BYTES >= len(body)
        yield indicator + bytes([first << 7 | last << 6 | kind]) + body[at : at + _PIECE_BYTES]
