"""The outbox's MQTT side: what is sent when, and acting on what comes back.

Promise: urgent parcels go first and wait for nothing but the wire; live ones go beside a paced backlog; what the cloud
has not acknowledged end to end is sent again; a broker that dies, freezes, forgets or refuses is noticed and tried
again, and nothing but an acknowledgement from the cloud frees a parcel.

==============  ======================================================================================
``schedule``    what to send next, given now: pure, driven by a simulation as well as by the wire
``roundtrip``   the retransmission time-out, from measured round trips (pure)
``budget``      bytes a day over a metered link (pure)
``backoff``     when to try the broker again (pure)
``security``    passwords and certificates from files, one clear line where one is unusable
``link``        one connection to the broker (paho-mqtt inside an asyncio loop)
``session``     one connection's life: ask, send, listen, until it ends
``uplink``      connection after connection, for ever
==============  ======================================================================================
"""

from enum import IntEnum


class Lane(IntEnum):
    """What overtakes what on the wire."""

    URGENT = 0
    LIVE = 1
    EVIDENCE = 2
    BACKLOG = 3
    CLIP = 4


class UplinkSettingsError(Exception):
    """A password or certificate cannot be used as configured: stop, tell the person this one line."""


class LinkLost(Exception):  # noqa: N818 - reads as what it is
    """The connection ended or never came to be; try again with back-off. One line for a person."""


class LinkRefused(LinkLost):
    """The broker answered, and said no: a person must act, so trying again has little hurry."""


class WrongProtocol(LinkLost):
    """The broker does not seem to speak this version of MQTT: unless it once did, try the other one."""
