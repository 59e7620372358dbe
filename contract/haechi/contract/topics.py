"""MQTT topic names. The tenant is the city; a gateway may publish below its own ``up`` and read its own ``down`` only.

``haechi/v1/{tenant}/{gateway}/up/{urgent|live|backlog}``  parcels, QoS 1
``haechi/v1/{tenant}/{gateway}/up/status``                 status, retained, also the last will
``haechi/v1/{tenant}/{gateway}/down/ack``                  acknowledgements, not retained
``haechi/v1/{tenant}/{gateway}/down/config``               configuration, retained
``haechi/v1/{tenant}/{gateway}/down/command``              commands
"""

import re
from enum import StrEnum
from typing import NamedTuple

from haechi.contract import ContractError

ROOT = "haechi/v1"
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Priority(StrEnum):
    """What overtakes what: urgent before live before backlog. The value is the topic's last level."""

    URGENT = "urgent"
    LIVE = "live"
    BACKLOG = "backlog"


class Address(NamedTuple):
    """Whose topic it is, and its last two levels such as ``up/live``."""

    tenant: str
    gateway: str
    channel: str


UP_STATUS = "up/status"
DOWN_ACK = "down/ack"
DOWN_CONFIG = "down/config"
DOWN_COMMAND = "down/command"
_CHANNELS = {*(f"up/{priority}" for priority in Priority), UP_STATUS, DOWN_ACK, DOWN_CONFIG, DOWN_COMMAND}


def topic(tenant: str, gateway: str, channel: str) -> str:
    """Return the topic of one channel of one gateway.

    Raises:
        ContractError: a name or channel that cannot stand in a topic.
    """
    built = f"{ROOT}/{tenant}/{gateway}/{channel}"
    parse(built)
    return built


def parse(name: str) -> Address:
    """Take a topic apart.

    Raises:
        ContractError: it is not one of ours.
    """
    levels = name.split("/")
    if len(levels) != 6 or not name.startswith(ROOT + "/"):
        raise ContractError(f"topic {name[:200]!r} is not haechi/v1/TENANT/GATEWAY/up|down/…")
    address = Address(levels[2], levels[3], "/".join(levels[4:]))
    if address.channel not in _CHANNELS:
        raise ContractError(f"topic {name[:200]!r} ends in an unknown channel {address.channel!r}")
    for level in address[:2]:
        if not _IDENTIFIER.fullmatch(level):
            raise ContractError(f"topic {name[:200]!r} has a name with other characters than a-z 0-9 _ -")
    return address
