"""Cameras at this machine: which of their modes is asked for, and what a technician is told when there is none.

No such camera is there when tests run. What it says was recorded from Linux 6.1's uvcvideo and vivid; its faults come
as the numbers that the kernel gives.
"""

import contextlib
import errno
import struct
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from haechi.edge.vision import source, v4l2
from haechi.edge.vision.source import CannotOpen, Source, open_source
from haechi.edge.vision.v4l2 import Mode, NoCamera, choose, find_mode, names_of_cameras
from support.cameras import camera

RECORDED = Path(__file__).with_name("v4l2_recorded.txt")


def modes(coding: str, width_px: int, height_px: int, *rates: int) -> list[Mode]:
    return [Mode(coding, width_px, height_px, Fraction(rate)) for rate in rates]


WEBCAM = [
    *modes("mjpeg", 1920, 1080, 30),
    *modes("mjpeg", 1280, 720, 30),
    *modes("mjpeg", 640, 480, 30, 15, 5),
    *modes("yuyv422", 640, 480, 30, 15),
    *modes("yuyv422", 320, 240, 30),
    *modes("h264", 640, 480, 30),
]


@pytest.mark.parametrize(
    ("offered", "looks_per_s", "chosen"),
    [
        (WEBCAM, 5, ("mjpeg", 640, 15)),
        (WEBCAM, 20, ("mjpeg", 640, 30)),
        (WEBCAM[:2], 5, ("mjpeg", 1280, 30)),
        ([m for m in WEBCAM if m.coding == "yuyv422"], 5, ("yuyv422", 640, 15)),
        # Beside a large compressed picture, a small one without compression costs less …
        ([*modes("mjpeg", 1920, 1080, 30), *modes("yuyv422", 640, 480, 30)], 5, ("yuyv422", 640, 30)),
        # … but not beside one that is hardly larger.
        ([*modes("mjpeg", 640, 480, 30), *modes("yuyv422", 640, 360, 30)], 5, ("mjpeg", 640, 30)),
        # Five large pictures a second see more than thirty tiny ones.
        ([*modes("yuyv422", 1280, 720, 5), *modes("yuyv422", 160, 120, 30)], 5, ("yuyv422", 1280, 5)),
        (modes("gray", 320, 240, 9), 5, ("gray", 320, 9)),
    ],
)
def test_the_smallest_and_slowest_that_suffices_is_asked_for(
    offered: list[Mode], looks_per_s: float, chosen: tuple[str, int, int]
) -> None:
    mode = choose(offered, looks_per_s)
    assert mode is not None
    assert mode.frames_a_s is not None
    assert (mode.coding, mode.width_px, float(mode.frames_a_s)) == chosen


def test_ffmpeg_is_told_in_its_own_words() -> None:
    assert Mode("mjpeg", 640, 480, Fraction(15, 2)).options == {
        "input_format": "mjpeg", "video_size": "640x480", "framerate": "15/2",
    }  # fmt: skip
    assert Mode("yuyv422", 640, 480, None).options == {"input_format": "yuyv422", "video_size": "640x480"}


class Recorded:
    """A camera that answers as the kernel did."""

    def __init__(self, name: str) -> None:
        lines = RECORDED.read_text(encoding="ascii").split(f"== {name}\n")[1].split("==")[0].splitlines()
        self._answers = {(int(line.split()[0], 16), line.split()[1]): line.split()[2:] for line in lines if line}

    def __call__(self, _device: int, request: int, asked: bytearray) -> None:
        question = bytes(asked).rstrip(b"\0").hex() or "-"
        first, *number = self._answers[request, question]
        if first == "errno":
            raise OSError(int(number[0]), "as recorded")
        answer = bytes.fromhex(first)
        asked[: len(answer)] = answer


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("name", "chosen"),
    [("uvcvideo", Mode("yuyv422", 640, 480, Fraction(10))), ("sizes are not told", None)],
)
def test_what_a_driver_said_is_understood(name: str, chosen: Mode | None, device: Path) -> None:
    assert find_mode(device, 5, Recorded(name)) == chosen


def test_what_a_camera_says_beside_its_pictures_is_no_camera(device: Path) -> None:
    with pytest.raises(NoCamera, match=r"gives no pictures; .* another of its numbers"):
        find_mode(device, 5, Recorded("uvcvideo beside its pictures"))


def test_pictures_that_cannot_be_read_are_named(device: Path) -> None:
    recorded = Recorded("uvcvideo")

    def raw_sensor(opened: int, request: int, asked: bytearray) -> None:
        recorded(opened, request, asked)
        if bytes(asked[44:48]) == b"YUYV":
            asked[44:48] = b"pBAA"

    with pytest.raises(NoCamera, match="it sends pBAA alone"):
        find_mode(device, 5, raw_sensor)


def stepwise(_device: int, request: int, asked: bytearray) -> None:
    """A driver that takes any size and rate within bounds, as those of test patterns and converters do."""
    if request == 0xC02C564A:
        struct.pack_into("=7I", asked, 8, 3, 32, 8192, 16, 32, 8192, 16)
    elif request == 0xC034564B:
        struct.pack_into("=7I", asked, 16, 3, 1, 60, 1, 1, 0, 0)
    else:
        Recorded("uvcvideo")(0, request, asked)


def test_a_driver_that_takes_any_size_is_asked_for_a_usual_one(device: Path) -> None:
    assert find_mode(device, 5, stepwise) == Mode("yuyv422", 640, 480, Fraction(10))


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "not permitted; .* in the group "),
        (errno.EPERM, "not permitted by the service .* DeviceAllow=char-81 rw"),
        (errno.EBUSY, "another program has taken it"),
        (errno.ENOSPC, "its USB bus has no room"),
        (errno.ENODEV, "it was unplugged"),
        (errno.EIO, "no answer, or refused"),
        (errno.ENOTTY, "it is no camera"),
    ],
)
def test_why_it_does_not_open_is_told(number: int, told: str, device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(_path: Path, _looks_per_s: float) -> None:
        if number == errno.ENOTTY:
            raise NoCamera("it is no camera")
        raise OSError(number, "refused")

    monkeypatch.setattr(source, "device_path", lambda _url: str(device))
    monkeypatch.setattr(v4l2, "find_mode", refusing)
    with pytest.raises(CannotOpen, match=f"^usb:0: cannot be opened: {told}"):
        open_source(camera("usb:0"), {})


def test_one_that_another_program_has_taken_shows_only_when_it_is_to_send(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EBUSY, "taken")

    monkeypatch.setattr(source, "device_path", lambda _url: str(device))
    monkeypatch.setattr(v4l2, "find_mode", lambda _path, _looks_per_s: None)
    monkeypatch.setattr(av, "open", taken)
    with pytest.raises(CannotOpen, match=r"^usb:0: cannot be opened: another program has taken it"):
        open_source(camera("usb:0"), {})


def write_pictures(path: Path, taken_s: float, count: int = 1) -> Path:
    """Pictures that bear the time at which they were taken, as the kernel gives them."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        for number in range(count):
            picture = av.VideoFrame(64, 64, "yuvj420p")
            picture.pts, picture.time_base = round(taken_s * 1000) + 100 * number, Fraction(1, 1000)
            file.mux(stream.encode(picture))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("stamped", "age_s", "told_age_s"), [(True, 2, 2), (True, 60, 0), (True, -60, 0), (False, 2, 0)]
)
def test_a_picture_is_as_old_as_the_kernel_says(tmp_path: Path, *, stamped: bool, age_s: int, told_age_s: int) -> None:
    taken_s = time.monotonic() - age_s
    path = write_pictures(tmp_path / "stamped.mkv", taken_s)
    read = Source(av.open(str(path)), "usb:0", live=True, stamped=stamped)
    with contextlib.closing(read):
        assert [picture.time for picture in read.frames()] == [pytest.approx(taken_s, abs=0.1)]
        assert time.monotonic() - read.arrived_s == pytest.approx(told_age_s, abs=1)


class Shuffled:
    """A container whose packets come otherwise than they stand in its file."""

    def __init__(self, path: Path, order: list[int]) -> None:
        self._container, self._order = av.open(str(path)), order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, stream: Any) -> Iterator[Any]:
        packets = list(self._container.demux(stream))
        return iter([packets[number] for number in self._order])


def test_a_picture_that_the_bus_damaged_costs_no_other(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "three.mkv", 1.0, count=3)
    # FFmpeg gives a damaged picture as a packet of nothing, as it does at the end of a file.
    container: Any = Shuffled(path, [0, -1, 1, -1, 2, -1])
    read = Source(container, "usb:0", live=True, stamped=True)
    with contextlib.closing(read):
        assert [picture.time for picture in read.frames()] == [pytest.approx(1 + n / 10, abs=0.01) for n in range(3)]


def test_a_file_in_place_of_a_device_is_no_camera(device: Path) -> None:
    with pytest.raises(NoCamera, match="no camera"):
        find_mode(device, 5)


def test_whoever_names_a_camera_that_is_not_there_is_told_which_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "names_of_cameras", lambda: ["/dev/v4l/by-id/usb-a-video-index0"])
    with pytest.raises(CannotOpen, match=r"no camera /dev/video97 at this machine; there is /dev/v4l/by-id/usb-a-vid"):
        open_source(camera("usb:97"), {})
    with pytest.raises(CannotOpen, match=r"^/dev/v4l/by-id/gone: there is no such camera at this machine; there is "):
        open_source(camera("/dev/v4l/by-id/gone"), {})


def test_names_that_last_are_preferred(tmp_path: Path) -> None:
    assert names_of_cameras(tmp_path) == []
    for name in ("by-path/pci-0-video-index0", "by-id/usb-b-video-index0", "by-id/usb-b-video-index1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names_of_cameras(tmp_path) == [str(tmp_path / "by-id/usb-b-video-index0")]
    (tmp_path / "by-id/usb-b-video-index0").unlink()
    assert names_of_cameras(tmp_path) == [str(tmp_path / "by-path/pci-0-video-index0")]
