"""The gateway's configuration: one TOML file, checked whole before anything starts.

Promise: a :class:`GatewayConfig` that exists is consistent in itself (names unique, every name that is referred to
exists). What only an adapter can judge, ``[device.config]``, is checked by that adapter (:mod:`haechi.edge.devices`).
Secrets never stand in it; they are named by file.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from haechi.contract.catalogue import catalogue
from haechi.contract.events import Severity
from haechi.contract.places import Place
from haechi.edge.commands.allowed import ActuatorConfig
from haechi.edge.derivations.config import Derivation, Local
from haechi.edge.vision.config import CameraConfig
from haechi.sdk.transports.credentials import is_loopback
from haechi.text import _

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
DatastreamId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+$", max_length=160)]
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=160)]
EventType = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z0-9_]+)+$", max_length=64)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Identity(_Model):
    """Who this gateway is."""

    id: Identifier = Field(description="Id of the gateway, unique within its tenant; part of every MQTT topic.")
    tenant: Identifier = Field(description="The city or organisation that it belongs to.")
    name: str = Field("", max_length=512, description="Name that operators read; the id when empty.")
    data_dir: Path = Field(description="Folder of the outbox; the agent must be able to write there.")
    command_key_file: Path | None = Field(
        None, description="File whose first line is the key of commands to devices; needed where there are actuators."
    )


class Uplink(_Model):
    """The broker, and how to reach it."""

    url: str = Field(description="`mqtts://HOST[:PORT]` or `mqtt://HOST[:PORT]`; without user and password.")
    username: str | None = Field(None, max_length=256, description="User name at the broker.")
    password_file: Path | None = Field(None, description="File whose first line is the password.")
    ca_file: Path | None = Field(None, description="PEM file of the authority that signed the broker's certificate.")
    cert_file: Path | None = Field(None, description="PEM file of the gateway's own certificate.")
    key_file: Path | None = Field(None, description="PEM file of its private key.")
    insecure: bool = Field(False, description="True allows plain `mqtt://` to another machine: anybody can read along.")
    keepalive_s: int = Field(10, ge=2, le=300, description="The broker is asked for a sign of life after such a pause.")
    freeze_s: float = Field(10, ge=1, le=300, description="A link that answers nothing for so long is given up.")
    window_bytes: int = Field(
        512 * 1024,
        ge=64 * 1024,
        le=16 * 1024 * 1024,
        description="Bytes under way that the cloud has not acknowledged.",
    )
    budget_bytes_per_day: int | None = Field(
        None,
        ge=1024**2,
        le=1024**4,
        description="Metered link: what can wait is spread over the day (UTC) so that this holds; alarms always go.",
    )
    status_s: float = Field(30, ge=1, le=3600, description="The status is published this often, and on every change.")

    @field_validator("url")
    @classmethod
    def _names_a_broker(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError(_("user and password do not belong here; use username and password_file"))
        try:
            sound = parts.scheme in {"mqtt", "mqtts"} and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            sound = False
        if not sound or parts.path.strip("/") or parts.query:
            raise ValueError(_("expected mqtts://HOST[:PORT] or mqtt://HOST[:PORT]"))
        return url

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if not self.tls and not self.insecure and not is_loopback(self.host):
            raise ValueError(_("url: plain mqtt:// to another machine; use mqtts://, or write insecure = true"))
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError(_("ca_file and cert_file need an mqtts:// url"))
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError(_("cert_file and key_file belong together"))
        if self.password_file and not self.username:
            raise ValueError(_("password_file needs a username"))
        return self

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted and the broker's certificate verified."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def host(self) -> str:
        """The broker's host."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port; 8883 or 1883 where the url names none."""
        return urlsplit(self.url).port or (8883 if self.tls else 1883)


class OutboxConfig(_Model):
    """The durable queue between devices and cloud."""

    bytes_max: int = Field(
        1024**3, ge=1024**2, le=1024**4, description="What the outbox may hold; the oldest acknowledged goes first."
    )
    seal_s: float = Field(0.9, ge=0.05, le=1.0, description="Readings are committed at least this often.")


class Metrics(_Model):
    """Counters for Prometheus; see docs/metrics.md."""

    listen: str | None = Field(None, description="`127.0.0.1:9464` answers `GET /metrics` there; off when absent.")

    @field_validator("listen")
    @classmethod
    def _is_on_loopback(cls, listen: str | None) -> str | None:
        if listen is None:
            return None
        host, _colon, port = listen.rpartition(":")
        if not is_loopback(host) or not port.isdecimal() or not 0 <= int(port) < 65_536:
            raise ValueError(_("expected a loopback address and a port, such as 127.0.0.1:9464"))
        return listen

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None when it is off."""
        host, _colon, port = (self.listen or "").rpartition(":")
        return (host.strip("[]"), int(port)) if self.listen else None


class PlaceConfig(_Model):
    """A place that operators know by name. Degrees, WGS 84."""

    id: Identifier = Field(description="Id of the place, unique within the gateway.")
    name: str = Field(min_length=1, max_length=512, description="Name that operators read.")
    latitude: float = Field(ge=-90, le=90, description="Degrees north.")
    longitude: float = Field(ge=-180, le=180, description="Degrees east.")

    def place(self) -> Place:
        """Return it in the contract's words."""
        return Place(id=self.id, name=self.name, latitude=self.latitude, longitude=self.longitude)


class ProcessConfig(_Model):
    """A process of its own for one device's adapter; what goes beyond a limit is ended, shown and started again."""

    python: Path | None = Field(
        None, description="Python of an environment of its own, such as `/opt/acme/bin/python`; else the gateway's."
    )
    memory_mib_max: int = Field(128, ge=64, le=4096, description="Memory that the adapter may use.")
    values_per_s_max: float = Field(
        2000, gt=0, le=100_000, description="Values that it may give each second, on average over ten seconds."
    )
    silence_s: float = Field(15, ge=3, le=600, description="It blocks when it shows no sign of life for so long.")


class DeviceConfig(_Model):
    """One device, read by an adapter."""

    id: Identifier = Field(description="Id of the device, unique within the gateway; first part of its datastreams.")
    name: str = Field("", max_length=512, description="Name that operators read; the id when empty.")
    kind: Identifier = Field(description="The field's term: `river_gauge`, `rain_gauge`, `traffic_counter` …")
    place: Identifier = Field(description="Id of the place where it stands.")
    adapter: Identifier = Field(description="Name of an installed adapter; the command `check-config` lists them.")
    enabled: bool = Field(True, description="False: it is neither read nor watched by rules.")
    config: dict[str, Any] = Field(default_factory=dict, description="What the adapter wants to know.")
    process: ProcessConfig | None = Field(
        None, description="With `[device.process]`, even an empty one, the adapter runs in a process of its own."
    )


class ValidRange(_Model):
    """What a datastream can truly show; anything else is kept but marked bad."""

    datastream: DatastreamId = Field(description="Which datastream.")
    min: float = Field(-1e18, description="Lowest possible value.")
    max: float = Field(1e18, description="Highest possible value.")

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if self.min >= self.max:
            raise ValueError(_("min must be below max"))
        return self


class _Rule(_Model):
    id: RuleId = Field(description="Id of the rule and of the condition that it raises; keep it for ever.")
    datastream: DatastreamId = Field(description="The datastream that it watches.")
    severity: Severity | None = Field(None, description="CAP severity; the catalogue's for this event when absent.")
    place: Identifier | None = Field(None, description="Id of the place it is about; the device's when absent.")

    @model_validator(mode="after")
    def _is_weighed(self) -> Self:
        event = getattr(self, "event", "")
        if self.severity is None and event not in catalogue():
            alike = [known for known in catalogue() if known.partition(".")[0] == event.partition(".")[0]]
            raise ValueError(
                _("event = {event!r} is not in the catalogue; give it a severity, or use one of: {alike}").format(
                    event=event, alike=", ".join(alike or catalogue())
                )
            )
        return self


class ThresholdRule(_Rule):
    """Raises while a value is above (or below) a threshold."""

    kind: Literal["threshold"] = Field(description="`threshold`.")
    event: EventType = Field(description="Event type that it raises, such as `flood.level_high`.")
    above: float | None = Field(None, description="Raises at this value or above. Give above or below.")
    below: float | None = Field(None, description="Raises at this value or below.")
    hysteresis: float = Field(0.0, ge=0, description="Clears only this far back from the threshold.")
    raise_after_s: float = Field(0.0, ge=0, le=86_400, description="How long it must last before it is raised.")
    clear_after_s: float = Field(0.0, ge=0, le=86_400, description="How long it must be over before it is cleared.")

    @model_validator(mode="after")
    def _has_one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError(_("give either above or below"))
        return self


class RateRule(_Rule):
    """Raises while a value has risen by so much within a window."""

    kind: Literal["rate"] = Field(description="`rate`.")
    event: EventType = Field(description="Event type that it raises, such as `flood.level_rising`.")
    rise: float = Field(gt=0, description="Rise within the window that raises it, in the datastream's unit.")
    window_s: float = Field(ge=1, le=86_400, description="The window.")
    clear_after_s: float = Field(0.0, ge=0, le=86_400, description="How long it must be over before it is cleared.")


class StaleRule(_Rule):
    """Raises when no good value came for some time."""

    kind: Literal["stale"] = Field(description="`stale`.")
    event: EventType = Field("device.stale", description="Event type that it raises.")
    after_s: float = Field(ge=1, le=604_800, description="Silence that raises it.")


RuleConfig = Annotated[ThresholdRule | RateRule | StaleRule, Field(discriminator="kind")]


class GatewayConfig(_Model):
    """The whole file."""

    gateway: Identity = Field(description="Who this gateway is.")
    uplink: Uplink = Field(description="The broker.")
    outbox: OutboxConfig = Field(default_factory=OutboxConfig, description="The durable queue.")
    metrics: Metrics = Field(default_factory=Metrics, description="Counters for Prometheus.")
    place: tuple[PlaceConfig, ...] = Field((), max_length=1000, description="Places.")
    device: tuple[DeviceConfig, ...] = Field((), max_length=1000, description="Devices.")
    camera: tuple[CameraConfig, ...] = Field((), max_length=64, description="Cameras.")
    derivation: tuple[Derivation, ...] = Field((), max_length=10_000, description="Computed values.")
    local: tuple[Local, ...] = Field((), max_length=100, description="Datastreams that stay on the gateway.")
    actuator: tuple[ActuatorConfig, ...] = Field((), max_length=1000, description="What devices may be told.")
    valid: tuple[ValidRange, ...] = Field((), max_length=10_000, description="Possible ranges.")
    rule: tuple[RuleConfig, ...] = Field((), max_length=10_000, description="Rules.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for key, ids in (("device", [one.id for one in self.device]), ("camera", [one.id for one in self.camera])):
            for index, name in enumerate(ids):
                if name in COMPONENTS:
                    raise ValueError(
                        _(
                            "{key}[{index}].id = {name!r}: the gateway calls a part of its own so; choose another"
                        ).format(key=key, index=index, name=name)
                    )
        _unique("place", (place.id for place in self.place))
        _unique("device", (device.id for device in self.device))
        _unique("camera", [*(device.id for device in self.device), *(camera.id for camera in self.camera)])
        _unique("derivation", (derivation.id for derivation in self.derivation))
        if self.actuator and self.gateway.command_key_file is None:
            raise ValueError(_("actuator: gateway.command_key_file is missing; without it nobody may command"))
        _unique("local", (local.datastream for local in self.local), "datastream")
        _unique("valid", (valid.datastream for valid in self.valid), "datastream")
        _unique("rule", (rule.id for rule in self.rule))
        places = {place.id for place in self.place}
        for key, owners in (("device", self.device), ("camera", self.camera), ("rule", self.rule)):
            for index, owner in enumerate(owners):
                if owner.place is not None:
                    known(f"{key}[{index}].place", owner.place, places)
        return self


COMPONENTS = frozenset({"gateway", "uplink", "metrics"})
"""What parts of the gateway itself are called in its status."""


def _unique(key: str, names: Iterable[str], field: str = "id") -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(_("{key}: {field} = {name!r} is used twice").format(key=key, field=field, name=name))


def known(key: str, name: str, names: Collection[str]) -> None:
    """Check that a name which something refers to exists.

    Raises:
        ValueError: it does not; the text names the key, the name and what there is.
    """
    if name not in names:
        there = sorted(names)
        listed = ", ".join(there[:8]) + (" …" if len(there) > 8 else "")
        raise ValueError(
            _("{key} = {name!r}: there is no such thing; known: {names}").format(
                key=key, name=name, names=listed or _("none")
            )
        )
