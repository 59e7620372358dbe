"""The few errors of an adapter; each says what happens next.

::

    AdapterError
    ├── ConfigError    the configuration cannot work: stop, tell the person (key, value, what was expected)
    ├── NotConnected   the device is not there or does not answer: the gateway tries again after ``retry_after_s``
    ├── NotDone        a command changed nothing for certain: it is told, and not tried again
    └── BadReading     bytes came that are not a reading: the adapter counts them, drops them and goes on

``ConfigError`` and ``NotConnected`` leave :meth:`haechi.sdk.adapter.Adapter.samples` and reach the gateway's
supervisor. ``BadReading`` never leaves an adapter: decoders raise it, the adapter's loop counts it. The text of an
error does not name the device, because the supervisor puts ``adapter device:`` before it::

    modbus river-1: 10.0.0.7:502 does not answer within 1.0 s; next try in 5 s
"""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from haechi.sdk.secret_names import shown
from haechi.text import _

_SHOWN_CHARACTERS = 80


class AdapterError(Exception):
    """Something is wrong with one device. The text is one line for a person."""


class ConfigError(AdapterError):
    """The configuration cannot work as written; trying again is useless until a person has changed it."""

    def __init__(self, key: str, value: object, expected: str) -> None:
        """Name the key (``register[0].scale``), the value that stands there, and what was expected in its place.

        What stands under a key that is named like a secret is not shown.
        """
        value = shown(key.rpartition(".")[2], value)
        self.key, self.value, self.expected = key, value, expected
        text = repr(value)
        if len(text) > _SHOWN_CHARACTERS:
            text = text[: _SHOWN_CHARACTERS - 1] + "…"
        super().__init__(_("{key} = {value}: expected {expected}").format(key=key, value=text, expected=expected))

    @classmethod
    def from_validation(cls, error: ValidationError) -> "ConfigError":
        """Make the one line out of what pydantic found first; the number of further faults is added to it."""
        first, *others = error.errors(include_url=False)
        expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        value: object = first["input"]
        location = list(first["loc"])
        match first["type"]:
            case "wrong_at_key":
                location.append(first["ctx"]["key"])
                value = first["ctx"]["value"]
            case "extra_forbidden":
                expected = _("no such key")
            case "missing":
                expected, value = _("a value, the key is required"), None
        if others:
            expected = _("{expected} (and {count} more faults)").format(expected=expected, count=len(others))
        return cls(key_path(location), value, expected)


def wrong(key: str, value: object, expected: str) -> PydanticCustomError:
    """Return what a model validator raises when ``key``, below the model, cannot work together with other keys."""
    return PydanticCustomError("wrong_at_key", "{expected}", {"key": key, "value": value, "expected": expected})


class NotConnected(AdapterError):  # noqa: N818 - reads as what it is
    """The device cannot be reached or does not answer; the gateway calls again after ``retry_after_s`` seconds."""

    def __init__(self, what: str, retry_after_s: float) -> None:
        """Say in ``what`` which address is meant and what was tried, such as ``10.0.0.7:502 refuses connections``."""
        self.what, self.retry_after_s = what, retry_after_s
        super().__init__(_("{what}; next try in {seconds:g} s").format(what=what, seconds=round(retry_after_s, 1)))


class NotDone(AdapterError):  # noqa: N818
    """A command has changed nothing, for certain: the device refused it, or it never left. Since SDK 1.1.

    Whatever else leaves :meth:`haechi.sdk.adapter.Adapter.actuate` means that nobody knows what the device did.
    """


class BadReading(AdapterError):  # noqa: N818
    """Bytes that are not a reading: wrong check sum, wrong length, not a number. Count, drop, go on."""


def key_path(location: Sequence[str | int]) -> str:
    """Write a place in a TOML document the way people do: ``register[0].scale``."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or _("configuration")
