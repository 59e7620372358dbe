"""The tables of the state database (SQLAlchemy Core; SQLite and PostgreSQL).

Times are microseconds since 1970 UTC. Every row belongs to a tenant. Unique indexes, not code, hold the promises:
an event id exists once, and one situation is open per place and matter.
"""

from haechi.cloud.state.schema.delivery import dead_letters, epochs, gateways, losses, lost, markers, receipts, settled
from haechi.cloud.state.schema.descriptions import datastreams, latest, places, things
from haechi.cloud.state.schema.event_handling import conditions, events, evidence, evidence_pieces, situations
from haechi.cloud.state.schema.feed import changes, notifications
from haechi.cloud.state.schema.people import accounts, audit, commands, sessions
from haechi.cloud.state.schema.tables import metadata

__all__ = [
    "accounts",
    "audit",
    "changes",
    "commands",
    "conditions",
    "datastreams",
    "dead_letters",
    "epochs",
    "events",
    "evidence",
    "evidence_pieces",
    "gateways",
    "latest",
    "losses",
    "lost",
    "markers",
    "metadata",
    "notifications",
    "places",
    "receipts",
    "sessions",
    "settled",
    "situations",
    "things",
]
