"""Which gauge hangs on which port, as a person writes it under ``[device.config]``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from haechi.sdk.errors import wrong
from haechi.sdk.talking import TalkKeys
from haechi.text import _

_RANGES_M = {"maxbotix_r": (0.3, 5.0), "a02": (0.03, 4.5)}
"""Nearest and farthest of the usual model: MB7360/MB7380 (5 m), A02YYUW."""


class SerialLevelConfig(TalkKeys):
    """``[device.config]`` of one gauge."""

    serial_port: str = Field(alias="port", min_length=1, max_length=255, description="Such as /dev/ttyUSB0.")
    protocol: Literal["maxbotix_r", "a02"] = Field(description="What the gauge says: Rnnnn lines, or FF frames.")
    resolution: Literal["mm", "cm"] = Field(default="mm", description="maxbotix_r: what the last digit counts.")
    digits: Literal[3, 4] | None = Field(
        default=None, description="maxbotix_r: digits after the R. Default: 4 for mm, 3 for cm."
    )
    range_min_m: float | None = Field(
        default=None,
        ge=0,
        le=20,
        description="Nearest distance of this model; it says no less even where the water is nearer. "
        "Default: 0.3 (maxbotix_r), 0.03 (a02).",
    )
    range_max_m: float | None = Field(
        default=None,
        gt=0,
        le=20,
        description="Farthest distance of this model; from there on it means: no echo. "
        "Default: 5.0 (maxbotix_r), 4.5 (a02).",
    )
    period_s: float = Field(default=1.0, ge=0.05, le=3600, description="At most one distance in this time, the newest.")
    silence_s: float = Field(default=5.0, ge=0.1, le=3600, description="Without a sound frame for so long it is gone.")

    @property
    def range_m(self) -> tuple[float, float]:
        """Nearest and farthest distance, as written or by default."""
        nearest, farthest = _RANGES_M[self.protocol]
        return (
            nearest if self.range_min_m is None else self.range_min_m,
            farthest if self.range_max_m is None else self.range_max_m,
        )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        nearest, farthest = self.range_m
        if nearest >= farthest:
            key = "range_max_m" if self.range_max_m is not None else "range_min_m"
            raise wrong(
                key,
                getattr(self, key),
                _("range_min_m {nearest} below range_max_m {farthest}").format(nearest=nearest, farthest=farthest),
            )
        if self.protocol != "maxbotix_r" and (self.resolution != "mm" or self.digits is not None):
            key = "digits" if self.digits is not None else "resolution"
            raise wrong(
                key, getattr(self, key), _("nothing, because protocol is {protocol}").format(protocol=self.protocol)
            )
        return self
