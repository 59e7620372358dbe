"""Which camera and which of its events, as a person writes it under ``[device.config]``."""

from collections import Counter
from typing import Self

from pydantic import Field, field_validator, model_validator

from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.sdk.transports.credentials import CaFile, PasswordFile, UserName
from haechi.sdk.transports.mqtt_frames import is_filter
from haechi.sdk.transports.mqtt_in import MqttKeys
from haechi.text import _

_OF_PULL_POINT = ("port", "https", "ca_file", "username", "password_file", "pull_s", "lease_s", "timeout_s", "retry_s")


class Topic(AdapterConfig):
    """``[[device.config.topic]]``: one thing that the camera tells, true or false."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="Second part of the datastream's id."
    )
    path: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        max_length=255,
        description="Topic without prefixes, such as RuleEngine/CellMotionDetector/Motion.",
    )
    item: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+$",
        max_length=64,
        description="Data item that is true or false, such as IsMotion.",
    )
    source: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Only from this source, such as the token of an input; any source when absent.",
    )
    observed_property: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="What it tells: motion, tampering, door_open …"
    )
    momentary: bool = Field(
        default=False,
        description="MQTT: true for what merely happens and is no state (published without the retained flag), "
        "so that the first is news as well.",
    )


class CameraBroker(MqttKeys):
    """``[device.config.mqtt]``: the broker that the camera tells its events to."""

    prefix: str = Field(
        min_length=1, max_length=128, description="TopicPrefix that the camera was given: `PREFIX/onvif-ej/…`."
    )
    silence_s: float = Field(
        default=86_400.0,
        ge=0.1,
        le=1_000_000,
        description="Without any event of the camera for so long it is gone; where nothing happens it says nothing.",
    )

    @field_validator("prefix")
    @classmethod
    def _is_part_of_a_topic(cls, prefix: str) -> str:
        if not is_filter(prefix) or "+" in prefix or "#" in prefix or prefix.endswith("/"):
            raise ValueError(_("the beginning of a topic, without + and #, and no / at its end"))
        return prefix

    @model_validator(mode="after")
    def _hears_no_late_events(self) -> Self:
        if self.client_id is not None:
            # Events that a broker kept would be told as if they happened now.
            raise wrong("client_id", self.client_id, _("nothing: what a broker keeps for later is no event of now"))
        return self


class OnvifEventsConfig(AdapterConfig):
    """``[device.config]`` of one camera."""

    host: str | None = Field(
        default=None, min_length=1, max_length=253, description="PullPoint: host name or address of the camera."
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of its ONVIF services; 80, or with https 443, when absent."
    )
    https: bool = Field(default=False, description="True: encrypted, and the camera's certificate is verified.")
    ca_file: CaFile = None
    username: UserName = None
    password_file: PasswordFile = None
    mqtt: CameraBroker | None = Field(default=None, description="MQTT in place of PullPoint.")
    topics: tuple[Topic, ...] = Field(alias="topic", min_length=1, max_length=32, description="What is listened to.")
    pull_s: float = Field(
        default=10.0, ge=0.05, le=60, description="How long the camera may hold a question open while nothing happens."
    )
    lease_s: float = Field(
        default=60.0, ge=10, le=3600, description="For how long the camera keeps our subscription when we fall silent."
    )
    timeout_s: float = Field(default=5.0, ge=0.1, le=60, description="How long an answer may take beyond that.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait after a failure.")

    @model_validator(mode="after")
    def _reaches_a_camera(self) -> Self:
        if (self.host is None) == (self.mqtt is None):
            raise wrong("host", self.host, _("host for PullPoint, or a table mqtt, and not both"))
        if self.mqtt is not None:
            for key in _OF_PULL_POINT:
                if key in self.model_fields_set:
                    raise wrong(key, getattr(self, key), _("nothing, because there is a table mqtt"))
        if self.ca_file is not None and not self.https:
            raise wrong("ca_file", self.ca_file, _("nothing, because https is false"))
        return self

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise wrong("password_file", self.password_file, _("username and password_file together, or neither"))
        if self.lease_s < 2 * (self.pull_s + self.timeout_s):
            raise wrong("lease_s", self.lease_s, _("at least twice pull_s and timeout_s together"))
        name, times = Counter(one.name for one in self.topics).most_common(1)[0]
        if times > 1:
            raise wrong("topic.name", name, _("each only once"))
        return self

    @property
    def reached_at(self) -> int:
        """The port of its ONVIF services."""
        return self.port or (443 if self.https else 80)
