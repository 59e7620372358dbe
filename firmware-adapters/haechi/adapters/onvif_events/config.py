"""Which camera and which of its events, as a person writes it under ``[device.config]``."""

from collections import Counter
from typing import Self

from pydantic import Field, model_validator

from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.text import _


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


class OnvifEventsConfig(AdapterConfig):
    """``[device.config]`` of one camera."""

    host: str = Field(min_length=1, max_length=253, description="Host name or address of the camera.")
    port: int = Field(default=80, ge=1, le=65535, description="Port of its ONVIF services (HTTP).")
    username: str | None = Field(default=None, min_length=1, max_length=255, description="An ONVIF user of the camera.")
    password_file: str | None = Field(
        default=None, min_length=1, max_length=255, description="File whose first line is the password; sent as digest."
    )
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
    def _agrees_with_itself(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise wrong("password_file", self.password_file, _("username and password_file together, or neither"))
        if self.lease_s < 2 * (self.pull_s + self.timeout_s):
            raise wrong("lease_s", self.lease_s, _("at least twice pull_s and timeout_s together"))
        name, times = Counter(one.name for one in self.topics).most_common(1)[0]
        if times > 1:
            raise wrong("topic.name", name, _("each only once"))
        return self
