"""Reading the configuration file: every fault becomes one line with file, key, value and what was expected."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from haechi.edge.config import GatewayConfig
from haechi.text import _

_SHOWN_CHARACTERS = 80


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
    first = faults[0]
    key = key_path(first["loc"])
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if first["type"] == "missing":
        line = _("{key} is missing").format(key=key)
    elif first["type"] == "extra_forbidden":
        line = _("{key}: there is no such key").format(key=key)
    elif first["type"] == "value_error":
        scalar = isinstance(first["input"], str | int | float)
        line = f"{key} = {_shown(first['input'])}: {expected}" if scalar else f"{key}: {expected}" if key else expected
    else:
        line = _("{key} = {value}: expected {expected}").format(
            key=key, value=_shown(first["input"]), expected=expected
        )
    if len(faults) > 1:
        line += _(" (and {count} more)").format(count=len(faults) - 1)
    return line


def key_path(location: Sequence[str | int]) -> str:
    """Write a place in the file as people do: ``device[2].config.register[0].scale``."""
    path = ""
    for part in location:
        # The kinds of a rule are a level in pydantic's model, not in the file.
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in {"threshold", "rate", "stale"} or not path.startswith("rule["):
            path += f".{part}" if path else part
    return path


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return _("a table") if isinstance(value, dict) else _("a list")
    # Somebody may have put a password into an address; it must not stand in an error.
    text = re.sub(r"//[^/@\s]*@", "//***@", repr(value))
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
            "gateway": config.gateway.model_copy(update={"data_dir": folder / config.gateway.data_dir}),
            "uplink": config.uplink.model_copy(update=uplink),
        }
    )
