"""The configuration of one camera: checked in full before any process starts.

Promise: a :class:`CameraConfig` that exists can be run; impossible geometry, unknown keys and values out of range are
refused by one line that names the key. Secrets never stand here: credentials come from a file or the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from haechi.edge.vision.labels import LABELS, Label
from haechi.edge.vision.masked import has_places, names_a_secret
from haechi.edge.vision.models.card import shipped
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.scene_config import MEASURING as MEASURING
from haechi.edge.vision.scene_config import STANDING as STANDING
from haechi.edge.vision.scene_config import UNEVALUATED as UNEVALUATED
from haechi.edge.vision.scene_config import Corner as Corner
from haechi.edge.vision.scene_config import GaugeConfig as GaugeConfig
from haechi.edge.vision.scene_config import GroundConfig as GroundConfig
from haechi.edge.vision.scene_config import Identifier as Identifier
from haechi.edge.vision.scene_config import Labels as Labels
from haechi.edge.vision.scene_config import LineConfig as LineConfig
from haechi.edge.vision.scene_config import Polygon as Polygon
from haechi.edge.vision.scene_config import SceneModel as SceneModel
from haechi.edge.vision.scene_config import SurfaceConfig as SurfaceConfig
from haechi.edge.vision.scene_config import ZoneConfig as ZoneConfig
from haechi.edge.vision.scene_config import ZoneKind as ZoneKind
from haechi.text import _

BACKGROUND = "background"
"""Names, where others have a model, what finds moving things without one."""
NOTHING = "none"
"""Names, where others have a model, that nothing is looked for: gauges and surfaces need no detector."""
WITHOUT_MODEL = frozenset({BACKGROUND, NOTHING})


class DetectorConfig(SceneModel):
    """Which detector looks at the pictures, and how sure it must be."""

    model: str = Field(
        "nanodet-g",
        min_length=1,
        pattern=r"^([a-z0-9][a-z0-9_-]*|.+\.onnx)$",
        description="Name of a model of `haechi models list`; or path of your own `.onnx` file in YOLOX's format; "
        "or `background`, which counts whatever moves, for views from straight above; "
        "or `none` where only water is watched.",
    )
    precision: Literal["auto", "fp32", "int8"] = Field(
        "auto",
        description="For nanodet-g: `auto` is fp32, or int8 where it proves 1.5 times as fast at the start.",
    )
    input_size: Literal["256x416", "192x320"] = Field(
        "256x416",
        description="Height and width in pixels that nanodet-g sees: the larger one finds smaller objects.",
    )
    score_min: float = Field(
        0.4, ge=0.1, le=0.95, description="An object counts when the median of its scores reaches this."
    )
    moving_class: Label = Field("car", description="For `background`: what everything that moves is called.")
    moving_area_min: float = Field(
        0.01, ge=0.001, le=0.5, description="For `background`: share of the picture that a thing covers at least."
    )
    threads: int = Field(1, ge=1, le=8, description="Threads of the detector.")
    parts_max: int = Field(
        2,
        ge=0,
        le=8,
        description="So many parts of a picture are looked at enlarged, beside the whole, where small things move or "
        "stand; 0 looks at the whole picture alone.",
    )

    @field_validator("model")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in WITHOUT_MODEL or name.endswith(".onnx"):
            return name
        try:
            cards = shipped()
        except ModelError as error:
            raise ValueError(str(error)) from None
        if name not in cards:
            known = ", ".join([*sorted(cards), *sorted(WITHOUT_MODEL)])
            raise ValueError(_("there is no such model; expected one of {known}, or an .onnx file").format(known=known))
        return name


class EvidenceConfig(SceneModel):
    """The picture that goes with an event. Heads of people are always blurred in it."""

    jpeg_quality: int = Field(80, ge=20, le=95, description="JPEG quality to begin with.")
    bytes_max: int = Field(60_000, ge=8_000, le=61_440, description="Quality and size are lowered until it fits.")


class ClipConfig(SceneModel):
    """Clips of the seconds around an event, H.264, heads of people blurred: made by rule or on request."""

    on_request: bool = Field(True, description="Operators may ask for a clip of an event.")
    before_s: float = Field(5, ge=0, le=30, description="Begins so long before the event.")
    after_s: float = Field(5, ge=1, le=30, description="Ends so long after it.")
    ring_s: float = Field(30, ge=5, le=120, description="So much of the stream is held in memory, never on disk.")
    ring_bytes_max: int = Field(
        16 * 1024**2, ge=1024**2, le=256 * 1024**2, description="And at most so many bytes of it."
    )
    width_px_max: int = Field(640, ge=160, le=1280, description="The picture is made as small as this.")
    frames_per_s: float = Field(8, ge=1, le=15, description="Pictures a second at most.")
    bytes_max: int = Field(1_500_000, ge=100_000, le=3_000_000, description="A clip ends early where it grows beyond.")
    per_hour_max: int = Field(12, ge=1, le=120, description="Clips an hour at most; more are counted as not made.")

    @model_validator(mode="after")
    def _fits_its_ring(self) -> Self:
        if self.before_s + self.after_s > self.ring_s:
            raise ValueError(_("clips: before_s and after_s together are longer than ring_s"))
        return self


class OriginalsConfig(SceneModel):
    """Pictures and clips without blur, sealed to the city's key before they touch the disk. Off unless it is there."""

    public_key_file: Path = Field(description="The city's X25519 public key in PEM; `haechi camera originals keygen`.")
    bytes_max: int = Field(
        200 * 1024**2, ge=4 * 1024**2, le=1024**4, description="A camera keeps so many bytes; the oldest go first."
    )
    days_max: float = Field(7, gt=0, le=366, description="And none older than this.")


class MotionConfig(SceneModel):
    """The gate in front of the detector: it looks only where something moves."""

    enabled: bool = Field(True, description="False looks at every picture, whatever moves.")
    occupied_look_s: float = Field(
        3, ge=0.5, le=600, description="A look is taken this often while an object that counts is there, moving or not."
    )
    still_look_s: float = Field(10, ge=1, le=600, description="A look is taken this often even when nothing moves.")


def _check_port(parts: SplitResult) -> None:
    try:
        if parts.port != 0:
            return
    except ValueError:
        pass
    raise ValueError(_("expected a port from 1 to 65535 after the host"))


class CameraConfig(SceneModel):
    """One camera: where its pictures come from and what is looked for in them."""

    id: Identifier = Field(description="Id of the camera as a thing; unique within the gateway.")
    name: str = Field("", max_length=512, description="Name that operators read; the id when empty.")
    url: str = Field(
        min_length=1,
        max_length=2048,
        description="A video file, `rtsp://host/path`, `http://…`, `onvif://host`, `usb:0`, `/dev/v4l/by-id/…`; no "
        "login. "
        "Where the camera wants it in path or query: `{user}` and `{password}` stand for those of the credentials.",
    )
    place: Identifier = Field(description="Id of the place that it watches.")
    looks_per_s: float = Field(5, ge=1, le=30, description="How many pictures a second are looked at.")
    classes: Labels = Field(LABELS, description="What the detector looks for.")
    detector: DetectorConfig = Field(default_factory=DetectorConfig, description="Which detector, how sure.")
    lines: tuple[LineConfig, ...] = Field((), max_length=32, description="Lines whose crossings are counted.")
    zones: tuple[ZoneConfig, ...] = Field((), max_length=32, description="Areas that are watched.")
    gauges: tuple[GaugeConfig, ...] = Field((), max_length=8, description="Staff gauges or painted lines in water.")
    surfaces: tuple[SurfaceConfig, ...] = Field((), max_length=8, description="Road that may be wet or under water.")
    picture_every_s: float | None = Field(
        None,
        ge=1,
        le=3600,
        description="Single pictures instead of video, so far apart: `url` is a folder that the camera "
        "uploads JPEG or PNG files to, or the http address of one, which is asked so often.",
    )
    ground: GroundConfig | None = Field(None, description="The ground in metres; speeds and lengths need it.")
    time_zone: str = Field(
        "UTC", max_length=64, description="Whose clocks schedules are meant by, such as `Asia/Seoul`."
    )
    masks: tuple[Polygon, ...] = Field(
        (),
        max_length=32,
        description="Areas that nobody is to see, such as windows: black before anything looks at a picture.",
    )
    count_period_s: float = Field(10, ge=1, le=3600, description="Crossings are counted over so long.")
    motion: MotionConfig = Field(default_factory=MotionConfig, description="The gate in front of the detector.")
    evidence: EvidenceConfig = Field(default_factory=EvidenceConfig, description="Pictures that go with events.")
    originals: OriginalsConfig | None = Field(
        None, description="Keeps what has no blur, sealed; only where the city's policy says so."
    )
    clips: ClipConfig = Field(default_factory=ClipConfig, description="Clips of the seconds around an event.")
    keyframes_only: bool = Field(
        False, description="Decodes key frames alone: a picture every second or so for next to nothing; no line counts."
    )
    loop: bool = Field(False, description="A file starts again when it ends.")
    open_timeout_s: float = Field(8, ge=1, le=60, description="How long connecting may take.")
    read_timeout_s: float = Field(8, ge=1, le=60, description="A stream without pictures for so long is lost.")
    credentials_file: Path | None = Field(
        None, description="File whose first line is `user:password`; readable by the agent alone."
    )
    credentials_env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Environment variable that holds `user:password`."
    )

    @field_validator("url")
    @classmethod
    def _is_source(cls, url: str) -> str:
        if "://" in url:
            parts = urlsplit(url)
            if parts.scheme not in {"rtsp", "rtsps", "http", "https", "onvif"}:
                raise ValueError(
                    _("expected a file, rtsp://, rtsps://, http://, https://, onvif://, usb:N or /dev/videoN")
                )
            if parts.username or parts.password or names_a_secret(url):
                raise ValueError(
                    _(
                        "user and password do not belong here; put them into credentials_file, and {user} and "
                        "{password} in their places if the camera wants them in path or query"
                    )
                )
            if not parts.hostname:
                raise ValueError(_("the address names no host"))
            _check_port(parts)
        elif url.startswith("usb:") and not url[4:].isdecimal():
            raise ValueError(_("expected usb: and a number, such as usb:0"))
        return url

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                _("expected a time zone that this machine knows, such as Asia/Seoul or Europe/Helsinki")
            ) from None
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for key, names in (("lines", [x.name for x in self.lines]), ("zones", [x.name for x in self.zones])):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(_("{key}: the name {name} is used twice").format(key=key, name=min(twice)))
        for line in self.lines:
            self._looks_for(f"lines.{line.name}", frozenset(line.classes) if line.classes != LABELS else frozenset())
        for zone in self.zones:
            self._looks_for(f"zones.{zone.name}", zone.watched if zone.classes else frozenset())
            if not zone.watched & set(self.classes):
                raise ValueError(_("zones.{name}: none of what it watches is in classes").format(name=zone.name))
        self._measures_what_it_can()
        if self.detector.model == NOTHING and (self.lines or self.zones):
            raise ValueError(_("detector.model: lines and zones need a detector, not `none`"))
        if self.detector.model == BACKGROUND:
            if self.zones:
                raise ValueError(
                    _("zones: the detector `background` only counts at lines; it sees nothing that stands")
                )
            if self.detector.moving_class not in self.classes:
                raise ValueError(_("detector.moving_class: is not in the camera's classes"))
        if self.keyframes_only and self.lines:
            raise ValueError(_("keyframes_only: lines cannot be counted on key frames alone; take one of them out"))
        if self.picture_every_s is not None:
            if self.lines or self.zones:
                raise ValueError(_("picture_every_s: lines and zones need video; single pictures are for water"))
            if not self.url.startswith(("http://", "https://")) and ("://" in self.url or self.url.startswith("usb:")):
                raise ValueError(_("picture_every_s: expected url to be a folder or an http address"))
        if has_places(self.url) and not (self.credentials_file or self.credentials_env):
            raise ValueError(_("url: {user} and {password} need credentials_file or credentials_env"))
        if self.credentials_file and self.credentials_env:
            raise ValueError(_("credentials_file and credentials_env: give one of them"))
        return self

    @property
    def makes_clips(self) -> bool:
        """Whether anything may ask it for a clip; without a detector that knows people nothing may."""
        wanted = self.clips.on_request or any(area.clip for area in self.areas)
        return wanted and self.detector.model not in WITHOUT_MODEL and self.picture_every_s is None

    def anchored(self, folder: Path) -> CameraConfig:
        """The same camera with relative paths (clip, credentials, own model) meant from `folder`."""
        changes: dict[str, object] = {}
        if "://" not in self.url and not self.url.startswith("usb:"):
            changes["url"] = str(folder / self.url)
        if self.credentials_file is not None:
            changes["credentials_file"] = folder / self.credentials_file
        if self.originals is not None:
            key = folder / self.originals.public_key_file
            changes["originals"] = self.originals.model_copy(update={"public_key_file": key})
        if self.detector.model.endswith(".onnx"):
            changes["detector"] = self.detector.model_copy(update={"model": str(folder / self.detector.model)})
        return self.model_copy(update=changes)

    @property
    def areas(self) -> tuple[ZoneConfig | GaugeConfig | SurfaceConfig, ...]:
        """All that may raise a condition, whose names differ."""
        return (*self.zones, *self.gauges, *self.surfaces)

    def _measures_what_it_can(self) -> None:
        measuring = [line.name for line in self.lines if line.speed]
        measuring += [zone.name for zone in self.zones if zone.kind in MEASURING]
        measuring += [gauge.name for gauge in self.gauges] + [surface.name for surface in self.surfaces]
        twice = {name for name in measuring if measuring.count(name) > 1}
        if twice:
            raise ValueError(_("two things that measure are named {name}").format(name=min(twice)))
        areas = [part.name for part in self.areas]
        twice = {name for name in areas if areas.count(name) > 1}
        if twice:
            raise ValueError(_("two zones, gauges or surfaces are named {name}").format(name=min(twice)))
        wanting = [f"lines.{line.name}" for line in self.lines if line.speed]
        wanting += [f"zones.{zone.name}" for zone in self.zones if zone.kind == "congestion"]
        if wanting and self.ground is None:
            raise ValueError(_("{key}: a speed needs `ground`: four points and their metres").format(key=wanting[0]))
        if any(zone.kind == "abandoned" for zone in self.zones) and "person" not in self.classes:
            raise ValueError(_("classes: to know what is abandoned, people must be looked for"))

    def _looks_for(self, key: str, wanted: frozenset[Label]) -> None:
        missing = wanted - set(self.classes)
        if missing:
            raise ValueError(
                _("{key}: {name} is not in the camera's classes").format(key=key, name=", ".join(sorted(missing)))
            )
