"""Which keys of a configuration hold secrets, told by their names; what stands there is shown to nobody."""

from collections.abc import Mapping

_WORDS = (
    *("password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "access_key", "access_code"),
    *("community", "credential", "private", "psk"),
)
_PARTS = frozenset(("pin", "key", "auth"))
"""Whole parts of a key's name, where a text stands: ``gate_pin = "0000"`` is a secret, ``pin = 17`` is none."""
HIDDEN = "***"
"""What is shown instead."""


def is_secret(key: str, value: object) -> bool:
    """Tell whether ``value``, written under ``key``, is a secret or the name of a file that holds one."""
    parts = set(key.lower().split("_"))
    named = isinstance(value, str) and not _PARTS.isdisjoint(parts)
    return named or any(word in key.lower() for word in _WORDS)


def shown(key: str, value: object) -> object:
    """Return ``value`` with what is shown instead of secrets, also within tables; the name of a file may be seen."""
    if isinstance(value, Mapping):
        return {name: shown(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown(key, inner) for inner in value]
    hides = is_secret(key, value) and not key.endswith("_file") and value is not None
    return HIDDEN if hides else value
