"""Where pictures come from: a file, a stream or a USB camera, decoded by FFmpeg in one thread.

Promise: :func:`open_source` and :meth:`Source.frames` wait no longer than the camera's time-outs and fail with one line
that says what is wrong, without secrets. A packet that is damaged costs its own picture, nothing more. Pictures of a
live stream are new however slowly they are decoded (:mod:`.arrivals`).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.error
from av.video.stream import VideoStream

from haechi.edge.vision import onvif, v4l2
from haechi.edge.vision.arrivals import Arrivals
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.masked import filled_in, has_places, masked
from haechi.edge.vision.onvif import OnvifError
from haechi.edge.vision.ring import Coding
from haechi.sdk.onvif.soap import Login
from haechi.text import _

_RATE_DEFAULT = 25.0
_RATE_MAX = 1000.0
_ONVIF_QUESTIONS = 4
_DAMAGED_MAX = 100  # packets in a row
UNREADABLE_S = 20.0
"""A stream that sends for so long what cannot be decoded may be another one than it said: another codec."""
_STOPS_WITHIN_S = 60.0
_REFUSALS = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_BUFFERED_S_MAX = 5.0
_ONE_PICTURE = ("_pipe", "image2")
_TEXT_AS_PICTURES = "tty"  # FFmpeg draws a text file as a terminal would show it


class CannotOpen(Exception):  # noqa: N818 - reads as what it is
    """The camera gives no pictures: try again later. The text is one line without secrets."""

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        """Takes what is wrong, and whether it is user or password."""
        super().__init__(text)
        self.is_refused = is_refused
        """User or password is refused: seldom try again, for cameras lock out who goes on with a wrong one."""

    def bare(self) -> CannotOpen:
        """The same, to be kept: with its traceback it would keep decoders and pictures until Python seeks cycles."""
        return CannotOpen(str(self), is_refused=self.is_refused)


def is_stream(url: str) -> bool:
    """Whether pictures come over the network."""
    return "://" in url


def is_device(url: str) -> bool:
    """Whether it is a camera at this machine."""
    return url.startswith(("usb:", "/dev/video", "/dev/v4l/"))


def device_path(url: str) -> str:
    """Where a camera at this machine is."""
    return f"/dev/video{url[4:]}" if url.startswith("usb:") else url


class Source:
    """An open source of pictures."""

    def __init__(
        self,
        container: av.container.InputContainer,
        shown: str,
        *,
        keyframes_only: bool = False,
        live: bool = False,
        stamped: bool = False,
    ) -> None:
        """Takes a container that holds a video that can be decoded.

        Args:
            container: of FFmpeg.
            shown: its address for people.
            keyframes_only: nothing else is decoded.
            live: it does not wait: what is not taken when it comes is late.
            stamped: its pictures bear this machine's own clock, as the kernel took it when they began to come.
        """
        self._container = container
        self._shown = shown
        self._stream = container.streams.video[0]
        context = self._stream.codec_context
        context.thread_count = 1
        if keyframes_only:
            context.skip_frame = "NONKEY"
        self._skipped_when_late: Literal["NONKEY", "NONREF"] = "NONKEY" if keyframes_only else "NONREF"
        self._live, self._stamped = live, stamped
        self._arrivals: Arrivals[av.Packet[VideoStream]] | None = None
        self._broken = False
        self._decoded_s = time.monotonic()
        self.arrived_s = self._decoded_s
        """When the last picture began to come, or its packet had come; of a clock that only rises."""
        self.decoding_since_s: float | None = None
        """Since when FFmpeg decodes one packet."""
        rate = float(self._stream.guessed_rate or 0)
        self.frames_a_s = rate if 0 < rate < _RATE_MAX else _RATE_DEFAULT
        """As the source says; 25 when it says nothing that can be."""
        self.frames_expected = max(0, self._stream.frames)
        """What a file says of itself; 0 when it says nothing."""

    @property
    def description(self) -> str:
        """Size and codec, for people: ``1920x1080 h264``."""
        context = self._stream.codec_context
        return f"{context.width}x{context.height} {context.name}"

    @property
    def coding(self) -> Coding:
        """What another decoder must be told to read the same packets."""
        context = self._stream.codec_context
        extradata = None if context.extradata is None else bytes(context.extradata)
        return Coding(context.name, extradata, context.width, context.height, context.pix_fmt, context.codec.intra_only)

    def frames(self, keep: Callable[[av.Packet[VideoStream]], None] | None = None) -> Iterator[av.VideoFrame]:
        """Every picture in its order, until a file ends; of a live stream those that decoding keeps up with.

        Args:
            keep: is shown each packet as it comes, before it is decoded; for a live stream in another thread.

        Raises:
            CannotOpen: a stream gives no more, or nothing that can be decoded.
        """
        if not self._live:
            for packet in self._packets(keep):
                self.arrived_s = time.monotonic()
                yield from self._pictures(packet)
        else:
            self._arrivals = Arrivals(self._packets(keep))
            while (arrived := self._arrivals.take()) is not None:
                if arrived.anew:
                    # Decoding falls behind: pictures that no other is made from are the first to go.
                    self._stream.codec_context.skip_frame = self._skipped_when_late
                    self._stream.codec_context.flush_buffers()
                for picture in self._pictures(arrived.packet):
                    self.arrived_s = self._came_s(picture.time, arrived.at_s)
                    yield picture
        if self._broken:
            raise CannotOpen(_("{url}: gives no pictures").format(url=self._shown))

    def _came_s(self, stamp_s: float | None, arrived_s: float) -> float:
        """The kernel's stamp, for a picture may have lain in its buffers; not one of another clock."""
        if self._stamped and stamp_s is not None and 0 <= arrived_s - stamp_s <= _BUFFERED_S_MAX:
            return stamp_s
        return arrived_s

    def _packets(self, keep: Callable[[av.Packet[VideoStream]], None] | None) -> Iterator[av.Packet[VideoStream]]:
        """Packets as they come; damage costs its own."""
        damaged = 0
        packets = self._container.demux(self._stream)
        while damaged < _DAMAGED_MAX:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.InvalidDataError:
                damaged += 1
                packets = self._container.demux(self._stream)
                continue
            except av.error.FFmpegError:
                break
            damaged = 0
            if self._stamped and not packet.size:
                continue  # a picture that was damaged on the bus; the decoder would take it for the end
            if keep is not None and packet.size:
                keep(packet)
            yield packet
        self._broken = True

    def _pictures(self, packet: av.Packet[VideoStream]) -> Iterator[av.VideoFrame]:
        """What a packet brings.

        Raises:
            CannotOpen: nothing could be decoded for long, though packets came.
        """
        self.decoding_since_s = time.monotonic()
        try:
            pictures = [picture for picture in packet.decode() if not picture.is_corrupt]
        except av.error.InvalidDataError:
            pictures = []
        except av.error.FFmpegError:
            raise CannotOpen(_("{url}: gives no pictures").format(url=self._shown)) from None
        self.decoding_since_s = None
        if pictures:
            yield from pictures
            self._decoded_s = time.monotonic()
        elif time.monotonic() - self._decoded_s > UNREADABLE_S:
            text = _("{url}: sends what cannot be decoded as {stream}; it is asked anew what it sends")
            raise CannotOpen(text.format(url=self._shown, stream=self.description))

    @property
    def left_out(self) -> int:
        """Packets of a live stream that were not decoded because newer ones had come."""
        return 0 if self._arrivals is None else self._arrivals.left_out

    @property
    def reading_cpu_s(self) -> float:
        """Computing time of the thread that reads a live stream."""
        return 0.0 if self._arrivals is None else self._arrivals.cpu_s

    def close(self) -> None:
        """Lets go of it; blocks while a stream is read, up to its time-out."""
        if self._arrivals is None or self._arrivals.stop(_STOPS_WITHIN_S):
            self._container.close()


def open_source(config: CameraConfig, environment: Mapping[str, str]) -> Source:
    """Opens what a camera's ``url`` names; blocks up to ``open_timeout_s``.

    Raises:
        CannotOpen: it is not there, answers nothing, or is no video.
    """
    url, shown = config.url, masked(config.url)
    format_: str | None = None
    options: dict[str, str] = {}
    if is_device(url):
        address, format_ = device_path(url), "v4l2"
        options = _device_options(config, Path(address))
    elif is_stream(url):
        address = _address(config, login_of(config, environment))
        if address.startswith("rtsp"):
            # UDP through a city's networks loses half of the picture. Sound and metadata beside it would cost the
            # network for nothing, and hide that pictures have stopped.
            options = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
    else:
        if Path(url).is_dir():
            raise CannotOpen(_("{url}: is a folder; picture_every_s reads pictures out of one").format(url=shown))
        if not Path(url).is_file():
            raise CannotOpen(_("{url}: there is no such file").format(url=shown))
        # With a scheme FFmpeg takes no colon in a file's name for an address.
        address = f"file:{url}"
    begun_s = time.monotonic()
    try:
        container = av.open(
            address, format=format_, options=options, timeout=(config.open_timeout_s, config.read_timeout_s)
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        in_vain = is_stream(url) and time.monotonic() - begun_s >= config.open_timeout_s
        # Its own words may hold the address with its password.
        reason = _no_answer(config.open_timeout_s) if in_vain else _reason(url, error)
        text = _("{url}: cannot be opened: {reason}").format(url=shown, reason=reason)
        raise CannotOpen(text, is_refused=isinstance(error, _REFUSALS)) from None
    try:
        _check_video(container)
    except CannotOpen as error:
        container.close()
        raise CannotOpen(_("{url}: cannot be opened: {reason}").format(url=shown, reason=error)) from None
    stamped = is_device(url)
    live = stamped or is_stream(url)
    return Source(container, shown, keyframes_only=config.keyframes_only, live=live, stamped=stamped)


def _device_options(config: CameraConfig, path: Path) -> dict[str, str]:
    """How a camera at this machine is asked for its pictures.

    Raises:
        CannotOpen: it is not there, not permitted, or gives none.
    """
    if not path.exists():
        text = _("{url}: there is no camera {path} at this machine").format(url=config.url, path=path)
        if config.url == str(path):
            text = _("{url}: there is no such camera at this machine").format(url=config.url)
        if names := v4l2.names_of_cameras():
            text = _("{error}; there is {names}").format(error=text, names=", ".join(names))
        raise CannotOpen(text)
    try:
        mode = v4l2.find_mode(path, config.looks_per_s)
    except v4l2.NoCamera as error:
        raise CannotOpen(_("{url}: cannot be opened: {reason}").format(url=config.url, reason=error)) from None
    except OSError as error:
        reason = v4l2.reason(error, path)
        raise CannotOpen(_("{url}: cannot be opened: {reason}").format(url=config.url, reason=reason)) from None
    return {} if mode is None else mode.options


def _check_video(container: av.container.InputContainer) -> None:
    format_name = container.format.name
    if format_name == _TEXT_AS_PICTURES or not container.streams.video:
        raise CannotOpen(_no_video())
    if format_name.endswith(_ONE_PICTURE):
        raise CannotOpen(_("a single picture, not a video; picture_every_s takes pictures one by one"))
    stream = container.streams.video[0]
    # FFmpeg knows more kinds of video than it can decode, and then has no decoder to speak of.
    if getattr(stream, "codec_context", None) is None:
        raise CannotOpen(_("no decoder for it on this machine"))


def _reason(url: str, error: Exception) -> str:
    if is_device(url) and isinstance(error, OSError):
        return v4l2.reason(error, Path(device_path(url)))
    if isinstance(error, _REFUSALS):
        return _("user or password is refused; see credentials_file")
    if isinstance(error, av.error.HTTPNotFoundError):
        return _("the camera has no such stream; see the path of url")
    if isinstance(error, (av.error.HTTPClientError, av.error.HTTPServerError)):
        return _("the camera answers with an error: a path that it does not know, no video, or too many viewers")
    if not is_stream(url):
        return _no_video()
    if isinstance(error, ConnectionRefusedError):
        return _("no answer at that port; see url, and whether the camera's stream is turned on")
    if isinstance(error, OSError) and error.errno == errno.EPROTONOSUPPORT:
        return _("the camera gives its stream not over TCP; allow that in its settings")
    if isinstance(error, av.error.InvalidDataError):
        # Of RTSP this is an answer that broke off, not a video: it has not come to that.
        return _("no answer in RTSP; see host and port of url") if url.startswith("rtsp") else _no_video()
    return _("no answer, or refused")


def _no_answer(seconds: float) -> str:
    return _("no answer within {seconds:g} s; see address, network and the camera's power").format(seconds=seconds)


def _no_video() -> str:
    return _("not a video, or it cannot be read")


def _address(config: CameraConfig, login: Login | None) -> str:
    url = config.url
    if url.startswith("onvif://"):
        parts = urlsplit(url)
        try:
            url = onvif.find_stream(
                parts.hostname or "", parts.port or 80, login, timeout_s=config.open_timeout_s / _ONVIF_QUESTIONS
            )
        except OnvifError as error:
            reason = _("{url}: cannot be opened: {reason}")
            text = reason.format(url=masked(config.url), reason=error)
            raise CannotOpen(text, is_refused=error.is_refused) from None
    if login is None:
        return url
    if has_places(url):
        return filled_in(url, *login)
    parts = urlsplit(url)
    user, password = (quote(part, safe="") for part in login)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def login_of(config: CameraConfig, environment: Mapping[str, str]) -> Login | None:
    """User and password of a camera; None when it needs none.

    Raises:
        CannotOpen: they are not where the configuration says.
    """
    if config.credentials_file is not None:
        return read_login(config.credentials_file)
    if config.credentials_env is not None:
        return _parted(environment.get(config.credentials_env, ""), config.credentials_env)
    return None


def login_now(config: CameraConfig, environment: Mapping[str, str]) -> Login | None:
    """What a camera is given at this moment, as far as there is any: another one is worth a try at once."""
    try:
        return login_of(config, environment)
    except CannotOpen:
        return None


def read_login(path: Path) -> Login:
    """User and password out of a file whose first line is ``user:password``.

    Raises:
        CannotOpen: it cannot be read, or holds something else.
    """
    try:
        secret = path.read_text(encoding="utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise CannotOpen(_("credentials_file {path}: cannot be read").format(path=path)) from None
    return _parted(secret, str(path))


def _parted(secret: str, name: str) -> Login:
    user, separator, password = secret.partition(":")
    if not separator:
        raise CannotOpen(_("{name}: expected user:password").format(name=name))
    return Login(user, password)
