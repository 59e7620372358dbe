"""The shapes of the answers. Times are UTC (RFC 3339), positions WGS 84 degrees, units UCUM, enumerations CAP 1.2."""

from haechi.cloud.event_monitor.views.answers import Page, View
from haechi.cloud.event_monitor.views.custody import DeadLetter, Loss, LossRange
from haechi.cloud.event_monitor.views.gateways import Actuator, Component, Described, Gateway, Outbox, Place, Thing
from haechi.cloud.event_monitor.views.operation import Basemap, Health, Part
from haechi.cloud.event_monitor.views.orders import Because, Command, CommandOrder, Shelving
from haechi.cloud.event_monitor.views.people import Account, Audit, Session
from haechi.cloud.event_monitor.views.series import Datastream, Latest, Observation, Observations
from haechi.cloud.event_monitor.views.situations import (
    Catalogue,
    Event,
    EventKind,
    Evidence,
    Situation,
    SituationDetail,
)

__all__ = [
    "Account",
    "Actuator",
    "Audit",
    "Basemap",
    "Because",
    "Catalogue",
    "Command",
    "CommandOrder",
    "Component",
    "Datastream",
    "DeadLetter",
    "Described",
    "Event",
    "EventKind",
    "Evidence",
    "Gateway",
    "Health",
    "Latest",
    "Loss",
    "LossRange",
    "Observation",
    "Observations",
    "Outbox",
    "Page",
    "Part",
    "Place",
    "Session",
    "Shelving",
    "Situation",
    "SituationDetail",
    "Thing",
    "View",
]
