"""Which gauge, behind which broker, as a person writes it under ``[device.config]``."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from haechi.sdk.errors import wrong
from haechi.sdk.transports.mqtt_frames import is_filter
from haechi.sdk.transports.mqtt_in import MqttKeys
from haechi.text import _


class JsonLevelConfig(MqttKeys):
    """``[device.config]`` of one gauge."""

    topic: str = Field(
        min_length=1, max_length=255, description="Where the gauge publishes; its state is at `TOPIC/status`."
    )
    device_time: bool = Field(
        default=False,
        description="True for a gauge that knows the time: readings bear it, and late ones are taken. "
        "False, and while the gauge does not know it: readings are as old as their arrival, and late ones are dropped.",
    )
    age_ms_max: int = Field(
        default=2000,
        ge=100,
        le=60_000,
        description="What the gauge kept for longer is of the past: without device_time it is dropped.",
    )
    range_min_m: float = Field(
        default=0.25, ge=0, le=100, description="Nearest distance of the gauge; the water may be nearer still."
    )

    @field_validator("topic")
    @classmethod
    def _is_one_topic(cls, topic: str) -> str:
        if not is_filter(topic) or "+" in topic or "#" in topic:
            raise ValueError(_("one topic, without + and #"))
        return topic

    @model_validator(mode="after")
    def _keeps_no_late_readings(self) -> Self:
        if self.client_id is not None and not self.device_time:
            raise wrong("client_id", self.client_id, _("nothing, because device_time is false"))
        return self
