"""A clip that is asked for over a real broker, made by a real camera process, carried in pieces by a real gateway."""

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from haechi.contract.control import Command
from haechi.contract.events import Evidence
from haechi.edge.vision import sealing
from haechi.edge.vision.models import cache, obtain, prepare
from haechi.edge.vision.models.card import card
from support.gateway import GatewayProcess
from support.little_cloud import LittleCloud
from support.mosquitto import Mosquitto

CAMERA = """
[[camera]]
id = "cam-1"
url = "{url}"
place = "bridge"
loop = true
clips = {{ before_s = 1, after_s = 1 }}
originals = {{ public_key_file = "{key}" }}
"""
FAR_US = 2**62


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A clip of noise, which no encoder makes small."""
    path = tmp_path / "noise.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 192))
    for number in range(40):
        writer.write(np.random.default_rng(number).integers(0, 255, (192, 320, 3), np.uint8))
    writer.release()
    return path


def pictures_of(clip: Path) -> list[bytes]:
    """Some bytes out of the middle of each picture as the camera sends it."""
    with av.open(str(clip), "r") as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return [packet[len(packet) // 2 :][:64] for packet in packets]


async def test_a_clip_is_asked_for_and_comes_in_pieces_and_nothing_plain_is_kept(tmp_path: Path, noise: Path) -> None:
    private, public = tmp_path / "city.pem", tmp_path / "city.pub.pem"
    for path, content in zip((private, public), sealing.new_pair(), strict=True):
        path.write_bytes(content)
    prepare.prepare(card("nanodet-g"), cache.root(), obtain.from_registry, lambda _step, _share: None)
    async with Mosquitto(tmp_path / "broker") as broker, LittleCloud(broker.port) as cloud:
        gateway = GatewayProcess(tmp_path / "gateway", broker.url, CAMERA.format(url=noise, key=public))
        await gateway.start()

        def camera_counts(name: str) -> float:
            found = [one for one in cloud.status.components if one.id == "cam-1"] if cloud.status else []
            return found[0].counters.get(name, 0) if found else 0

        await cloud.until(lambda: camera_counts("frames_looked_at") > 5, 40)
        wish = Command(id="c-1", name="clip", expires_us=FAR_US, thing="cam-1", event="event-00001")
        cloud.command("daejeon", "gw-1", wish)

        def pieces() -> list[Evidence]:
            return [piece for parcel in cloud.parcels.values() for piece in parcel.evidence]

        await cloud.until(lambda: bool(pieces()) and len(pieces()) == pieces()[0].pieces, 40)
        assert await gateway.stop() == 0
    data = gateway.config.parent / "data"
    (sealed,) = (data / "originals" / "cam-1").glob("*.sealed")
    original = sealing.opened(sealed.read_bytes(), sealing.read_private_key(private))[1]
    kept = [path.read_bytes() for path in data.rglob("*") if path.is_file()]
    kept += [piece.content for piece in pieces()]
    for plain in (*pictures_of(noise), original[len(original) // 2 :][:64]):
        assert not any(plain in content for content in kept)
    found = sorted(pieces(), key=lambda piece: piece.piece)
    assert len(found) > 2
    assert {(piece.event, piece.source, piece.media_type) for piece in found} == {("event-00001", "cam-1", "video/mp4")}
    with av.open(io.BytesIO(b"".join(piece.content for piece in found)), "r") as container:
        assert len(list(container.decode(video=0))) > 5
