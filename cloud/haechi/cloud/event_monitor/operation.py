"""What keeps the platform running: health, metrics, the catalogue's words, and what is drawn under the map."""

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from haechi.cloud.event_monitor import views
from haechi.cloud.event_monitor.parameters import Monitor, absent
from haechi.contract.catalogue import catalogue, matter_labels
from haechi.contract.observations import utc

router = APIRouter()
metrics_router = APIRouter()
_STATES = ("ok", "degraded", "down")
_GEOJSON = (".geojson", ".json")


@router.get("/health")
def get_health(services: Monitor) -> views.Health:
    """How every part of the cloud is doing."""
    parts = [views.Part(name=part.name, state=part.state, detail=part.detail) for part in services.health()]
    worst = max((_STATES.index(part.state) for part in parts), default=0)
    return views.Health(
        state=_STATES[worst],
        at=utc(services.clock_us()),
        tenant=services.tenant,
        tenants=list(services.tenants),
        parts=parts,
    )


@router.get("/catalogue")
def get_catalogue() -> views.Catalogue:
    """Every event type and matter, with what people read."""
    types = [
        views.EventKind(
            type=kind.type,
            domain=kind.domain,
            matter=kind.matter,
            severity=kind.severity,
            icon=kind.icon,
            cap_category=kind.cap_category,
            ngsi_type=kind.ngsi_type,
            procedure=kind.procedure,
            label=dict(kind.label),
        )
        for kind in catalogue().values()
    ]
    return views.Catalogue(types=types, matters={name: dict(label) for name, label in matter_labels().items()})


@router.get("/basemap")
def get_basemap(services: Monitor) -> views.Basemap:
    """What is drawn under the map, and where it is."""
    path = services.basemap
    if path is not None and path.suffix in _GEOJSON and path.is_file():
        return views.Basemap(kind="geojson", url="/api/v1/basemap/file")
    return views.Basemap(kind="plain", url=None)


@router.get("/basemap/file", response_class=FileResponse, responses={200: {"content": {"application/geo+json": {}}}})
def get_basemap_file(services: Monitor) -> Response:
    """The base map's file."""
    path = services.basemap
    if path is None or path.suffix not in _GEOJSON or not path.is_file():
        raise absent("base map", "file")
    return FileResponse(path, media_type="application/geo+json", headers={"Cache-Control": "no-cache"})


@metrics_router.get("/metrics", response_class=Response, include_in_schema=False)
def get_metrics(services: Monitor) -> Response:
    """Counters for Prometheus."""
    return Response(generate_latest(services.metrics), media_type=CONTENT_TYPE_LATEST)
