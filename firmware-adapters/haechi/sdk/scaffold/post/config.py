"""How to reach one post, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk import AdapterConfig


class AcmePostConfig(AdapterConfig):
    """``[device.config]`` of one post."""

    host: str = Field(min_length=1, max_length=253, description="Name or address.")
    port: int = Field(default=4001, ge=1, le=65535, description="TCP port.")
    on_s_max: float = Field(default=120.0, ge=1, le=9999, description="The siren sounds at most so long.")
    period_s: float = Field(default=1.0, ge=0.05, le=3600, description="At most one sample in this time, the newest.")
    silence_s: float = Field(default=5.0, ge=0.1, le=3600, description="Without a sound line for so long it is gone.")
    answer_s: float = Field(default=2.0, ge=0.1, le=9, description="How long the answer to a command may take.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before it is tried again.")
