"""Seals of commands to devices: a gateway obeys whoever has its key, not whoever can publish to its topic.

A broker that lets every gateway publish everywhere would else let one of them sound another's siren. The seal is
HMAC-SHA256 (RFC 2104) with the gateway's key, over a JSON array of city, gateway and everything that the command says.
"""

import hashlib
import hmac

import msgspec
from msgspec.structs import replace

from haechi.contract.control import Command

KEY_CHARACTERS_MIN = 32


def sealed(command: Command, key: bytes, tenant: str, gateway: str) -> Command:
    """Return the command with its seal for one gateway."""
    return replace(command, seal=_seal(command, key, tenant, gateway))


def is_sealed(command: Command, key: bytes, tenant: str, gateway: str) -> bool:
    """Tell whether somebody with the key sealed exactly this command for this gateway; without a key, nobody did."""
    return len(key) >= KEY_CHARACTERS_MIN and hmac.compare_digest(command.seal, _seal(command, key, tenant, gateway))


def _seal(command: Command, key: bytes, tenant: str, gateway: str) -> str:
    said = [
        *(tenant, gateway, command.id, command.name, command.expires_us, command.thing, command.event, command.at_us),
        *(command.actuator, command.value, _seconds(command.on_s), _seconds(command.valid_s), command.by),
    ]
    return hmac.new(key, msgspec.json.encode(said), hashlib.sha256).hexdigest()


def _seconds(written: float | None) -> float | None:
    """Return it as it comes out of JSON: 30 is 30.0 there."""
    return None if written is None else float(written)
