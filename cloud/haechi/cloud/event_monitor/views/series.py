"""Datastreams and their values over time."""

from datetime import datetime

from pydantic import Field

from haechi.cloud.event_monitor.views.answers import Scalar, View


class Latest(View):
    """The newest value of a datastream."""

    time: datetime | None
    value: Scalar
    quality: str = Field(description="`good`, `uncertain` or `bad`.")


class Datastream(View):
    """One observed property of one thing."""

    gateway: str
    id: str
    thing: str
    observed_property: str
    unit: str = Field(description="UCUM code.")
    name: str
    kind: str = Field(description="`number`, `bool` or `text`.")
    period_s: float | None = Field(description="How often a value is due, in seconds; null where it is not regular.")
    device_time: bool = Field(description="Records bear the device's own time.")
    device_zone: str | None = Field(
        None, description="Zone in which the device keeps it; it is given in UTC all the same."
    )
    device_clock: str | None = Field(None, description="`synchronised` by a time source of its own, or `free`.")
    counter: str | None = Field(None, description="`total` since a reset, or `increment` since the last reading.")
    latest: Latest | None


class Observation(View):
    """One value, or one bucket of a down-sampled series: then minimum and maximum frame the mean."""

    time: datetime | None
    value: Scalar
    quality: str
    minimum: float | None = None
    maximum: float | None = None


class Observations(View):
    """A stretch of a series, oldest first."""

    gateway: str
    datastream: str
    unit: str | None = Field(description="UCUM code; null where the datastream is not described yet.")
    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    items: list[Observation]
