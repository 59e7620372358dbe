"""Reading the configuration file: every fault becomes one line with file, key, value and what was expected."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from haechi.edge.config import GatewayConfig, Identity
from haechi.edge.vision.masked import masked
from haechi.sdk.errors import key_path as path_of
from haechi.text import _

_SHOWN_CHARACTERS = 80
_NAMES_A_SECRET, _HIDDEN = ("credentials", "password"), "***"


class ConfigError(Exception):
    """The configuration cannot be used as written: stop and show the person this one line."""


def load(path: Path) -> GatewayConfig:
    """Read and check a configuration file; relative paths in it are meant from the file's own folder.

    Raises:
        ConfigError: it is not there, is not TOML, or something in it is wrong.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None
    except UnicodeDecodeError:
        raise ConfigError(_("{path}: is not a text file in UTF-8").format(path=path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_("{path}: is not TOML: {reason}").format(path=path, reason=error)) from None
    try:
        config = GatewayConfig.model_validate(written)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error)}") from None
    return _anchored(config, path.parent)


def explain(error: ValidationError) -> str:
    """Say the first fault in one line, and how many more there are."""
    faults = error.errors(include_url=False)
    line = _line(faults[0])
    if len(faults) > 1:
        line += _(" (and {count} more)").format(count=len(faults) - 1)
    return line


def _line(fault: ErrorDetails) -> str:
    key, value = key_path(fault["loc"]), fault["input"]
    if fault["loc"] and str(fault["loc"][-1]).startswith(_NAMES_A_SECRET):
        value = _HIDDEN  # what stands where a secret's name belongs may well be the secret
    match fault["type"]:
        case "missing":
            return _("{key} is missing").format(key=key)
        case "extra_forbidden":
            return _("{key}: there is no such key").format(key=key)
        case "union_tag_not_found":
            return _("{key}.kind is missing").format(key=key)
        case "union_tag_invalid":
            key, value = f"{key}.kind", fault["ctx"]["tag"]
        case "value_error":
            said = fault["msg"].removeprefix("Value error, ")
            if isinstance(value, str | int | float):
                return f"{key} = {_shown(value)}: {said}"
            return f"{key}: {said}" if fault["loc"] else said
    return _("{key} = {value}: expected {expected}").format(key=key, value=_shown(value), expected=_expected(fault))


def _expected(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "string_pattern_mismatch":
            return _("a text like {pattern}").format(pattern=fault["ctx"]["pattern"])
        case "union_tag_invalid":
            return str(fault["ctx"]["expected_tags"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return _("a table")
        case "tuple_type" | "list_type" if isinstance(fault["input"], dict):
            return _("a list; write [[{key}]]").format(key=key_path(fault["loc"]))
        case "tuple_type" | "list_type":
            return _("a list")
        case "too_long":
            return _("a list of at most {count}").format(count=fault["ctx"]["max_length"])
        case "too_short":
            return _("a list of at least {count}").format(count=fault["ctx"]["min_length"])
        case "string_too_long":
            return _("at most {count} characters").format(count=fault["ctx"]["max_length"])
        case "string_too_short":
            return _("at least {count} characters").format(count=fault["ctx"]["min_length"])
        case _:
            return fault["msg"].removeprefix("Input should be ").partition(", unable to")[0]


def key_path(location: Sequence[str | int]) -> str:
    """Write a place in the file as people do: ``device[2].config.register[0].scale``."""
    # The kind of a rule or derivation is a level in pydantic's model, below its index, not in the file.
    if tuple(location[:1]) in {("rule",), ("derivation",)}:
        location = (*location[:2], *location[3:])
    # Which of several forms was tried, such as ``tuple[float, ...]``, is no level of the file either.
    return path_of(tuple(part for part in location if not (isinstance(part, str) and "[" in part)))


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return _("a table") if isinstance(value, dict) else _("a list")
    # Somebody may have put a password into an address; it must not stand in an error.
    text = repr(masked(value)) if isinstance(value, str) else masked(repr(value))
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _anchored(config: GatewayConfig, folder: Path) -> GatewayConfig:
    """Resolve relative paths against the file's folder, so that the agent may be started from anywhere."""
    uplink: dict[str, Any] = {
        name: folder / value
        for name in ("password_file", "ca_file", "cert_file", "key_file")
        if (value := getattr(config.uplink, name)) is not None
    }
    return config.model_copy(
        update={
            "gateway": _anchored_identity(config.gateway, folder),
            "uplink": config.uplink.model_copy(update=uplink),
            "camera": tuple(camera.anchored(folder) for camera in config.camera),
        }
    )


def _anchored_identity(identity: Identity, folder: Path) -> Identity:
    update: dict[str, Any] = {"data_dir": folder / identity.data_dir}
    if identity.command_key_file is not None:
        update["command_key_file"] = folder / identity.command_key_file
    return identity.model_copy(update=update)
