"""What people tell gateways and situations, and what became of it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from haechi.cloud.event_monitor.views.answers import Scalar, View
from haechi.cloud.workflow_manager.audit import REASON_CHARACTERS_MAX
from haechi.contract.control import COMMAND_S_MAX

SHELVED_S_MAX = 12 * 3600
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_CHARACTERS_MAX)]


class CommandOrder(BaseModel):
    """What a device is to be told."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    device: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    actuator: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="`siren`, `barrier` …")
    value: Scalar = Field(description="True or false, a number, or a text, as the actuator takes it.")
    on_s: float | None = Field(
        None, gt=0, le=86_400, description="For so long; then the gateway sets it back. Absent: as long as it allows."
    )
    valid_s: float = Field(
        30, ge=1, le=COMMAND_S_MAX, description="Not begun later than so long after now, nor after it came."
    )
    reason: Reason = Field(description="Why; it stands in the audit.")


class Command(View):
    """What a gateway was told, by whom, and what became of it."""

    id: str
    gateway: str
    name: str = Field(description="`actuate`, or `clip`: then it tells a camera.")
    device: str
    actuator: str = Field(description="Empty for a clip.")
    value: Scalar | None = Field(description="null for a clip.")
    event: str | None = Field(description="Of which a clip is wanted; else null.")
    on_s: float | None
    given_by: str
    reason: str
    given_at: datetime | None
    expires_at: datetime | None
    state: str = Field(
        description="`sent`; `done`: the device confirmed, or the clip is here; `refused`, `expired`: nothing done; "
        "`unknown`: nobody knows what the device did, and it is not tried again."
    )
    detail: str
    settled_at: datetime | None


class Shelving(BaseModel):
    """For how long nobody needs to be called, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    for_s: float = Field(ge=60, le=SHELVED_S_MAX, description="At most twelve hours.")
    reason: Reason


class Because(BaseModel):
    """Why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason
