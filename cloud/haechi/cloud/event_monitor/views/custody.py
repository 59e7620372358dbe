"""What could not be stored."""

from datetime import datetime

from pydantic import Field

from haechi.cloud.event_monitor.views.answers import View


class LossRange(View):
    """Sequence numbers of one epoch, both ends inside; `last` null where the end is not known."""

    epoch: str
    first: int
    last: int | None


class Loss(View):
    """What was lost for ever, and why."""

    id: str
    gateway: str
    cause: str
    ranges: list[LossRange]
    first_at: datetime | None
    last_at: datetime | None
    datastreams: list[str]
    observations: int | None
    events: int | None
    reported_at: datetime | None


class DeadLetter(View):
    """What could not be read, kept whole."""

    id: int
    gateway: str
    topic: str
    kind: str = Field(description="`parcel`, `point`, `event` or `control`.")
    reason: str
    epoch: str | None
    seq: int | None
    bytes: int
    sha256: str
    received_at: datetime | None
    times: int = Field(description="How often it came.")
