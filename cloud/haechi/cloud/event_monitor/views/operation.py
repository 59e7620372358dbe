"""How the cloud is doing, and what is drawn under the map."""

from datetime import datetime

from pydantic import Field

from haechi.cloud.event_monitor.views.answers import View


class Part(View):
    """How one part of the cloud is doing."""

    name: str
    state: str = Field(description="`ok`, `degraded` or `down`.")
    detail: str


class Health(View):
    """How the cloud is doing."""

    state: str = Field(description="The worst of its parts.")
    at: datetime
    tenant: str = Field(description="The city that is asked about.")
    tenants: list[str] = Field(description="The cities that are served here.")
    parts: list[Part]


class Basemap(View):
    """What is drawn under the map."""

    kind: str = Field(description="`plain` (a graticule and place names) or `geojson`.")
    url: str | None
